package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
)

const newTokenPath = "/contoso/tokens/new"

// hostile are names as nobody means well with.
var hostile = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	"{{.Secret}} ${PATROL_TOKEN} %PATROL_TOKEN% $(id)",
	"שלום عليكم",
	strings.Repeat("名", 255),
}

// tokens are the tokens of a visitor, of all states.
func (v *visitor) tokens() []api.PatToken {
	v.t.Helper()
	c := client.Client{BaseURL: v.server.API, Organization: "contoso", HTTP: v.server.HTTP}
	access := v.server.Token(v.t, v.name)
	c.Token = static(access)
	var all []api.PatToken
	for token, err := range c.List(v.t.Context(), client.ListOptions{Filter: api.FilterAll}) {
		if err != nil {
			v.t.Fatal(err)
		}
		all = append(all, token)
	}
	return all
}

func TestNewToken(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	v := newVisitor(t, s, "alice")
	form := v.signIn(newTokenPath).form(newTokenPath)
	once := form.Get("once")
	form.Del("once")
	want := url.Values{"name": {""}, "reach": {"one"}, "expiry": {"30"}, "date": {""}, "access": {"chosen"}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("the empty form differs (-want +got):\n%s", diff)
	}
	form.Set("once", once)
	form.Set("name", " build ")
	form["scope"] = []string{"vso.code", "vso.packaging"}
	sent := v.post(newTokenPath, form)
	if sent.status != http.StatusSeeOther || !strings.HasSuffix(sent.location, "/created") {
		t.Fatalf("creating = status %d to %q: %s", sent.status, sent.location, sent.said())
	}
	made := v.tokens()
	if len(made) != 1 {
		t.Fatalf("%d tokens were created, want 1", len(made))
	}
	created := v.get(sent.location)
	if created.status != http.StatusOK || len(created.text("secret")) != 84 {
		t.Errorf("the page of the new token = status %d, a secret of %d characters: %s", created.status, len(created.text("secret")), created.said())
	}
	type token struct {
		Name, Scope string
		Global      bool
		Days        int
	}
	got := token{made[0].DisplayName, made[0].Scope, made[0].TargetAccounts == nil, int(made[0].ValidTo.Sub(made[0].ValidFrom.Time).Round(time.Hour) / (24 * time.Hour))}
	if diff := cmp.Diff(token{"build", "vso.code vso.packaging", false, 30}, got); diff != "" {
		t.Errorf("the token differs (-want +got):\n%s", diff)
	}
}

// static returns one access token.
func static(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}
