package signin_test

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/devidp"
)

// TestSignIn goes the whole way at the development provider.
func TestSignIn(t *testing.T) {
	t.Parallel()
	const (
		bySecret      = false
		byCertificate = true
	)
	for _, test := range []struct {
		name, kind, scheme, segment string
		certificate                 bool
	}{
		{"OpenID Connect over http", signin.KindOIDC, "http", "", bySecret},
		{"OpenID Connect over https", signin.KindOIDC, "https", "", bySecret},
		{"OpenID Connect with a certificate", signin.KindOIDC, "https", "", byCertificate},
		{"Entra with a secret", signin.KindEntra, "https", "", bySecret},
		{"Entra with a certificate", signin.KindEntra, "https", "", byCertificate},
		{"Entra for several tenants", signin.KindEntra, "https", "organizations", bySecret},
		{"Entra for all", signin.KindEntra, "https", "common", byCertificate},
		{"Entra by domain", signin.KindEntra, "https", "contoso.example/", bySecret},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			certificate := newCertificate(t, rsaKey(t))
			s := startSite(t, test.scheme, func(c *devidp.Config) {
				if test.certificate {
					c.Clients[0].Secret = ""
					c.Clients[0].Certificates = append(c.Clients[0].Certificates, certificate)
				}
			})
			c := s.config(test.kind)
			if test.segment != "" {
				c.Authority = s.URL + "/" + test.segment
			}
			if test.certificate {
				own, err := signin.NewCertificate([]*x509.Certificate{certificate}, rsaKey(t))
				if err != nil {
					t.Fatal(err)
				}
				c.Secret, c.Certificate = "", own
			}
			p := newProvider(t, c)
			user, credentials := s.signIn(t, p, alice)
			checkUser(t, test.kind, user)
			checkCredentials(t, s, credentials)

			renewed, err := p.Renew(t.Context(), credentials)
			if err != nil {
				t.Fatalf("Renew = %v, want credentials", err)
			}
			checkCredentials(t, s, renewed)
			if renewed.AccessToken == credentials.AccessToken || string(renewed.Renewal) == string(credentials.Renewal) {
				t.Error("Renew returned the same tokens, want new ones")
			}
			if renewed.Hint != credentials.Hint {
				t.Error("Renew changed the hint, want it kept")
			}
			if _, err := p.Renew(t.Context(), renewed); err != nil {
				t.Errorf("Renew again = %v, want credentials", err)
			}
			checkSignOut(t, s, p, renewed)

			again, _ := s.signIn(t, p, alice)
			if diff := cmp.Diff(user, again); diff != "" {
				t.Errorf("signing in again gives another user (-first +second):\n%s", diff)
			}
			if other, _ := s.signIn(t, p, carol); other.Key == user.Key {
				t.Error("two people have one key, want two")
			}
		})
	}
}

func checkUser(t *testing.T, kind string, got signin.User) {
	t.Helper()
	want := signin.User{Key: got.Key, ID: got.ID, Tenant: tenant, Name: alice.Name, Username: alice.Username}
	if kind == signin.KindEntra {
		want.ID = alice.ObjectID
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("user (-want +got):\n%s", diff)
	}
	if got.ID == "" || len(got.Key) != 43 || strings.Contains(got.Key, got.ID) {
		t.Errorf("key = %q for id %q, want 43 opaque characters", got.Key, got.ID)
	}
}

func checkCredentials(t *testing.T, s *site, c signin.Credentials) {
	t.Helper()
	if left := c.Expires.Sub(s.clock.now()); left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("the access token is good for %v, want an hour", left)
	}
	if strings.Count(c.AccessToken, ".") != 2 || len(c.Renewal) == 0 {
		t.Error("credentials lack a token, want both")
	}
	if strings.Contains(string(c.Renewal), c.AccessToken) {
		t.Error("what renews has the access token in it, want it once")
	}
}

func checkSignOut(t *testing.T, s *site, p signin.Provider, c signin.Credentials) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.SignOutURL(t.Context(), after, c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: s.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Location"); got != after {
		t.Errorf("signing out leads to %q (%s), want %q", got, resp.Status, after)
	}
}

