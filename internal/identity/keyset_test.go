package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/patrolhq/patrol/internal/pat"
)

func oldKey() jose.JSONWebKey { return jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "rsa"} }
func newKey() jose.JSONWebKey { return jose.JSONWebKey{Key: nextRSAKey().Public(), KeyID: "next"} }

// lasting makes a token of the old or the new key that outlives every test.
func lasting(t testing.TB, id string) string {
	t.Helper()
	key := rsaKey()
	if id == "next" {
		key = nextRSAKey()
	}
	return signed(t, jose.RS256, key, map[string]any{"kid": id}, openIDClaims().with(claimSet{"exp": start.AddDate(1, 0, 0).Unix()}))
}

func accepts(t testing.TB, v *Verifier, token string) {
	t.Helper()
	if _, err := v.Authenticate(t.Context(), token); err != nil {
		t.Errorf("Authenticate = %v, want an actor", err)
	}
}

func refuses(t testing.TB, v *Verifier, token string) {
	t.Helper()
	if _, err := v.Authenticate(t.Context(), token); pat.CodeOf(err) != pat.CodeUnauthenticated {
		t.Errorf("Authenticate = %v, want a refusal", err)
	}
}

func unavailable(t testing.TB, v *Verifier, token string) {
	t.Helper()
	_, err := v.Authenticate(t.Context(), token)
	if !errors.Is(err, pat.ErrUnavailable) || !strings.Contains(err.Error(), openID) || pat.CodeOf(err) != "" {
		t.Errorf("Authenticate = %v, want an error about %s that wraps ErrUnavailable", err, openID)
	}
}

func fetched(t testing.TB, p *provider, want int64) {
	t.Helper()
	if got := p.fetches.Load(); got != want {
		t.Errorf("the key set was fetched %d times, want %d", got, want)
	}
}

func TestKeySetFlood(t *testing.T) {
	t.Parallel()
	p, c := newProvider(oldKey()), &clock{now: start}
	v := newVerifier(t, config(p, c.Now))
	flood := func(n int) {
		for i := range n {
			refuses(t, v, assembled(fmt.Sprintf(`{"alg":"RS256","kid":"%d"}`, i), string(marshal(t, openIDClaims())), make([]byte, 256)))
		}
	}
	accepts(t, v, lasting(t, "rsa"))
	fetched(t, p, 1)
	flood(1000)
	fetched(t, p, 2)
	p.publish(newKey())
	refuses(t, v, lasting(t, "next"))
	accepts(t, v, lasting(t, "rsa"))
	fetched(t, p, 2)

	c.advance(fetchInterval)
	accepts(t, v, lasting(t, "next"))
	fetched(t, p, 3)
	flood(1000)
	fetched(t, p, 3)
	if got := p.discoveries.Load(); got != 3 {
		t.Errorf("discovery was asked %d times, want 3", got)
	}
}

func TestKeySetFloodOfForgeries(t *testing.T) {
	t.Parallel()
	p := newProvider(oldKey())
	v := newVerifier(t, config(p, fixed))
	forged := signed(t, jose.RS256, nextRSAKey(), map[string]any{"kid": "rsa"}, openIDClaims())
	for range 100 {
		refuses(t, v, forged)
	}
	fetched(t, p, 1)
}

func TestKeySetFloodAcrossIssuers(t *testing.T) {
	t.Parallel()
	p := newProvider()
	v := newVerifier(t, config(p, fixed))
	for i := range 100 {
		refuses(t, v, good(t, openIDClaims().with(claimSet{"iss": fmt.Sprintf("https://%d.example", i)})))
	}
	fetched(t, p, 0)
}

// A caller that comes late, with keys that were replaced meanwhile, finds the
// new ones without a fetch.
func TestKeySetLateCaller(t *testing.T) {
	t.Parallel()
	p := newProvider(oldKey())
	v := newVerifier(t, config(p, fixed))
	accepts(t, v, lasting(t, "rsa"))
	keys := v.trusted[openID].keys
	if err := keys.await(t.Context(), keys.refresh(t.Context(), nil)); err != nil {
		t.Errorf("refresh = %v", err)
	}
	fetched(t, p, 1)
}

