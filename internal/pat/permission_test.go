package pat_test

import (
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// check is one line of the permission table.
type check struct {
	actor, operation string
	code             pat.Code
}

func allow(actor, operation string) check { return check{actor, operation, ""} }

func deny(actor, operation string, code pat.Code) check { return check{actor, operation, code} }

func TestPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.create(t, w.alice, pat.Creation{})
	as := func(permissions pat.Permission, application bool) pat.Caller {
		caller := w.alice
		caller.Permissions, caller.Application = permissions, application
		return caller
	}
	actors := map[string]pat.Caller{
		"a manager":    as(pat.ReadTokens|pat.ManageTokens, false),
		"a reader":     as(pat.ReadTokens, false),
		"a writer":     as(pat.ManageTokens, false),
		"a stranger":   as(0, false),
		"an app":       as(0, true),
		"a mighty app": as(pat.ReadTokens|pat.ManageTokens, true),
	}
	operations := map[string]func(pat.Caller) error{
		"create": func(c pat.Caller) error {
			_, _, err := w.Create(t.Context(), c, pat.Creation{DisplayName: "ci", Scope: "vso.code"})
			return err
		},
		"get":  func(c pat.Caller) error { _, err := w.Get(t.Context(), c, token.ID); return err },
		"list": func(c pat.Caller) error { _, _, _, err := w.List(t.Context(), c, pat.Query{Limit: 1}); return err },
		"update": func(c pat.Caller) error {
			_, err := w.Update(t.Context(), c, token.ID, pat.Change{DisplayName: new("new")})
			return err
		},
		"usage":  func(c pat.Caller) error { _, err := w.Usage(t.Context(), c, []pat.UUID{token.ID}); return err },
		"revoke": func(c pat.Caller) error { return w.Revoke(t.Context(), c, token.ID) },
	}
	checks := []check{
		allow("a manager", "create"),
		allow("a manager", "get"),
		allow("a manager", "list"),
		allow("a manager", "usage"),
		allow("a manager", "update"),

		deny("a reader", "create", pat.CodePermissionMissing),
		allow("a reader", "get"),
		allow("a reader", "list"),
		allow("a reader", "usage"),
		deny("a reader", "update", pat.CodePermissionMissing),
		deny("a reader", "revoke", pat.CodePermissionMissing),

		allow("a writer", "create"),
		deny("a writer", "get", pat.CodePermissionMissing),
		deny("a writer", "list", pat.CodePermissionMissing),
		deny("a writer", "usage", pat.CodePermissionMissing),
		allow("a writer", "update"),

		deny("a stranger", "create", pat.CodePermissionMissing),
		deny("a stranger", "get", pat.CodePermissionMissing),
		deny("a stranger", "list", pat.CodePermissionMissing),
		deny("a stranger", "usage", pat.CodePermissionMissing),
		deny("a stranger", "update", pat.CodePermissionMissing),
		deny("a stranger", "revoke", pat.CodePermissionMissing),

		deny("an app", "create", pat.CodeServicePrincipal),
		deny("an app", "get", pat.CodeServicePrincipal),
		deny("an app", "list", pat.CodeServicePrincipal),
		deny("an app", "usage", pat.CodeServicePrincipal),
		deny("an app", "update", pat.CodeServicePrincipal),
		deny("an app", "revoke", pat.CodeServicePrincipal),

		deny("a mighty app", "create", pat.CodeServicePrincipal),
		deny("a mighty app", "get", pat.CodeServicePrincipal),
		deny("a mighty app", "list", pat.CodeServicePrincipal),
		deny("a mighty app", "usage", pat.CodeServicePrincipal),
		deny("a mighty app", "update", pat.CodeServicePrincipal),
		deny("a mighty app", "revoke", pat.CodeServicePrincipal),

		allow("a manager", "revoke"),
		allow("a writer", "revoke"), // again, which changes nothing
	}
	if want := len(actors) * len(operations); len(checks) != want {
		t.Errorf("the table has %d lines, want all %d pairs", len(checks), want)
	}
	for _, c := range checks {
		before := w.snapshot(t)
		err := operations[c.operation](actors[c.actor])
		if pat.CodeOf(err) != c.code || (err == nil) != (c.code == "") {
			t.Errorf("%s asks to %s: %v, want %q", c.actor, c.operation, err, c.code)
		}
		if c.code != "" {
			w.unchanged(t, c.actor+" who asks to "+c.operation, before)
		}
	}
}