func TestSignOutHint(t *testing.T) {
	t.Parallel()
	s := startSite(t, "https")
	id := strings.Repeat("i", 2000)
	for _, test := range []struct {
		kind, hint string
		want       url.Values
	}{
		{signin.KindOIDC, id, url.Values{"client_id": {clientID}, "post_logout_redirect_uri": {after}, "id_token_hint": {id}}},
		{signin.KindOIDC, "", url.Values{"client_id": {clientID}, "post_logout_redirect_uri": {after}}},
		{signin.KindEntra, "O.CiQ", url.Values{"post_logout_redirect_uri": {after}, "logout_hint": {"O.CiQ"}}},
		{signin.KindEntra, "", url.Values{"post_logout_redirect_uri": {after}}},
	} {
		address := newProvider(t, s.config(test.kind)).SignOutURL(t.Context(), after, signin.Credentials{Hint: test.hint})
		base, query, _ := strings.Cut(address, "?")
		if want := s.URL + "/" + tenant + "/oauth2/v2.0/logout"; base != want {
			t.Errorf("%s: signing out at %q, want %q", test.kind, base, want)
		}
		got, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: query (-want +got):\n%s", test.kind, diff)
		}
	}
}

func TestBegin(t *testing.T) {
	t.Parallel()
	s := startSite(t, "https")
	const (
		challenge    = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
		capabilities = `{"access_token":{"xms_cc":{"values":["CP1"]}}}`
		merged       = `{"access_token":{"acrs":{"essential":true,"value":"c1"},"xms_cc":{"values":["CP1"]}}}`
	)
	for _, test := range []struct {
		name, kind string
		edit       func(*signin.Attempt)
		want       url.Values
	}{
		{"OpenID Connect", signin.KindOIDC, func(*signin.Attempt) {}, url.Values{}},
		{"OpenID Connect, all", signin.KindOIDC, func(a *signin.Attempt) {
			a.Choose, a.LoginHint, a.Claims = true, alice.Username, challenge
		}, url.Values{"prompt": {"select_account"}, "login_hint": {alice.Username}, "claims": {challenge}}},
		{"Entra", signin.KindEntra, func(*signin.Attempt) {}, url.Values{"claims": {capabilities}, "response_mode": {"query"}}},
		{"Entra, all", signin.KindEntra, func(a *signin.Attempt) {
			a.Choose, a.LoginHint, a.Claims = true, alice.Username, challenge
		}, url.Values{"prompt": {"select_account"}, "login_hint": {alice.Username}, "claims": {merged}, "response_mode": {"query"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAttempt()
			a.Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
			test.edit(&a)
			address, err := newProvider(t, s.config(test.kind)).Begin(t.Context(), a)
			if err != nil {
				t.Fatalf("Begin = %v, want an address", err)
			}
			base, query, _ := strings.Cut(address, "?")
			if want := s.URL + "/" + tenant + "/oauth2/v2.0/authorize"; base != want {
				t.Errorf("address = %q, want %q", base, want)
			}
			got, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{
				"client_id": clientID, "response_type": "code", "redirect_uri": redirect,
				"scope": "openid profile offline_access " + scope, "state": a.State, "nonce": a.Nonce,
				"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
			} {
				test.want.Set(name, value)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBadChallenge: what is no challenge is not sent on.
func TestBadChallenge(t *testing.T) {
	t.Parallel()
	s := startSite(t, "https")
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		for _, claims := range []string{"eyJhIjp7fX0", "null", `"a"`, `{"a":"` + strings.Repeat("a", 5000) + `"}`} {
			a := newAttempt()
			a.Claims = claims
			_, err := newProvider(t, s.config(kind)).Begin(t.Context(), a)
			refused(t, err, signin.ReasonOther)
		}
	}
}

// TestClaimsFollowed: a challenge reaches the token endpoint of Entra, too.
func TestClaimsFollowed(t *testing.T) {
	t.Parallel()
	s := startSite(t, "https")
	seen := make(chan string, 1)
	c := s.config(signin.KindEntra)
	c.HTTP = &http.Client{Transport: spy{s.transport, func(r *http.Request) {
		if r.Method == http.MethodPost {
			seen <- r.PostFormValue("claims")
		}
	}}}
	p := newProvider(t, c)
	a := newAttempt()
	a.Claims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	if _, _, err := p.Finish(t.Context(), a, s.browse(t, p, a, alice)); err != nil {
		t.Fatalf("Finish = %v, want alice signed in", err)
	}
	if got := <-seen; !strings.Contains(got, `"nbf":{"essential":true,"value":"1"}`) || !strings.Contains(got, "CP1") {
		t.Errorf("claims = %s, want the challenge and the capability", got)
	}
}

// spy sees requests on their way.
type spy struct {
	next http.RoundTripper
	see  func(*http.Request)
}

func (s spy) RoundTrip(r *http.Request) (*http.Response, error) {
	copied := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		copied.Body = body
	}
	s.see(copied)
	return s.next.RoundTrip(r)
}

// TestRenewalEnds: when the refresh token is no longer good, a person is asked.
func TestRenewalEnds(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := startSite(t, "https")
			p := newProvider(t, s.config(kind))
			_, first := s.signIn(t, p, alice)
			second, err := p.Renew(t.Context(), first)
			if err != nil {
				t.Fatalf("Renew = %v, want credentials", err)
			}
			s.clock.advance(2 * time.Minute)
			_, err = p.Renew(t.Context(), first)
			if e := refused(t, err, signin.ReasonInteraction); e.Code != "AADSTS70000" {
				t.Errorf("renewing with what was used = %v, want AADSTS70000", e)
			}
			s.clock.advance(100 * 24 * time.Hour)
			_, err = p.Renew(t.Context(), second)
			if e := refused(t, err, signin.ReasonInteraction); e.Code != "AADSTS700082" {
				t.Errorf("renewing after 100 days = %v, want AADSTS700082", e)
			}
			for _, damaged := range []string{"", "{", "{}", `{"account":"a","cache":{"RefreshToken":{}}}`} {
				second.Renewal = []byte(damaged)
				_, err = p.Renew(t.Context(), second)
				refused(t, err, signin.ReasonInteraction)
			}
		})
	}
}

// TestWrongCredential: the application's own secret or certificate is refused.
func TestWrongCredential(t *testing.T) {
	t.Parallel()
	registered := newCertificate(t, rsaKey(t))
	s := startSite(t, "https", func(c *devidp.Config) { c.Clients[0].Certificates = append(c.Clients[0].Certificates, registered) })
	another, err := signin.NewCertificate([]*x509.Certificate{newCertificate(t, rsaKey(t))}, rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		for _, test := range []struct {
			name, code string
			edit       func(*signin.Config)
		}{
			{"secret", "AADSTS7000215", func(c *signin.Config) { c.Secret = "wrong-but-as-long-as-others" }},
			{"certificate", "AADSTS700027", func(c *signin.Config) { c.Secret, c.Certificate = "", another }},
		} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				t.Parallel()
				c := s.config(kind)
				test.edit(&c)
				p := newProvider(t, c)
				a := newAttempt()
				_, _, err := p.Finish(t.Context(), a, s.browse(t, p, a, alice))
				e := refused(t, err, signin.ReasonCredential)
				if e.Code != test.code || e.Description == "" || len(e.TraceID) != 36 || len(e.CorrelationID) != 36 {
					t.Errorf("Finish = %+v, want %s with its ids", e, test.code)
				}
			})
		}
	}
}

