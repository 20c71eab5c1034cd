package signin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// TestStrangeAnswers: whatever the token endpoint answers, there is an Error
// without anything that was sent to it.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	text := func(status int, contentType, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		want   signin.Reason
	}{
		{"page", text(200, "text/html", "<html><body>Sign in to the network</body></html>"), signin.ReasonUnreachable},
		{"page of a gateway", text(502, "text/html", "<html>Bad Gateway</html>"), signin.ReasonUnreachable},
		{"nothing", text(204, "", ""), signin.ReasonUnreachable},
		{"nothing and wrong", text(400, "", ""), signin.ReasonUnreachable},
		{"broken JSON", text(200, "application/json", `{"access_token":`), signin.ReasonUnreachable},
		{"another JSON", text(200, "application/json", `[1,2,3]`), signin.ReasonUnreachable},
		{"no access token", text(200, "application/json", `{"expires_in":3600}`), signin.ReasonUnreachable},
		{"too long", text(200, "application/json", `{"access_token":"`+strings.Repeat("a", 2<<20)+`"}`), signin.ReasonUnreachable},
		{"long refusal", text(400, "application/json", `{"error":"invalid_client","error_description":"`+strings.Repeat("a ", 400_000)+`"}`), signin.ReasonCredential},
		{"odd types", text(400, "application/json", `{"error":"invalid_client","error_codes":["7000222"],"claims":{},"trace_id":7}`), signin.ReasonCredential},
		{"unknown word", text(400, "application/json", `{"error":"i_made_this_up"}`), signin.ReasonOther},
		{"unknown number", text(400, "application/json", `{"error":"invalid_grant","error_codes":[999999999]}`), signin.ReasonInteraction},
		{"busy", text(503, "application/json", `{"error":"busy"}`), signin.ReasonUnreachable},
		{"too many", text(429, "application/json", `{"error":"slow"}`), signin.ReasonUnreachable},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, signin.ReasonUnreachable},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, signin.ReasonUnreachable},
		{"echo as JSON", echo(400, func(sent string) string {
			body, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": "AADSTS70000: got " + sent})
			return string(body)
		}), signin.ReasonInteraction},
		{"echo in the code", echo(400, func(sent string) string {
			body, _ := json.Marshal(map[string]string{"error": sent, "suberror": sent, "trace_id": sent, "correlation_id": sent, "claims": sent})
			return string(body)
		}), signin.ReasonOther},
		{"echo of one secret", func(w http.ResponseWriter, r *http.Request) {
			it := r.PostFormValue("code") + r.PostFormValue("refresh_token")
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": it, "suberror": it, "claims": `{"a":"` + it + `"}`})
		}, signin.ReasonOther},
		{"echo as text", echo(500, func(sent string) string { return sent }), signin.ReasonUnreachable},
		{"echo as success", echo(200, func(sent string) string { return sent }), signin.ReasonUnreachable},
	} {
		for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				t.Parallel()
				i := imitate(t, test.answer)
				a := newAttempt()
				_, _, err := i.finish(t, kind, a)
				checkNoSecret(t, refused(t, err, test.want), secret, "a-code-that-is-redeemed", a.Verifier)

				// The same of renewing, which has other secrets.
				good := newAttempt()
				i.token = func(w http.ResponseWriter, _ *http.Request) {
					writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(good))))
				}
				_, credentials, err := i.finish(t, kind, good)
				if err != nil {
					t.Fatalf("Finish = %v, want someone signed in", err)
				}
				i.token = test.answer
				_, err = newProvider(t, i.config(kind)).Renew(t.Context(), credentials)
				checkNoSecret(t, refused(t, err, test.want), secret, "a-refresh-token", "an.access.token")
			})
		}
	}
}

// echo answers with what was sent to it.
func echo(status int, answer func(sent string) string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		id, password, _ := r.BasicAuth()
		values := make([]string, 0, len(r.PostForm)+3)
		for _, v := range r.PostForm {
			values = append(values, v...)
		}
		password, _ = url.QueryUnescape(password)
		sent := strings.Join(append(values, r.Header.Get("Authorization"), id, password, r.PostForm.Encode()), " ")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer(sent)))
	}
}

// TestEchoedAssertions: what a certificate signed is a secret, too.
func TestEchoedAssertions(t *testing.T) {
	t.Parallel()
	own, err := signin.NewCertificate(certificates(newCertificate(t, rsaKey(t))), rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		var assertion string
		i := imitate(t, nil)
		i.token = func(w http.ResponseWriter, r *http.Request) {
			assertion = r.PostFormValue("client_assertion")
			writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "bad assertion " + assertion})
		}
		c := i.config(kind)
		c.Secret, c.Certificate = "", own
		_, _, err := newProvider(t, c).Finish(t.Context(), newAttempt(), url.Values{"code": {"a-code-that-is-redeemed"}})
		e := refused(t, err, signin.ReasonCredential)
		if len(assertion) < 100 {
			t.Fatalf("%s: the assertion has %d characters, want a token", kind, len(assertion))
		}
		checkNoSecret(t, e, strings.Split(assertion, ".")...)
	}
}
