package signin_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

// TestRefusedSignIns has the development provider refuse in each of its ways.
func TestRefusedSignIns(t *testing.T) {
	t.Parallel()
	s := startSite(t, "https")
	const (
		atRedirect = iota
		atCode
		atRenewal
	)
	for _, test := range []struct {
		refusal, code string
		stage         int
		want          signin.Reason
		challenged    bool
	}{
		{"65004", "AADSTS65004", atRedirect, signin.ReasonCancelled, false},
		{"90094", "AADSTS90094", atRedirect, signin.ReasonAdminApproval, false},
		{"65001", "AADSTS65001", atRedirect, signin.ReasonAdminApproval, false},
		{"53003", "AADSTS53003", atRedirect, signin.ReasonConditionalAccess, false},
		{"50105", "AADSTS50105", atRedirect, signin.ReasonAssignment, false},
		{"90033", "AADSTS90033", atRedirect, signin.ReasonUnreachable, false},
		{"7000222", "AADSTS7000222", atCode, signin.ReasonCredential, false},
		{"50076", "AADSTS50076", atCode, signin.ReasonInteraction, true},
		{"unavailable", "AADSTS90033", atCode, signin.ReasonUnreachable, false},
		{"renewal", "AADSTS50076", atRenewal, signin.ReasonInteraction, true},
		{"700082", "AADSTS700082", atRenewal, signin.ReasonInteraction, false},
	} {
		for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
			t.Run(kind+" "+test.refusal, func(t *testing.T) {
				t.Parallel()
				p := newProvider(t, s.config(kind))
				browser := devidptest.NewBrowser(s.transport)
				a := newAttempt()
				address, err := p.Begin(t.Context(), a)
				if err != nil {
					t.Fatalf("Begin = %v, want an address", err)
				}
				answer, err := browser.SignInRefused(t.Context(), address, alice.Username, test.refusal)
				if err != nil {
					t.Fatal(err)
				}
				if got := answer.Values().Has("error"); got != (test.stage == atRedirect) {
					t.Errorf("the redirect is refused: %v, want the opposite", got)
				}
				_, credentials, err := p.Finish(t.Context(), a, answer.Values())
				if test.stage == atRenewal {
					if err != nil {
						t.Fatalf("Finish = %v, want alice signed in", err)
					}
					_, err = p.Renew(t.Context(), credentials)
				}
				e := refused(t, err, test.want)
				if e.Code != test.code || e.Description == "" || len(e.TraceID) != 36 || len(e.CorrelationID) != 36 || (e.Claims != "") != test.challenged {
					t.Errorf("error = %+v, want %s in full", e, test.code)
				}
				checkPlain(t, e)
				if test.challenged {
					followChallenge(t, p, browser, e.Claims)
				}
			})
		}
	}
}

// followChallenge signs in again with a challenge, after which there is none.
func followChallenge(t *testing.T, p signin.Provider, browser *devidptest.Browser, challenge string) {
	t.Helper()
	a := newAttempt()
	a.Claims, a.LoginHint = challenge, alice.Username
	address, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatalf("Begin = %v, want an address", err)
	}
	answer, err := browser.SignIn(t.Context(), address, alice.Username)
	if err != nil {
		t.Fatal(err)
	}
	_, credentials, err := p.Finish(t.Context(), a, answer.Values())
	if err != nil {
		t.Fatalf("Finish = %v, want alice signed in with the challenge met", err)
	}
	renewed, err := p.Renew(t.Context(), credentials)
	if err != nil {
		t.Fatalf("Renew = %v, want credentials", err)
	}
	for _, token := range []string{credentials.AccessToken, renewed.AccessToken} {
		var claims struct {
			Contexts []string `json:"acrs"`
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil || json.Unmarshal(payload, &claims) != nil {
			t.Fatal("the access token is not that of the development provider")
		}
		if diff := cmp.Diff([]string{"c1"}, claims.Contexts); diff != "" {
			t.Errorf("acrs (-want +got):\n%s", diff)
		}
	}
}

// TestCancelled: Entra says so without a number, too.
func TestCancelled(t *testing.T) {
	t.Parallel()
	e := atRedirect(t, url.Values{"error": {"access_denied"}, "error_subcode": {"cancel"}})
	if e.Reason != signin.ReasonCancelled || e.Suberror != "cancel" {
		t.Errorf("error = %+v, want it cancelled", e)
	}
}
