package pat_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// azureDevOps is the catalogue that services start with.
func azureDevOps(t testing.TB) *pat.Catalogue {
	t.Helper()
	var definitions []pat.ScopeDefinition
	for _, s := range api.AzureDevOpsScopes() {
		if s.Name != string(pat.FullScope) {
			definitions = append(definitions, pat.ScopeDefinition{Name: s.Name, Includes: s.Includes})
		}
	}
	catalogue, err := pat.NewCatalogue(definitions)
	if err != nil {
		t.Fatal(err)
	}
	return catalogue
}

func scopeNames() []string {
	var names []string
	for _, s := range api.AzureDevOpsScopes() {
		names = append(names, s.Name)
	}
	return names
}

func TestGrants(t *testing.T) {
	t.Parallel()
	catalogue := azureDevOps(t)
	allow := func(held pat.Scope, wanted ...string) {
		t.Helper()
		for _, name := range wanted {
			if !catalogue.Grants(held, name) {
				t.Errorf("%s does not grant %s, want it to", held, name)
			}
		}
	}
	deny := func(held pat.Scope, wanted ...string) {
		t.Helper()
		for _, name := range wanted {
			if catalogue.Grants(held, name) {
				t.Errorf("%s grants %s, want it not to", held, name)
			}
		}
	}
	allow("vso.code_full", "vso.code_full", "vso.code_manage", "vso.code_write", "vso.code", "vso.hooks_write", "vso.hooks", "vso.profile")
	deny("vso.code_full", "vso.code_status", "vso.profile_write", "vso.hooks_interact", "vso.work", "app_token")
	allow("vso.code", "vso.hooks_write", "vso.profile")
	deny("vso.code", "vso.code_write", "vso.code_manage", "vso.code_full")
	allow("vso.build_execute", "vso.build", "vso.profile")
	allow("vso.work_full", "vso.work_write", "vso.work", "vso.hooks")
	allow("vso.environment_manage", "vso.agentpools_manage", "vso.agentpools")
	allow("vso.machinegroup_manage", "vso.agentpools")
	deny("vso.agentpools_manage", "vso.environment_manage", "vso.machinegroup_manage")
	allow("vso.extension.data_write", "vso.extension.data", "vso.profile")
	deny("vso.extension.data_write", "vso.extension")
	allow("vso.gallery_manage", "vso.gallery_publish", "vso.gallery", "vso.profile")
	deny("vso.gallery_manage", "vso.gallery_acquire")
	allow("vso.notification_diagnostics", "vso.notification")
	deny("vso.notification_manage", "vso.notification_diagnostics")
	allow("vso.packaging_manage", "vso.packaging_write", "vso.packaging")
	allow("vso.code vso.work", "vso.code", "vso.work", "vso.profile")
	deny("vso.code vso.work", "vso.wiki", "vso.code_write")
	deny("vso.cod", "vso.code")
	deny("", "vso.code", "")
	deny("vso.analytics", "", " ", "vso.analytics ", "VSO.ANALYTICS")
	deny("vso.analytics vso.wiki", "vso.analytics vso.wiki")

	allow(pat.FullScope, scopeNames()...)
	deny(pat.FullScope, "", "vso.unknown", "user_impersonation", "vso.pats_manage")
	deny("user_impersonation", "vso.code", "user_impersonation")
}

func TestGrantsIsReflexiveAndTransitive(t *testing.T) {
	t.Parallel()
	catalogue := azureDevOps(t)
	names := scopeNames()
	grants := 0
	for _, a := range names {
		if !catalogue.Grants(pat.Scope(a), a) {
			t.Errorf("%s does not grant itself", a)
		}
		for _, b := range names {
			if !catalogue.Grants(pat.Scope(a), b) {
				continue
			}
			grants++
			if a != b && catalogue.Grants(pat.Scope(b), a) {
				t.Errorf("%s and %s grant each other", a, b)
			}
			for _, c := range names {
				if catalogue.Grants(pat.Scope(b), c) && !catalogue.Grants(pat.Scope(a), c) {
					t.Errorf("%s grants %s, which grants %s, which %s does not grant", a, b, c, a)
				}
			}
		}
	}
	if grants < 3*len(names) {
		t.Errorf("only %d grants in the whole catalogue", grants)
	}
}

// A token that holds more never may do less.
func TestGrantsGrows(t *testing.T) {
	t.Parallel()
	catalogue := azureDevOps(t)
	names := slices.DeleteFunc(scopeNames(), func(name string) bool { return name == string(pat.FullScope) })
	rapid.Check(t, func(t *rapid.T) {
		held := rapid.SliceOfN(rapid.SampledFrom(names), 1, 6).Draw(t, "held")
		more := rapid.SliceOfN(rapid.SampledFrom(names), 0, 6).Draw(t, "more")
		small, err := catalogue.Parse(strings.Join(held, " "))
		if err != nil {
			t.Fatal(err)
		}
		large, err := catalogue.Parse(strings.Join(append(held, more...), " "))
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range names {
			one := slices.ContainsFunc(held, func(name string) bool { return catalogue.Grants(pat.Scope(name), wanted) })
			if got := catalogue.Grants(small, wanted); got != one {
				t.Fatalf("%s grants %s: %v, want %v, as one of its parts does", small, wanted, got, one)
			}
			if one && !catalogue.Grants(large, wanted) {
				t.Fatalf("%s grants %s, but %s does not", small, wanted, large)
			}
		}
	})
}

