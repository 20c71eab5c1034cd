package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
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

// hostile are such as nobody means well with, and that are names.
var hostile = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	"{{.Secret}} ${PATROL_TOKEN} %PATROL_TOKEN% $(id) `id`",
	"'; drop table token; --",
	"שלום, عليكم السلام",
	strings.Repeat("名", 255),
}

// tokens are those of the visitor in a state, as the API tells.
func (v *visitor) tokens(state api.DisplayFilterOption) []api.PatToken {
	v.t.Helper()
	var all []api.PatToken
	for token, err := range v.api().List(v.t.Context(), client.ListOptions{Filter: state}) {
		if err != nil {
			v.t.Fatal(err)
		}
		all = append(all, token)
	}
	return all
}

// filledIn is the form for a new token that the API accepts.
func (v *visitor) filledIn(name string) url.Values {
	v.t.Helper()
	form := v.get(newTokenPath).form(newTokenPath)
	form.Set("name", name)
	form["scope"] = []string{"vso.code", "vso.packaging"}
	return form
}

// create creates a token, and returns the path of the page that shows it.
func (v *visitor) create(name string) string {
	v.t.Helper()
	sent := v.post(newTokenPath, v.filledIn(name))
	if sent.status != http.StatusSeeOther || !strings.HasSuffix(sent.location, "/created") {
		v.t.Fatalf("creating %q = status %d to %q: %s", name, sent.status, sent.location, sent.said())
	}
	return sent.location
}

func TestNewToken(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	empty := v.signIn(newTokenPath).form(newTokenPath)
	empty.Del("once")
	want := url.Values{"name": {""}, "reach": {"one"}, "expiry": {"30"}, "date": {""}, "access": {"chosen"}}
	if diff := cmp.Diff(want, empty); diff != "" {
		t.Errorf("the empty form differs (-want +got):\n%s", diff)
	}
	created := v.get(v.create(" build "))
	if got := len(created.text("secret")); created.status != http.StatusCreated || got != 84 {
		t.Errorf("the page of the new token = status %d, a secret of %d characters: %s", created.status, got, created.said())
	}
	type token struct {
		Name, Scope string
		Global      bool
		Days        int
	}
	var got []token
	for _, made := range v.tokens(api.FilterAll) {
		days := int(made.ValidTo.Sub(made.ValidFrom.Time).Round(time.Hour) / (24 * time.Hour))
		got = append(got, token{made.DisplayName, made.Scope, made.TargetAccounts == nil, days})
	}
	if diff := cmp.Diff([]token{{"build", "vso.code vso.packaging", false, 30}}, got); diff != "" {
		t.Errorf("the tokens differ (-want +got):\n%s", diff)
	}
}

// TestNewTokenByChoice: what is chosen is what is created.
func TestNewTokenByChoice(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	date := time.Now().UTC().AddDate(0, 0, 45).Format(time.DateOnly)
	form := v.filledIn("everything")
	form.Set("reach", "all")
	form.Set("access", "full") // what is ticked besides does not count
	form.Set("expiry", "custom")
	form.Set("date", date)
	created := v.get(v.post(newTokenPath, form).location)
	for _, want := range []string{"app_token", "All organizations"} {
		if !strings.Contains(created.said(), want) {
			t.Errorf("the page of the new token does not say %q: %s", want, created.said())
		}
	}
	made := v.tokens(api.FilterAll)
	if len(made) != 1 || made[0].Scope != "app_token" || made[0].TargetAccounts != nil || made[0].ValidTo.Format(time.RFC3339) != date+"T23:59:59Z" {
		t.Errorf("created %+v, want full access to all organizations to the end of %s", made, date)
	}
}

// TestHostileNames are shown as what they are, and change nothing else.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	for _, name := range hostile {
		at := v.create(name)
		for _, page := range []seen{
			v.get(at), v.get(at), v.get(newTokenPath + "?name=" + url.QueryEscape(name)),
			v.get(newTokenPath + "?like=" + strings.Split(at, "/")[3]),
		} {
			text := page.said()
			if field := page.fields(newTokenPath); field != nil {
				text += " " + field.Get("name")
			}
			if !strings.Contains(text, strings.Join(strings.Fields(name), " ")) {
				t.Errorf("status %d: the page does not show the name %q: %s", page.status, name, text)
			}
			if strings.Contains(page.body, "<img") || strings.Contains(page.body, "alert(1)</script>") {
				t.Errorf("status %d: the name %q is not escaped", page.status, name)
			}
		}
	}
}

