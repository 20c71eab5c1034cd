package signin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	// refreshAfter is the age from which a provider is asked again how it works.
	refreshAfter = 24 * time.Hour
	// retryAfter is how long what is known is used after asking again failed.
	retryAfter = time.Minute
)

// metadata is the part of a discovery document (OpenID Connect Discovery
// section 3, RFC 8414 section 2, RFC 9207 section 3) that is used.
type metadata struct {
	Issuer               string   `json:"issuer"`
	Authorization        string   `json:"authorization_endpoint"`
	Token                string   `json:"token_endpoint"`
	Keys                 string   `json:"jwks_uri"`
	EndSession           string   `json:"end_session_endpoint"`
	Scopes               []string `json:"scopes_supported"`
	Algorithms           []string `json:"id_token_signing_alg_values_supported"`
	ClientAuthentication []string `json:"token_endpoint_auth_methods_supported"`
	AssertionAlgorithms  []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	NamesItself          bool     `json:"authorization_response_iss_parameter_supported"`
}

// issuer is a provider whose discovery document is known.
type issuer struct {
	metadata
	inquiry
	keys oidc.KeySet
}

// inquiry is what is known of a provider before it is asked.
type inquiry struct {
	address string // of the issuer
	anyName bool   // the issuer may be of another name, with the tenant in it
	keysFor string // appended to the address of the keys
	client  string
	http    *http.Client
	now     func() time.Time
}

// directory asks the provider how it works when that is first needed, and
// remembers it.
type directory struct {
	inquiry

	mu    sync.Mutex
	known *issuer
	until time.Time // known is used as it is
	asked *question // under way
}

// question is asked once for all who wait for its answer. What it returned may
// be read when done is closed.
type question struct {
	done   chan struct{}
	issuer *issuer
	err    error
}

// issuer returns what is known, and asks where that is nothing or old.
func (d *directory) issuer(ctx context.Context) (*issuer, error) {
	d.mu.Lock()
	if d.known != nil && d.now().Before(d.until) {
		defer d.mu.Unlock()
		return d.known, nil
	}
	q := d.asked
	if q == nil {
		q = &question{done: make(chan struct{})}
		d.asked = q
		go d.ask(q)
	}
	d.mu.Unlock()
	select {
	case <-q.done:
		return q.issuer, q.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask answers q in no caller's context: who came first may leave, and the others
// still wait.
func (d *directory) ask(q *question) {
	found, err := d.discover(context.Background())
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		d.known, d.until = found, d.now().Add(refreshAfter)
	case d.known != nil:
		d.until, err = d.now().Add(retryAfter), nil
	}
	q.issuer, q.err, d.asked = d.known, err, nil
	close(q.done)
}

func (n inquiry) discover(ctx context.Context) (*issuer, error) {
	ctx = oidc.ClientContext(ctx, n.http)
	asking := ctx
	if n.anyName {
		asking = oidc.InsecureIssuerURLContext(ctx, "") // faultOf looks at the name
	}
	provider, err := oidc.NewProvider(asking, n.address)
	if err != nil {
		return nil, err
	}
	i := issuer{inquiry: n}
	if err := provider.Claims(&i.metadata); err != nil {
		return nil, err
	}
	if err := i.check(); err != nil {
		return nil, err
	}
	i.keys = oidc.NewRemoteKeySet(ctx, i.Keys+n.keysFor)
	return &i, nil
}

// check fails where the document leads to anything but web addresses.
func (m metadata) check() error {
	for _, endpoint := range []struct {
		name, address string
		optional      bool
	}{
		{"authorization_endpoint", m.Authorization, false},
		{"token_endpoint", m.Token, false},
		{"jwks_uri", m.Keys, false},
		{"end_session_endpoint", m.EndSession, true},
	} {
		if endpoint.address == "" && endpoint.optional {
			continue
		}
		if err := checkWebAddress(endpoint.address); err != nil {
			return &Error{Reason: ReasonOther, Err: fmt.Errorf("asking the provider how to sign in: its %s is not used: %w", endpoint.name, err)}
		}
	}
	return nil
}

// signatures are the algorithms that ID tokens may be signed with: those of
// public keys. RS256 is meant where the provider says nothing.
func (m metadata) signatures() []string {
	return slices.DeleteFunc(slices.Clone(m.Algorithms), func(name string) bool {
		return !slices.Contains([]string{
			oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
		}, name)
	})
}