func TestParseScope(t *testing.T) {
	t.Parallel()
	catalogue := azureDevOps(t)
	all := slices.DeleteFunc(scopeNames(), func(name string) bool { return name == string(pat.FullScope) })
	sorted := slices.Sorted(slices.Values(all))
	tests := []struct {
		name, text string
		want       pat.Scope
	}{
		{"one", "vso.code", "vso.code"},
		{"sorted", "vso.work vso.code", "vso.code vso.work"},
		{"once each", "vso.code vso.code vso.code", "vso.code"},
		{"any case", "VSO.Code Vso.CODE_write", "vso.code vso.code_write"},
		{"any white space", "\tvso.work\r\n\n  vso.code\u00a0", "vso.code vso.work"},
		{"what is included stays", "vso.code_write vso.code", "vso.code vso.code_write"},
		{"full access", "app_token", pat.FullScope},
		{"full access twice", "APP_TOKEN app_token", pat.FullScope},
		{"the whole table", strings.Join(all, " "), pat.Scope(strings.Join(sorted, " "))},
	}
	for _, tt := range tests {
		if got, err := catalogue.Parse(tt.text); err != nil || got != tt.want {
			t.Errorf("%s: Parse = %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	for name, text := range map[string]string{
		"nothing":                  "",
		"only space":               " \t\n",
		"unknown":                  "vso.unknown",
		"one unknown among others": "vso.code vso.unknown vso.work",
		"a permission":             "user_impersonation",
		"commas":                   "vso.code,vso.work",
		"a resource in front":      "499b84ac-1321-427f-aa17-267ca6975798/vso.code",
		"full access with others":  "app_token vso.code",
		"NUL":                      "vso.code\x00",
		"broken UTF-8":             "vso.code\xff",
		"8193 bytes":               strings.Repeat("vso.code ", 911)[:8193],
		"a million names":          strings.Repeat("vso.code ", 1_000_000),
	} {
		if got, err := catalogue.Parse(text); pat.CodeOf(err) != pat.CodeInvalidScope {
			t.Errorf("%s: Parse = %q, %v, want it refused as %s", name, got, err, pat.CodeInvalidScope)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: the refusal has %d characters", name, len(err.Error()))
		}
	}
}

func TestParseScopeIsIdempotent(t *testing.T) {
	t.Parallel()
	catalogue := azureDevOps(t)
	names := slices.DeleteFunc(scopeNames(), func(name string) bool { return name == string(pat.FullScope) })
	spaces := rapid.SampledFrom([]string{" ", "  ", "\t", "\r\n", "\u2003"})
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfN(rapid.SampledFrom(names), 1, 30).Draw(t, "names")
		var text strings.Builder
		for _, name := range chosen {
			if rapid.Bool().Draw(t, "upper") {
				name = strings.ToUpper(name)
			}
			text.WriteString(name + spaces.Draw(t, "space"))
		}
		scope, err := catalogue.Parse(text.String())
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Compact(slices.Sorted(slices.Values(chosen)))
		if got := scope.Names(); !slices.Equal(got, want) {
			t.Fatalf("Parse(%q) has %q, want %q", text.String(), got, want)
		}
		if again, err := catalogue.Parse(string(scope)); err != nil || again != scope {
			t.Fatalf("Parse(%q) = %q, %v, want it unchanged", scope, again, err)
		}
	})
}

func TestNewCatalogueFaults(t *testing.T) {
	t.Parallel()
	_, err := pat.NewCatalogue([]pat.ScopeDefinition{
		{Name: "Deploy"},
		{Name: "a b"},
		{Name: ""},
		{Name: "-"},
		{Name: strings.Repeat("x", 101)},
		{Name: "twice"},
		{Name: "twice"},
		{Name: "app_token"},
		{Name: "deploy", Includes: []string{"missing", "app_token"}},
	})
	if err == nil {
		t.Fatal("NewCatalogue accepts all of them")
	}
	for _, want := range []string{
		`"Deploy": a name is made of`, `"a b": a name is made of`, `"": a name is made of`, `"-": a name is made of`, `"xxx`,
		`"twice" is defined twice`, `"app_token" is defined twice`,
		`"deploy" includes "missing"`, `"deploy" includes "app_token"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("NewCatalogue = %v, want it to say %s as well", err, want)
		}
	}
}

func TestOwnScopes(t *testing.T) {
	t.Parallel()
	catalogue, err := pat.NewCatalogue([]pat.ScopeDefinition{
		{Name: "shop.admin", Includes: []string{"shop.write"}}, // before what it includes
		{Name: "shop.write", Includes: []string{"shop.read"}},
		{Name: "shop.read"},
		{Name: "ring-1", Includes: []string{"ring-2"}},
		{Name: "ring-2", Includes: []string{"ring-1", "ring-2"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		held   pat.Scope
		wanted string
		want   bool
	}{
		{"shop.admin", "shop.read", true},
		{"shop.read", "shop.admin", false},
		{"ring-1", "ring-2", true},
		{"ring-2", "ring-1", true},
		{pat.FullScope, "shop.admin", true},
		{pat.FullScope, "vso.code", false},
	} {
		if got := catalogue.Grants(tt.held, tt.wanted); got != tt.want {
			t.Errorf("%s grants %s: %v, want %v", tt.held, tt.wanted, got, tt.want)
		}
	}
	empty, err := pat.NewCatalogue(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := empty.Parse("app_token"); err != nil || got != pat.FullScope {
		t.Errorf("Parse with an empty catalogue = %q, %v, want full access to be there", got, err)
	}
}