func TestKeySetRotation(t *testing.T) {
	t.Parallel()
	p, c := newProvider(oldKey()), &clock{now: start}
	v := newVerifier(t, config(p, c.Now))
	accepts(t, v, lasting(t, "rsa"))
	p.publish(oldKey(), newKey())
	accepts(t, v, lasting(t, "next"))
	accepts(t, v, lasting(t, "rsa"))
	fetched(t, p, 2)
}

func TestKeySetRotationWithoutKeyIDs(t *testing.T) {
	t.Parallel()
	anonymous := func(key jose.JSONWebKey) jose.JSONWebKey {
		key.KeyID = ""
		return key
	}
	p := newProvider(anonymous(oldKey()))
	v := newVerifier(t, config(p, fixed))
	accepts(t, v, signed(t, jose.RS256, rsaKey(), nil, openIDClaims()))
	p.publish(anonymous(newKey()))
	accepts(t, v, signed(t, jose.RS256, nextRSAKey(), nil, openIDClaims()))
	refuses(t, v, signed(t, jose.RS256, rsaKey(), nil, openIDClaims()))
	fetched(t, p, 2)
}

func TestKeySetRemoval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := newProvider(oldKey(), newKey()), &clock{now: start}
		v := newVerifier(t, config(p, c.Now))
		accepts(t, v, lasting(t, "next"))
		p.publish(newKey())
		c.advance(refreshAfter - time.Second)
		accepts(t, v, lasting(t, "rsa"))
		synctest.Wait()
		fetched(t, p, 1)

		c.advance(time.Second)
		accepts(t, v, lasting(t, "next"))
		synctest.Wait()
		fetched(t, p, 2)
		refuses(t, v, lasting(t, "rsa"))
		accepts(t, v, lasting(t, "next"))
	})
}

func TestKeySetGrowsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, c := newProvider(oldKey()), &clock{now: start}
		v := newVerifier(t, config(p, c.Now))
		accepts(t, v, lasting(t, "rsa"))
		p.answerKeys(http.NotFound)
		c.advance(refreshAfter)
		for range 3 {
			accepts(t, v, lasting(t, "rsa"))
			synctest.Wait()
		}
		c.advance(distrustAfter - refreshAfter)
		unavailable(t, v, lasting(t, "rsa"))
		p.publish(oldKey())
		c.advance(fetchInterval)
		accepts(t, v, lasting(t, "rsa"))
	})
}

func TestKeySetDown(t *testing.T) {
	t.Parallel()
	p, c := newProvider(), &clock{now: start}
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	p.answerKeys(down)
	v := newVerifier(t, config(p, c.Now))
	for range 10 {
		unavailable(t, v, lasting(t, "rsa"))
	}
	fetched(t, p, 2)
	p.publish(oldKey())
	unavailable(t, v, lasting(t, "rsa"))
	c.advance(fetchInterval)
	accepts(t, v, lasting(t, "rsa"))

	p.answerKeys(down)
	c.advance(fetchInterval)
	accepts(t, v, lasting(t, "rsa"))
	for range 10 {
		unavailable(t, v, lasting(t, "next"))
	}
	fetched(t, p, 4)
	p.publish(newKey())
	c.advance(fetchInterval)
	accepts(t, v, lasting(t, "next"))
	refuses(t, v, lasting(t, "rsa"))
}