// TestForgedAnswers: what does not belong to the attempt signs nobody in.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	s := startSite(t, "https")
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		for _, test := range []struct {
			name string
			want signin.Reason
			edit func(*signin.Attempt, url.Values)
		}{
			{"another nonce", signin.ReasonForged, func(a *signin.Attempt, _ url.Values) { a.Nonce = signin.NewAttempt().Nonce }},
			{"no nonce", signin.ReasonForged, func(a *signin.Attempt, _ url.Values) { a.Nonce = "" }},
			{"no code", signin.ReasonForged, func(_ *signin.Attempt, v url.Values) { v.Del("code") }},
			{"two codes", signin.ReasonForged, func(_ *signin.Attempt, v url.Values) { v.Add("code", v.Get("code")) }},
			{"a long code", signin.ReasonForged, func(_ *signin.Attempt, v url.Values) { v.Set("code", strings.Repeat("c", 10_000)) }},
			{"another code", signin.ReasonInteraction, func(_ *signin.Attempt, v url.Values) { v.Set("code", "invented") }},
		} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				t.Parallel()
				p := newProvider(t, s.config(kind))
				a := newAttempt()
				answer := s.browse(t, p, a, alice)
				test.edit(&a, answer)
				user, credentials, err := p.Finish(t.Context(), a, answer)
				refused(t, err, test.want)
				if diff := cmp.Diff(signin.User{}, user); diff != "" || credentials.AccessToken != "" {
					t.Error("Finish returned someone, want nobody")
				}
			})
		}
		t.Run(kind+" another verifier", func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, s.config(kind))
			a := newAttempt()
			answer := s.browse(t, p, a, alice)
			a.Verifier = signin.NewAttempt().Verifier
			_, _, err := p.Finish(t.Context(), a, answer)
			refused(t, err, signin.ReasonForged)
		})
		t.Run(kind+" the same code again", func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, s.config(kind))
			a := newAttempt()
			answer := s.browse(t, p, a, alice)
			if _, _, err := p.Finish(t.Context(), a, answer); err != nil {
				t.Fatalf("Finish = %v, want alice signed in", err)
			}
			_, _, err := p.Finish(t.Context(), a, answer)
			refused(t, err, signin.ReasonInteraction)
		})
	}
}
