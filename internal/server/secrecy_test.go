package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/devidp"
)

// TestSecrecy makes tokens, uses every operation, and sends secrets and access
// tokens to all the wrong places. Afterwards neither logs, nor any answer but
// those to creations, nor the files of the database hold one of them.
func TestSecrecy(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	access := strings.TrimPrefix(alice.Authorization, "Bearer ")
	expired := accessToken(t, s.provider(t, devidp.Config{Now: func() time.Time { return time.Now().Add(-2 * time.Hour) }}), tenant, "alice", ".default")
	credentials := map[string]string{"access token": access, "expired access token": expired, "service principal's": s.robotToken(t)}
	var said strings.Builder
	say := func(a answer) {
		said.WriteString(a.Body)
		for name, values := range a.Header {
			said.WriteString(name + strings.Join(values, " "))
		}
	}
	for _, name := range []string{"first", "second", "third"} {
		a := alice.do(t, http.MethodPost, alice.pats(), `{"displayName":"`+name+`","scope":"app_token"}`)
		credentials[name] = *token(t, a).Token
		for _, op := range operations(token(t, a).AuthorizationID) {
			if op.name != "Create" {
				say(alice.do(t, op.method, alice.pats(op.query), op.body))
			}
		}
	}
	for _, secret := range credentials {
		for _, c := range []caller{
			{s, "Bearer " + secret, "contoso"},
			{s, secret, "contoso"},
			{s, "Bearer " + secret + " " + secret, "contoso"},
			{s, "Bearer x" + secret, "contoso"},
			{s, "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+secret)), "contoso"},
			{s, "PAT " + secret, "contoso"},
		} {
			if c.Authorization == alice.Authorization {
				continue
			}
			for _, op := range operations(aliceID) {
				say(c.wrong(t, op.method, c.pats(op.query), op.body))
			}
		}
		q := url.QueryEscape(secret)
		say(alice.wrong(t, http.MethodGet, alice.pats("access_token="+q, "authorizationId="+q), ""))
		say(alice.wrong(t, http.MethodGet, alice.pats("continuationToken="+q), ""))
		say(alice.wrong(t, http.MethodDelete, alice.pats("authorizationId="+q), ""))
		say(alice.wrong(t, http.MethodGet, "/contoso/_apis/tokens/pats/"+q+"?"+version, ""))
		say(alice.wrong(t, http.MethodPut, alice.pats(), `{"authorizationId":"`+secret+`"}`))
		for _, body := range []string{
			`{"displayName":"` + secret, `{"displayName":"t","scope":"vso.code","validTo":"` + secret + `"}`, `"` + secret + `"`, `{"scope":{"` + secret + `":1}}`,
			`{"allOrgs":"` + secret + `"}`, `{"` + secret + `":1}`, secret,
		} {
			say(alice.wrong(t, http.MethodPost, alice.pats(), body))
		}
	}
	if t.Failed() {
		return
	}
	places := map[string]string{"logs": s.Logs.String(), "answers": said.String()}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		data, err := os.ReadFile(s.Database + suffix)
		if err != nil {
			t.Fatal(err)
		}
		places["patrol.db"+suffix] = string(data)
	}
	if len(places["logs"]) < 10_000 || len(places["answers"]) < 10_000 || len(places["patrol.db"])+len(places["patrol.db-wal"]) < 10_000 {
		t.Fatal("too little was written for this test to mean something")
	}
	for name, secret := range credentials {
		random := secret[:52] // of a token's secret; what follows is fixed
		if i := strings.LastIndexByte(secret, '.'); i > 0 {
			random = secret[i+1:] // the signature
		}
		for form, text := range map[string]string{
			"whole": secret, "the random part": random, "half of it": random[:26], "the other half": random[26:52],
			"hex": hex.EncodeToString([]byte(random)), "base64": base64.StdEncoding.EncodeToString([]byte(":" + random))[4:60],
		} {
			for place, content := range places {
				if strings.Contains(content, text) {
					t.Errorf("%s hold the %s secret: %s", place, name, form)
				}
			}
		}
	}
}
