package devidp

import (
	"cmp"
	"crypto/rand"
	"net/url"
	"time"
)

// rotationGrace is how long an exchanged refresh token stays good, because
// processes that share a cache refresh at the same moment.
const rotationGrace = time.Minute

const purposeRefresh = "refresh token"

// refreshToken is what a refresh token says. The client carries it, sealed. The
// provider remembers which were exchanged, in memory: after a restart it forgets
// that and takes one again, as Entra always does.
type refreshToken struct {
	ID       string
	Client   string
	User     string
	Scope    string
	Expires  time.Time
	Contexts []string `json:",omitempty"`
	Refuse   string   `json:",omitempty"`
}

func (p *Provider) issueRefreshToken(g grant) (string, error) {
	return p.sealer.seal(purposeRefresh, refreshToken{
		ID:       rand.Text(),
		Client:   g.Client.ID,
		User:     g.User.ObjectID,
		Scope:    g.Scope.String(),
		Expires:  p.cfg.Now().Add(p.cfg.RefreshTokenLife),
		Contexts: g.Contexts,
		Refuse:   g.Refuse,
	})
}

// redeemRefreshToken is the refresh grant (RFC 6749 section 6). As in Entra, a
// refresh token is good for any resource, not only for the one it came with.
func (p *Provider) redeemRefreshToken(client *Client, form url.Values) (grant, error) {
	if form.Get("refresh_token") == "" {
		return grant{}, missing("refresh_token")
	}
	var token refreshToken
	if p.sealer.open(purposeRefresh, form.Get("refresh_token"), &token) != nil {
		return grant{}, invalidGrant(9002313, "The provided refresh token is malformed or was not issued by this tenant.")
	}
	now := p.cfg.Now()
	user := p.user(token.User)
	switch {
	case token.Client != client.ID:
		return grant{}, invalidGrant(70000, "The provided refresh token was issued to another client.")
	case now.After(token.Expires):
		return grant{}, expiredRefreshToken()
	case user == nil:
		return grant{}, unknownUser()
	}
	asked, err := p.askedScope(form, token.Scope)
	if err != nil {
		return grant{}, err
	}
	if err := cmp.Or(refusedAt(atRenewal, token.Refuse), checkContexts(form, token.Contexts)); err != nil {
		return grant{}, err
	}
	if exchanged, again := p.rotated.use(token.ID, now); again && now.Sub(exchanged) > rotationGrace {
		return grant{}, invalidGrant(70000, "The provided refresh token was already exchanged for a newer one.")
	}
	return grant{Client: client, User: user, Scope: asked, Contexts: token.Contexts}, nil
}

func expiredRefreshToken() *refusal {
	return invalidGrant(700082, "The refresh token has expired due to inactivity. Sign in again.")
}