func TestKeySetBadAnswers(t *testing.T) {
	t.Parallel()
	write := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.String() == to {
				_, _ = w.Write(marshal(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{oldKey()}}))
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
		}
	}
	manyKeys := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[%s{}]}`, strings.Repeat("{},", maxKeys))
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"HTML", write("<!doctype html><title>Sign in</title>"), "not a JWK Set"},
		{"nothing", write(""), "not a JWK Set"},
		{"array", write("[]"), "not a JWK Set"},
		{"no keys", write(`{"keys":[]}`), "no key"},
		{"other document", write(`{}`), "no key"},
		{"useless keys", write(`{"keys":[{},7,{"kty":"oct","k":"c2VjcmV0"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"Ed448","x":"AA"}]}`), "no key"},
		{"huge key", write(fmt.Sprintf(`{"keys":[{"kty":"RSA","e":"AQAB","n":%q}]}`, strings.Repeat("x", 20000))), "no key"},
		{"too many keys", manyKeys, "more than"},
		{"huge", write(`{"keys":[` + strings.Repeat(" ", maxDocument) + `]}`), "larger than"},
		{"nested", write(strings.Repeat("[", 100000)), "nests too deeply"},
		{"error", status(http.StatusInternalServerError), "500"},
		{"no content", status(http.StatusNoContent), "204"},
		{"redirect to another host", redirect("https://evil.example/keys"), "redirects to another host"},
		{"redirect to plain HTTP", redirect("http://accounts.example/keys"), "redirects to another host"},
		{"redirect in a circle", redirect("/keys"), "redirects to another host, or too often"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			p.answerKeys(test.answer)
			v := newVerifier(t, config(p, fixed))
			_, err := v.Authenticate(t.Context(), lasting(t, "rsa"))
			if !errors.Is(err, pat.ErrUnavailable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Authenticate = %v, want an error about %q that wraps ErrUnavailable", err, test.want)
			}
		})
	}
}

func TestKeySetRedirect(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answerKeys(func(w http.ResponseWriter, r *http.Request) {
		p.publish(oldKey())
		http.Redirect(w, r, "/keys", http.StatusFound)
	})
	accepts(t, newVerifier(t, config(p, fixed)), lasting(t, "rsa"))
	fetched(t, p, 2)
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	document := func(issuer, keys string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, keys) }
	const v2Issuer = authority + "/" + tenantID + "/v2.0"
	tests := []struct {
		name     string
		claims   claimSet
		document string
		want     string // part of the error; empty where none is expected
	}{
		{"entra", v2Claims(), document(v2Issuer, authority+"/keys"), ""},
		{"entra template", v2Claims(), document(authority+"/{tenantid}/v2.0", authority+"/keys"), ""},
		{"keys of v1 tokens", v1Claims(), document(v2Issuer, authority+"/keys"), ""},
		{"keys on another host", openIDClaims(), document(openID, "https://keys.example/keys"), ""},
		{"another tenant", v2Claims(), document(authority+"/"+otherID+"/v2.0", authority+"/keys"), "names the issuer"},
		{"another issuer", openIDClaims(), document("https://evil.example", "https://evil.example/keys"), "names the issuer"},
		{"issuer with a slash", openIDClaims(), document(openID+"/", openID+"/keys"), "names the issuer"},
		{"template for all", openIDClaims(), document("{tenantid}", openID+"/keys"), "names the issuer"},
		{"template for none", openIDClaims(), document(openID+"{tenantid}", openID+"/keys"), "names the issuer"},
		{"no issuer", openIDClaims(), `{"jwks_uri":"https://accounts.example/keys"}`, "names the issuer"},
		{"no keys", openIDClaims(), document(openID, ""), "no address"},
		{"keys over plain HTTP", openIDClaims(), document(openID, "http://accounts.example/keys"), "not secure"},
		{"keys on loopback", openIDClaims(), document(openID, "http://127.0.0.1/keys"), "not secure"},
		{"keys in a file", openIDClaims(), document(openID, "file:///etc/passwd"), "no address"},
		{"HTML", openIDClaims(), "<html>", "no discovery document"},
		{"issuer twice", openIDClaims(), `{"issuer":"x","issuer":"` + openID + `"}`, "no discovery document"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			p.discovery = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, test.document) }
			_, err := newVerifier(t, config(p, fixed)).Authenticate(t.Context(), good(t, test.claims))
			if test.want == "" {
				if err != nil {
					t.Errorf("Authenticate = %v, want an actor", err)
				}
				return
			}
			if !errors.Is(err, pat.ErrUnavailable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Authenticate = %v, want an error about %q that wraps ErrUnavailable", err, test.want)
			}
			fetched(t, p, 0)
		})
	}
}

// Entra publishes keys of single tenants beside those of all.
func TestKeyIssuers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		issuer string
		want   bool
	}{
		{"", true},
		{authority + "/{tenantid}/v2.0", true},
		{authority + "/" + tenantID + "/v2.0", true},
		{authority + "/" + tenantID + "/", true},
		{authority + "/" + otherID + "/v2.0", false},
		{"https://evil.example/{tenantid}/v2.0", false},
	}
	for _, test := range tests {
		p := newProvider()
		p.answerKeys(func(w http.ResponseWriter, _ *http.Request) {
			key := strings.TrimSuffix(string(marshal(t, oldKey())), "}")
			fmt.Fprintf(w, `{"keys":[%s,"x5t":"wrong","x5c":["wrong"],"issuer":%q}]}`, key, test.issuer)
		})
		_, err := newVerifier(t, config(p, fixed)).Authenticate(t.Context(), good(t, v2Claims()))
		if accepted := err == nil; accepted != test.want {
			t.Errorf("a key of issuer %q: Authenticate = %v, want acceptance %v", test.issuer, err, test.want)
		}
	}
}

func TestKeySetSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		p.answerKeys(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		v := newVerifier(t, config(p, fixed))
		began := time.Now()
		unavailable(t, v, lasting(t, "rsa"))
		if got := time.Since(began); got != fetchTimeout {
			t.Errorf("a fetch took %v, want %v", got, fetchTimeout)
		}
	})
}

// A caller that gives up neither waits on nor takes the keys from the others.
func TestKeySetCancelledCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, release := newProvider(), make(chan struct{})
		p.answerKeys(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
				_, _ = w.Write(marshal(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{oldKey()}}))
			case <-r.Context().Done():
			}
		})
		v := newVerifier(t, config(p, fixed))
		token := lasting(t, "rsa")
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				if _, err := v.Authenticate(ctx, token); !errors.Is(err, context.Canceled) || pat.CodeOf(err) != "" {
					t.Errorf("Authenticate = %v, want %v", err, context.Canceled)
				}
			})
			synctest.Wait()
		}
		cancel()
		callers.Wait()
		for range 10 {
			callers.Go(func() { accepts(t, v, token) })
		}
		synctest.Wait()
		close(release)
		callers.Wait()
		fetched(t, p, 1)
	})
}

func TestKeySetConcurrently(t *testing.T) {
	t.Parallel()
	p, c := newProvider(oldKey(), newKey()), &clock{now: start}
	v := newVerifier(t, config(p, c.Now))
	tokens := []string{lasting(t, "rsa"), lasting(t, "next")}
	unknown := assembled(`{"alg":"RS256","kid":"unknown"}`, string(marshal(t, openIDClaims())), make([]byte, 256))
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for range 20 {
				accepts(t, v, tokens[i%2])
				refuses(t, v, unknown)
			}
		})
	}
	callers.Wait()
	fetched(t, p, 2)
}

// Plain HTTP is for this machine: over a real socket, as patrold dev uses it.
func TestLoopback(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, discovers := strings.CutSuffix(r.URL.Path, wellKnown); discovers {
			fmt.Fprintf(w, `{"issuer":"http://%[1]s%[2]s","jwks_uri":"http://%[1]s/keys"}`, r.Host, path)
			return
		}
		_, _ = w.Write(marshal(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{oldKey()}}))
	}))
	defer server.Close()
	v := newVerifier(t, Config{
		Issuers: []Issuer{
			{Kind: KindEntra, URL: server.URL, Tenants: []string{tenantID}},
			{Kind: KindOIDC, URL: server.URL},
		},
		HTTP: server.Client(),
		Now:  fixed,
	})
	accepts(t, v, good(t, v2Claims().with(claimSet{"iss": server.URL + "/" + tenantID + "/v2.0"})))
	accepts(t, v, good(t, v1Claims().with(claimSet{"iss": server.URL + "/" + tenantID + "/"})))
	accepts(t, v, good(t, openIDClaims().with(claimSet{"iss": server.URL})))
}