func TestNewTokenRefused(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	for name, test := range map[string]struct {
		change url.Values
		want   map[string]string // by field, a part of what is said there
	}{
		"no name":        {url.Values{"name": {"  "}}, map[string]string{"name": "Say what the token is for."}},
		"long name":      {url.Values{"name": {strings.Repeat("x", 256)}}, map[string]string{"name": "at most 255 characters"}},
		"reversed name":  {url.Values{"name": {"a\u202egnp.exe"}}, map[string]string{"name": "control or broken characters"}},
		"broken name":    {url.Values{"name": {"a\xff"}}, map[string]string{"name": "control or broken characters"}},
		"no scope":       {url.Values{"scope": nil}, map[string]string{"scope": "Choose at least one scope."}},
		"unknown scope":  {url.Values{"scope": {"vso.code", "vso.everything<b>"}}, map[string]string{"scope": "vso.everything"}},
		"full beside":    {url.Values{"scope": {"app_token"}}, map[string]string{"scope": "Choose at least one scope."}},
		"no day":         {url.Values{"expiry": {"custom"}}, map[string]string{"expiry": "Choose the day"}},
		"no date":        {url.Values{"expiry": {"custom"}, "date": {"tomorrow"}}, map[string]string{"expiry": "2027-06-30"}},
		"yesterday":      {url.Values{"expiry": {"custom"}, "date": {"2020-02-29"}}, map[string]string{"expiry": "This day is over."}},
		"far away":       {url.Values{"expiry": {"custom"}, "date": {"2999-12-31"}}, map[string]string{"expiry": "The end is too far away: a token lives at most 365 days"}},
		"unknown choice": {url.Values{"expiry": {"999"}}, map[string]string{"expiry": "Choose when the token expires."}},
		"no end to keep": {url.Values{"expiry": {"keep"}}, map[string]string{"expiry": "Choose when the token expires."}},
		"all of it": {
			url.Values{"name": {""}, "scope": nil, "expiry": {"custom"}},
			map[string]string{"name": "Say what", "scope": "Choose at least", "expiry": "Choose the day"},
		},
	} {
		form := v.filledIn("build <b>")
		for field, values := range test.change {
			form[field] = values
		}
		refused := v.post(newTokenPath, form)
		if refused.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, want 422: %s", name, refused.status, refused.said())
			continue
		}
		for field, want := range test.want {
			if got := refused.text(field + "-error"); !strings.Contains(got, want) {
				t.Errorf("%s: at the field %s it says %q, want %q", name, field, got, want)
			}
			if !strings.Contains(refused.body, `href="#`+field+`"`) {
				t.Errorf("%s: the summary does not lead to the field %s", name, field)
			}
		}
		again := refused.form(newTokenPath)
		if again.Get("once") == form.Get("once") {
			t.Errorf("%s: the form has the word of the one before", name)
		}
		for field, values := range form {
			known := field == "once" || field == "expiry" && len(again["expiry"]) == 0 || name == "broken name" && field == "name" || name == "full beside" && field == "scope"
			if diff := cmp.Diff(values, again[field]); diff != "" && !known && len(values) > 0 {
				t.Errorf("%s: the field %s was not kept (-typed +kept):\n%s", name, field, diff)
			}
		}
	}
	if made := v.tokens(api.FilterAll); len(made) > 0 {
		t.Errorf("%d tokens were created by forms that were refused", len(made))
	}
}

// TestPolicyRefusals are shown where they belong, and the form can be sent
// again as it is.
func TestPolicyRefusals(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for code, field := range map[api.SessionTokenError]string{
		"displayNameRequired": "name", "invalidDisplayName": "name",
		"invalidValidTo": "expiry", "patLifespanPolicyViolation": "expiry",
		"invalidScope": "scope", "fullScopePatPolicyViolation": "scope",
		"globalPatPolicyViolation": "reach", "globalPATCreationBlocked": "reach",
		"disablePatCreationPolicyViolation": "",
	} {
		form := s.filledIn("build")
		said := api.Nullable("not <this> because of " + string(code))
		s.meddled(creation(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			answer(w, http.StatusOK, api.PatTokenResult{PatTokenError: code, PatTokenErrorMessage: &said})
		}))
		refused := s.post(newTokenPath, form)
		want := "Not <this> because of " + string(code) + "."
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.said(), want) {
			t.Errorf("%s: status %d, want 422 and %q: %s", code, refused.status, want, refused.said())
		}
		if field != "" && refused.text(field+"-error") != want {
			t.Errorf("%s: at the field %s it says %q, want %q", code, field, refused.text(field+"-error"), want)
		}
		s.meddle.Store(nil)
		if sent := s.post(newTokenPath, form); !strings.HasSuffix(sent.location, "/created") {
			t.Errorf("%s: sending the form again = status %d to %q: %s", code, sent.status, sent.location, sent.said())
		}
	}
	other := api.Nullable("the policies cannot be read")
	s.meddled(creation(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		answer(w, http.StatusOK, api.PatTokenResult{PatTokenError: "failedToReadTenantPolicy", PatTokenErrorMessage: &other})
	}))
	if got := s.post(newTokenPath, s.filledIn("build")); got.heading() != "The service refused this" {
		t.Errorf("a refusal that concerns no field = status %d %q, want a page of its own", got.status, got.heading())
	}
}

// creation meddles with the creation of tokens alone.
func creation(meddle func(http.ResponseWriter, *http.Request, http.Handler)) meddling {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
		if r.Method != http.MethodPost {
			return false
		}
		meddle(w, r, pass)
		return true
	}
}

