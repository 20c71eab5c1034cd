package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/session"
)

// freshLife is how long the secret of a new token waits to be shown, and
// maxFresh how many do.
const (
	freshLife = 10 * time.Minute
	maxFresh  = 4
)

// freshToken is a new token whose secret waits in the session to be shown.
type freshToken struct {
	Organization string
	Token        api.PatToken
	// Asked is the end that was asked for, zero where none was.
	Asked time.Time
	// Replaces is the token that it is the successor of, nil where there is none.
	Replaces *replaced
	// Until is when the secret is dropped.
	Until time.Time
}

// fresh is the place of the token with that id among those that wait, -1 where
// it does not.
func (k *knowledge) fresh(id string) int {
	return slices.IndexFunc(k.Fresh, func(f freshToken) bool { return f.Token.AuthorizationID == id })
}

// keepSecret keeps a new token for its page, to which the caller sends the
// browser next. asked is the end that was asked for. Where the session is not
// there to keep it any more nobody has the secret: discard the token then.
func (v *visit) keepSecret(token api.PatToken, asked *api.Time, replaces *replaced) error {
	now := v.console.Now()
	f := freshToken{Organization: v.organization, Token: token, Replaces: replaces, Until: now.Add(freshLife)}
	if asked != nil {
		f.Asked = asked.Time
	}
	return v.change(func(k *knowledge) error {
		k.Fresh = append(last(k.Fresh, maxFresh-1), f)
		if i := k.sent(v.PostFormValue(fieldOnce)); i >= 0 {
			k.Sent = slices.Clone(k.Sent)
			k.Sent[i].Token = token.AuthorizationID
		}
		return nil
	})
}

// replace notes what became of the token that the new one with that id
// replaces.
func (k *knowledge) replace(id string, r replaced) error {
	if i := k.fresh(id); i >= 0 {
		k.Fresh = slices.Clone(k.Fresh)
		k.Fresh[i].Replaces = &r
	}
	return nil
}

// errShown is the error of a secret that was shown, or dropped.
var errShown = errors.New("the secret is not there any more")

// takeSecret takes a new token out of the session, for one request alone. It is
// [errShown] for all others.
func (v *visit) takeSecret(id string) (taken freshToken, err error) {
	err = v.change(func(k *knowledge) error {
		i := k.fresh(id)
		if i < 0 || k.Fresh[i].Organization != v.organization {
			return errShown
		}
		taken = k.Fresh[i]
		k.Fresh = slices.Delete(slices.Clone(k.Fresh), i, i+1)
		return nil
	})
	return taken, err
}

// dropSecrets drops those that waited too long.
func (v *visit) dropSecrets() error {
	overdue := func(f freshToken) bool { return !f.Until.After(v.console.Now()) }
	if v.who == nil || !slices.ContainsFunc(v.who.Fresh, overdue) {
		return nil
	}
	err := v.change(func(k *knowledge) error {
		k.Fresh = slices.DeleteFunc(slices.Clone(k.Fresh), overdue)
		return nil
	})
	if errors.Is(err, session.ErrNone) {
		v.who = nil
		return nil
	}
	return err
}

// discard revokes a new token that could not be kept because of cause, and is
// what to tell of that. as is the API as who created it.
func (v *visit) discard(as *client.Client, token api.PatToken, cause error) error {
	v.console.Log.Error("the secret of a new token could not be kept", "authorization_id", token.AuthorizationID, "error", cause)
	p := &problem{
		Status: http.StatusServiceUnavailable, Title: "The token could not be shown",
		Text: "It was created, but its secret could not be kept for you, so it was revoked again.", Advice: "Create another.",
		Retry: v.newTokenPath(), RetryLabel: "New token",
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.Context()), requestTimeout)
	defer cancel()
	if err := as.Revoke(ctx, token.AuthorizationID); err != nil {
		p.Text, p.Advice = "It was created, but its secret could not be kept for you, and to revoke it again failed.", "Revoke it yourself: nobody has its secret."
		p.Retry, p.RetryLabel = v.tokenPath(token.AuthorizationID), "Show the token"
	}
	return p
}

// signedInNow is the API as the visitor with the access token of now, for several
// calls at a time, and for what must be done even where the session ends
// meanwhile.
func (v *visit) signedInNow() (*client.Client, error) {
	token, err := v.accessToken(v.Context())
	if err != nil {
		return nil, err
	}
	return v.console.api(v.organization, func(context.Context) (string, error) { return token, nil }), nil
}

// The pages about a token.
func (v *visit) newTokenPath() string { return "/" + url.PathEscape(v.organization) + "/tokens/new" }

func (v *visit) tokenPath(id string) string { return tokenPath(v.organization, id) }

func (v *visit) createdPath(id string) string { return v.tokenPath(id) + "/created" }
