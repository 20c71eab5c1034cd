// Package identity turns the access token of a request into a [pat.Actor].
//
// A [Verifier] trusts the issuers of its [Config] and nobody else: tenants of
// Microsoft Entra ID, whose tokens come in two versions, and any OpenID
// Connect issuer whose access tokens are JWTs (RFC 9068). It checks form,
// issuer, signature, times, audience and tenant, in this order, and believes
// nothing before the signature has been verified.
//
// The keys of an issuer are found by OpenID Connect discovery, when the first
// token asks for them, and kept. A token that names an unknown key makes the
// Verifier look again, but no token, however made, can make it look often.
// A token that passed is remembered by its hash, for as long as its issuer's
// keys stay the same; its times are checked on every request.
package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	defaultSkew = time.Minute
	maxSkew     = 5 * time.Minute
)

// Config says whose access tokens a [Verifier] accepts. Issuers is required.
type Config struct {
	Issuers []Issuer
	// HTTP fetches discovery documents and key sets. Nil means a client on
	// [http.DefaultTransport]. Its redirect policy is replaced, its timeout
	// lowered to ten seconds where it is longer or absent.
	HTTP *http.Client
	// Now is the clock. Nil means [time.Now].
	Now func() time.Time
	// Skew is by how much the clocks of issuers may differ from ours, at most
	// five minutes. Zero means one minute.
	Skew time.Duration
	// Log receives what happens to key sets. Nil discards it.
	Log *slog.Logger
}

// Verifier authenticates callers by access token. It is safe for concurrent
// use.
type Verifier struct {
	trusted map[string]*trust // by the exact value of the iss claim
	now     func() time.Time
	skew    time.Duration
	log     *slog.Logger
	known   verified
}

// New checks cfg and makes a verifier from it, without asking the network for
// anything. The error names every fault.
func New(cfg Config) (*Verifier, error) {
	v := &Verifier{trusted: make(map[string]*trust), now: cfg.Now, skew: cfg.Skew, log: cfg.Log}
	if v.now == nil {
		v.now = time.Now
	}
	if v.skew == 0 {
		v.skew = defaultSkew
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	var faults []error
	if v.skew < 0 || v.skew > maxSkew {
		faults = append(faults, fmt.Errorf("clock skew %v: choose one from 0 to %v", v.skew, maxSkew))
	}
	if len(cfg.Issuers) == 0 {
		faults = append(faults, errors.New("no issuers: name at least one whose access tokens are accepted"))
	}
	remote := newRemote(cfg.HTTP)
	for _, issuer := range cfg.Issuers {
		trusts, err := issuer.resolve(func(source keySource) *keySet {
			source.development = issuer.Development
			return newKeySet(source, remote, v.now, v.log)
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("issuer %q: %w", issuer.URL, err))
		}
		for _, t := range trusts {
			if v.trusted[t.issuer] != nil {
				faults = append(faults, fmt.Errorf("issuer %q: %s is configured twice", issuer.URL, t.issuer))
			}
			v.trusted[t.issuer] = t
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("configuring identity: %w", err)
	}
	return v, nil
}

// Authenticate finds out for whom bearer, the credential of an Authorization
// header after "Bearer ", speaks. An actor may be an application, or lack
// permissions: to refuse it then is the business of [pat.Service].
//
// A credential that is not accepted is refused with a [pat.Error] of code
// [pat.CodeUnauthenticated]; the message holds nothing of the credential. Where
// the issuer's keys cannot be fetched the error wraps [pat.ErrUnavailable], and
// where ctx ends while waiting for them, the cause of that.
func (v *Verifier) Authenticate(ctx context.Context, bearer string) (pat.Actor, error) {
	if len(bearer) > maxToken {
		return pat.Actor{}, errTooLarge()
	}
	digest := sha256.Sum256([]byte(bearer))
	if t, ok := v.known.find(digest, v.now()); ok {
		if err := t.times.checkTimes(v.now(), v.skew); err != nil {
			return pat.Actor{}, err
		}
		return t.actor, nil
	}
	t, err := v.verify(ctx, bearer)
	if err != nil {
		return pat.Actor{}, err
	}
	v.known.add(digest, t)
	return t.actor, nil
}

// verify checks a token in full.
func (v *Verifier) verify(ctx context.Context, bearer string) (verifiedToken, error) {
	t, err := parseToken(bearer)
	if err != nil {
		return verifiedToken{}, err
	}
	trust := v.trusted[t.unverified.Issuer]
	if trust == nil {
		return verifiedToken{}, refuse("the access token is from an issuer or a tenant that is not accepted here: sign in with the right account")
	}
	ring, err := trust.keys.verify(ctx, t)
	if err != nil {
		return verifiedToken{}, err
	}
	said := &t.unverified // but verified now
	if err := said.checkTimes(v.now(), v.skew); err != nil {
		return verifiedToken{}, err
	}
	if err := said.checkUse(trust.audiences); err != nil {
		return verifiedToken{}, err
	}
	if said.groupsOmitted() {
		v.log.DebugContext(ctx, "the access token names no groups because there are too many: use app roles or assign fewer groups", "issuer", trust.issuer)
	}
	actor, err := trust.actor(said)
	times := claims{Expiry: said.Expiry, NotBefore: said.NotBefore, IssuedAt: said.IssuedAt}
	return verifiedToken{trust, ring, times, actor}, err
}

// Probe fetches the keys of every issuer, so that what is wrong with one shows
// before the first caller comes. Its error joins those of all issuers that
// failed, [ErrDevelopment] among them where it is the reason.
func (v *Verifier) Probe(ctx context.Context) error {
	var faults []error
	for _, t := range v.trusted {
		faults = append(faults, t.keys.await(ctx, t.keys.refresh(ctx, t.keys.ring.Load())))
	}
	return errors.Join(faults...)
}

func refuse(message string) error {
	return &pat.Error{Code: pat.CodeUnauthenticated, Message: message}
}