// answer answers as the API does.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // to a recorder
}

// TestShortened: where the service gives an earlier end, the page says so.
func TestShortened(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	end := api.Time{Time: time.Now().UTC().AddDate(0, 0, 5).Truncate(time.Minute)}
	s.meddled(creation(func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		recorder := httptest.NewRecorder()
		pass.ServeHTTP(recorder, r)
		var result api.PatTokenResult
		if err := json.Unmarshal(recorder.Body.Bytes(), &result); err != nil {
			t.Errorf("the answer of the API: %v", err)
		}
		result.PatToken.ValidTo = end
		answer(w, http.StatusOK, result)
	}))
	shown := s.get(s.create("short")).said()
	if want := "and it ends " + end.Format("2 Jan 2006, 15:04 UTC"); !strings.Contains(shown, want) || !strings.Contains(shown, "you asked for") {
		t.Errorf("the page of a token whose life was shortened does not say %q: %s", want, shown)
	}
	s.meddle.Store(nil)
	if shown := s.get(s.create("as asked")).said(); strings.Contains(shown, "shortened") {
		t.Errorf("the page of a token that ends as asked says that it was shortened: %s", shown)
	}
}

// TestPerhapsCreated: where nobody knows whether a token was created, the page
// says so, and the form cannot create another.
func TestPerhapsCreated(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.meddled(creation(func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		answer(w, http.StatusBadGateway, api.Error{Message: "the connection broke", TypeKey: "GatewayException"})
	}))
	form := s.filledIn("lost & found")
	got := s.post(newTokenPath, form)
	if got.status != http.StatusBadGateway || got.heading() != "The token may have been created" {
		t.Errorf("status %d %q, want 502 and that it may have been created", got.status, got.heading())
	}
	if found := s.get(got.link("Look for it")); !strings.Contains(found.said(), "lost & found") {
		t.Errorf("the search for the token that may have been created finds nothing: %s", found.said())
	}
	s.meddle.Store(nil)
	again := s.post(newTokenPath, form)
	if again.location != "/contoso/sent/"+form.Get("once") {
		t.Fatalf("sending the form again = status %d to %q, want the page that says that it was sent", again.status, again.location)
	}
	if working := s.get(again.location); !strings.Contains(working.body, `http-equiv="refresh"`) {
		t.Errorf("right after it was sent the page does not go on by itself: %s", working.said())
	}
	s.wait(time.Minute)
	if told := s.get(again.location); strings.Contains(told.body, `http-equiv="refresh"`) || !strings.Contains(told.said(), "is not known") {
		t.Errorf("a minute later the page says %q, want that it is not known", told.said())
	}
	if made := s.tokens(api.FilterAll); len(made) != 1 {
		t.Errorf("%d tokens were created, want 1", len(made))
	}
}

// TestFilledInByLink: links fill in the form, which says so, and create
// nothing.
func TestFilledInByLink(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	id := strings.Split(v.create("like this"), "/")[3]
	in45 := time.Now().UTC().AddDate(0, 0, 45).Format(time.DateOnly)
	for query, want := range map[string]url.Values{
		"name=ci&scope=vso.code&scope=vso.build&days=90": {"name": {"ci"}, "scope": {"vso.build", "vso.code"}, "expiry": {"90"}, "date": {""}, "access": {"chosen"}},
		"scope=vso.code+vso.build":                       {"name": {""}, "scope": {"vso.build", "vso.code"}, "expiry": {"30"}, "date": {""}, "access": {"chosen"}},
		"scope=app_token&days=45":                        {"name": {""}, "expiry": {"custom"}, "date": {in45}, "access": {"full"}},
		"scope=<b>&days=-1":                              {"name": {""}, "scope": {"<b>"}, "expiry": {"30"}, "date": {""}, "access": {"chosen"}},
		"name=x&days=99999999999999999999":               {"name": {"x"}, "expiry": {"30"}, "date": {""}, "access": {"chosen"}},
		"like=" + id:                                     {"name": {"like this"}, "scope": {"vso.code", "vso.packaging"}, "expiry": {"30"}, "date": {""}, "access": {"chosen"}},
	} {
		page := v.get(newTokenPath + "?" + strings.ReplaceAll(query, "<b>", "%3Cb%3E"))
		got := page.form(newTokenPath)
		got.Del("once")
		want.Set("reach", "one")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the form filled in by %s differs (-want +got):\n%s", query, diff)
		}
		if !strings.Contains(page.body, `class="callout`) {
			t.Errorf("the form filled in by %s does not say so: %s", query, page.said())
		}
	}
	if got := v.get(newTokenPath + "?like=00000000-0000-8000-8000-000000000000"); got.status != http.StatusNotFound {
		t.Errorf("a form like a token that does not exist = status %d, want 404", got.status)
	}
	if made := v.tokens(api.FilterAll); len(made) != 1 {
		t.Errorf("there are %d tokens, want the one that was created", len(made))
	}
}

// static returns one access token.
func static(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}
