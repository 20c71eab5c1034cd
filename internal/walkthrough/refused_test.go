package walkthrough_test

import (
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestServiceRefuses sends forms that no browser lets people send: each refusal
// stands at its field, and what was typed stays.
func TestServiceRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	b := open(t, s, look{})
	b.signIn("alice")
	for _, test := range []struct {
		name, field, refusal string
		tamper               func()
	}{
		{"no name", "name", "Say what the token is for.", func() { b.the(textbox, "Name").fill(" ") }},
		{"a name too long", "name", "255", func() {
			b.the(textbox, "Name").tell(`function() { this.removeAttribute("maxlength") }`)
			b.the(textbox, "Name").fill(strings.Repeat("long", 64))
		}},
		{"a name with a turn to the left", "name", "control", func() { b.the(textbox, "Name").fill("gnp.\u202etxt") }},
		{"an unknown scope", "scope", "vso.unheard_of", func() {
			b.the(checkbox, "vso.code ").tell(`function() { this.value = "vso.unheard_of" }`)
		}},
		{"no scope", "scope", "Choose", func() { b.the(checkbox, "vso.code ").click() }},
		{"a day that is over", "expiry", "This day is over.", func() {
			b.the(radio, "On a day").choose()
			b.the(day, "Day").tell(`function() { this.min = "" }`)
			b.the(day, "Day").fill(time.Now().AddDate(0, 0, -3).Format(time.DateOnly))
		}},
		{"a day too far", "expiry", "", func() {
			b.the(radio, "On a day").choose()
			b.the(day, "Day").fill(time.Now().AddDate(5, 0, 0).Format(time.DateOnly))
		}},
	} {
		b.visit("/contoso/tokens/new")
		b.the(textbox, "Name").fill("typed with care")
		b.the(radio, "All organizations").choose()
		b.chooseScope("Code", "vso.code")
		test.tamper()
		typed := b.the(textbox, "Name").value()
		b.the(button, "Create token").press()
		b.at("New token")
		b.the("alert", "").shown()
		if got := b.the("alert", "").text(); !strings.Contains(got, test.refusal) {
			t.Errorf("%s: the refusal is %q, want %q in it", test.name, got, test.refusal)
		}
		if got := evaluate[string](b, `document.getElementById("`+test.field+`-error")?.innerText ?? ""`); got == "" || !strings.Contains(got, test.refusal) {
			t.Errorf("%s: at %s is %q, want %q", test.name, test.field, got, test.refusal)
		}
		if got := evaluate[string](b, `document.activeElement.getAttribute("role") ?? ""`); got != "alert" {
			t.Errorf("%s: the focus is on %q, want the refusals", test.name, got)
		}
		if got := b.the(textbox, "Name").value(); strings.TrimSpace(got) != strings.TrimSpace(typed) {
			t.Errorf("%s: the name is %q, want %q as it was typed", test.name, got, typed)
		}
		if !b.the(radio, "All organizations").checked() {
			t.Errorf("%s: the choice of the organization is lost", test.name)
		}
		b.picture(test.name)
	}
	if n := len(s.tokens(t, "alice")); n > 0 {
		t.Errorf("forms that were refused created %d tokens", n)
	}
}
