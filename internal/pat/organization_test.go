package pat

import (
	"strings"
	"testing"
)

func TestOrganizationHas(t *testing.T) {
	t.Parallel()
	tenant, user, group := RandomUUID(), RandomUUID(), RandomUUID()
	member := Actor{ID: user, Tenant: tenant, Groups: []string{group.String()}}
	tests := []struct {
		name         string
		organization Organization
		actor        Actor
		want         bool
	}{
		{"everybody of the tenant", Organization{Tenant: tenant}, member, true},
		{"another tenant", Organization{Tenant: RandomUUID()}, member, false},
		{"a member", Organization{Tenant: tenant, Members: []string{user.String()}}, member, true},
		{"a member by group", Organization{Tenant: tenant, Members: []string{group.String()}}, member, true},
		{"no member", Organization{Tenant: tenant, Members: []string{RandomUUID().String()}}, member, false},
		{"a member's id in another tenant", Organization{Tenant: RandomUUID(), Members: []string{user.String()}}, member, false},
	}
	for _, tt := range tests {
		if got := tt.organization.Has(tt.actor); got != tt.want {
			t.Errorf("%s: Has = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	contoso := Organization{Name: "Contoso", ID: RandomUUID()}
	fabrikam := Organization{Name: "fabrikam-1", ID: RandomUUID()}
	directory, err := NewDirectory([]Organization{contoso, fabrikam})
	if err != nil {
		t.Fatal(err)
	}
	if got := directory.Len(); got != 2 {
		t.Errorf("Len = %d, want 2", got)
	}
	for key, want := range map[string]UUID{
		"contoso": contoso.ID, "CONTOSO": contoso.ID, contoso.ID.String(): contoso.ID,
		strings.ToUpper(contoso.ID.String()): contoso.ID, "Fabrikam-1": fabrikam.ID,
	} {
		if got, ok := directory.Organization(key); !ok || got.ID != want {
			t.Errorf("Organization(%q) = %v, %v, want %v", key, got.ID, ok, want)
		}
	}
	for _, want := range []Organization{contoso, fabrikam} {
		if got, ok := directory.ByID(want.ID); !ok || got.Name != want.Name {
			t.Errorf("ByID(%v) = %v, %v, want %v", want.ID, got.Name, ok, want.Name)
		}
	}
	if got, ok := directory.ByID(RandomUUID()); ok {
		t.Errorf("ByID of a random id = %v, want none", got.Name)
	}
	for _, key := range []string{"", "contos", "contoso ", "fabrikam"} {
		if got, ok := directory.Organization(key); ok {
			t.Errorf("Organization(%q) = %v, want none", key, got.Name)
		}
	}
}

func TestDirectoryOf(t *testing.T) {
	t.Parallel()
	tenant, user, group := RandomUUID(), RandomUUID(), RandomUUID()
	directory, err := NewDirectory([]Organization{
		{Name: "beta", ID: RandomUUID(), Tenant: tenant},
		{Name: "Gamma", ID: RandomUUID(), Tenant: tenant, Members: []string{group.String()}},
		{Name: "Alpha", ID: RandomUUID(), Tenant: tenant, Members: []string{user.String()}},
		{Name: "closed", ID: RandomUUID(), Tenant: tenant, Members: []string{RandomUUID().String()}},
		{Name: "elsewhere", ID: RandomUUID(), Tenant: RandomUUID()},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		actor Actor
		code  Code
		want  string
	}{
		{"a member", Actor{ID: user, Tenant: tenant, Groups: []string{group.String()}, Permissions: ReadTokens}, "", "Alpha beta Gamma"},
		{"anybody of the tenant", Actor{ID: RandomUUID(), Tenant: tenant, Permissions: ReadTokens | ManageTokens}, "", "beta"},
		{"somebody else", Actor{ID: user, Tenant: RandomUUID(), Permissions: ReadTokens}, "", ""},
		{"a writer", Actor{ID: user, Tenant: tenant, Permissions: ManageTokens}, CodePermissionMissing, ""},
		{"an app", Actor{ID: user, Tenant: tenant, Permissions: ReadTokens, Application: true}, CodeServicePrincipal, ""},
	}
	for _, tt := range tests {
		own, err := directory.Of(tt.actor)
		var names []string
		for _, o := range own {
			names = append(names, o.Name)
		}
		if got := strings.Join(names, " "); got != tt.want || CodeOf(err) != tt.code {
			t.Errorf("%s: Of = %q, %v, want %q and code %q", tt.name, got, err, tt.want, tt.code)
		}
	}
}

func TestNewDirectoryFaults(t *testing.T) {
	t.Parallel()
	id := RandomUUID()
	one := Organization{Name: "one", ID: id}
	tests := []struct {
		name          string
		organizations []Organization
		want          string
	}{
		{"no name", []Organization{{ID: id}}, "a name is"},
		{"a space", []Organization{{Name: "a b", ID: id}}, "a name is"},
		{"a slash", []Organization{{Name: "a/b", ID: id}}, "a name is"},
		{"a reserved path", []Organization{{Name: "_apis", ID: id}}, "a name is"},
		{"the path of forward auth", []Organization{{Name: "Verify", ID: id}}, "a name is"},
		{"a hyphen first", []Organization{{Name: "-a", ID: id}}, "a name is"},
		{"51 characters", []Organization{{Name: strings.Repeat("a", 51), ID: id}}, "a name is"},
		{"beyond ASCII", []Organization{{Name: "\u0141", ID: id}}, "a name is"},
		{"a name that reads as an id", []Organization{{Name: RandomUUID().String(), ID: id}}, "a name is"},
		{"no id", []Organization{{Name: "a"}}, "no id"},
		{"a name twice", []Organization{one, {Name: "ONE", ID: RandomUUID()}}, `taken by "one"`},
		{"an id twice", []Organization{one, {Name: "two", ID: id}}, `taken by "one"`},
	}
	for _, tt := range tests {
		_, err := NewDirectory(tt.organizations)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: NewDirectory = %v, want it to say %q", tt.name, err, tt.want)
		}
	}
	if _, err := NewDirectory([]Organization{{Name: strings.Repeat("a", 50), ID: id}}); err != nil {
		t.Errorf("NewDirectory with a name of 50 = %v", err)
	}
}
