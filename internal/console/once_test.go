package console_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestFormIsSentOnce: sending a form again, with the button Back or otherwise,
// creates nothing.
func TestFormIsSentOnce(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	form := v.filledIn("once")
	first := v.post(newTokenPath, form)
	again := v.post(newTokenPath, form)
	if again.location != "/contoso/sent/"+form.Get("once") {
		t.Fatalf("sending the form again = status %d to %q: %s", again.status, again.location, again.said())
	}
	if got := v.get(again.location); got.location != first.location {
		t.Errorf("before the secret was shown the page goes on to %q, want %q", got.location, first.location)
	}
	v.get(first.location)
	form.Set("name", "another")
	told := v.get(v.post(newTokenPath, form).location)
	if told.status != http.StatusOK || told.heading() != "You sent this form before" {
		t.Errorf("after the secret was shown = status %d %q, want that it was sent before", told.status, told.heading())
	}
	if got, want := told.link("Show the token"), strings.TrimSuffix(first.location, "/created"); got != want {
		t.Errorf("the page leads to %q, want what the form made: %q", got, want)
	}
	if got := told.link("New token"); got != newTokenPath {
		t.Errorf("the page leads to %q, want a fresh form", got)
	}
	for _, once := range []string{"", "short", strings.Repeat("A", 27)} {
		form.Set("once", once)
		if got := v.post(newTokenPath, form); got.status != http.StatusBadRequest {
			t.Errorf("a form with the word %q = status %d, want 400", once, got.status)
		}
	}
	if got := v.get("/contoso/sent/AAAAAAAAAAAAAAAAAAAAAAAAAA"); got.status != http.StatusNotFound {
		t.Errorf("the page of a form that was not sent = status %d, want 404", got.status)
	}
	if made := v.tokens(api.FilterAll); len(made) != 1 {
		t.Errorf("%d tokens were created, want 1", len(made))
	}
}

// TestDoubleClick sends a form several times at once.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	form := v.filledIn("once")
	var wg sync.WaitGroup
	answers := make([]seen, 8)
	for i := range answers {
		wg.Go(func() {
			got, err := v.try(http.MethodPost, newTokenPath, form)
			if err != nil {
				t.Error(err)
			}
			answers[i] = got
		})
	}
	wg.Wait()
	created := 0
	for _, got := range answers {
		switch {
		case strings.HasSuffix(got.location, "/created"):
			created++
		case got.location != "/contoso/sent/"+form.Get("once"):
			t.Errorf("one of the answers is status %d to %q: %s", got.status, got.location, got.body)
		}
	}
	if made := v.tokens(api.FilterAll); created != 1 || len(made) != 1 {
		t.Errorf("%d answers lead to a new token, and %d were created, want 1 and 1", created, len(made))
	}
	if shown := v.get(v.get("/contoso/sent/" + form.Get("once")).location); len(shown.text("secret")) != 84 {
		t.Errorf("the page of the form does not go on to the secret: status %d %s", shown.status, shown.said())
	}
}

// TestManyForms: a session that sent many forms goes on.
func TestManyForms(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	form := v.filledIn("many")
	for range 50 {
		v.post(newTokenPath, form)
		form.Set("once", v.get(newTokenPath).form(newTokenPath).Get("once"))
	}
	last := v.post(newTokenPath, form)
	if again := v.post(newTokenPath, form); again.location != "/contoso/sent/"+form.Get("once") || !strings.HasSuffix(last.location, "/created") {
		t.Errorf("the last of many forms led to %q, and again to %q", last.location, again.location)
	}
	if made := v.tokens(api.FilterAll); len(made) != 51 {
		t.Errorf("%d tokens were created, want 51", len(made))
	}
}
