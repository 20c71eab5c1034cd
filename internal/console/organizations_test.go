package console

import (
	"fmt"
	"testing"

	"github.com/patrolhq/patrol/api"
)

func TestOrganization(t *testing.T) {
	t.Parallel()
	few := knowledge{Organizations: namesOf([]api.Organization{{Name: "contoso"}, {Name: "../fabrikam"}, {Name: "Fabrikam"}})}
	many := knowledge{}
	for i := range maxOrganizations {
		many.Organizations = append(many.Organizations, fmt.Sprintf("organization-%03d", i))
	}
	for _, test := range []struct {
		who        knowledge
		name, want string
	}{
		{few, "contoso", "contoso"},
		{few, "FABRIKAM", "Fabrikam"},
		{few, "../fabrikam", ""},
		{few, "adventure", ""},
		{few, "", ""},
		{many, "Organization-499", "organization-499"},
		{many, "adventure", "adventure"},
		{many, "a/b", ""},
		{many, "..", ""},
		{many, "", ""},
	} {
		if got := test.who.organization(test.name); got != test.want {
			t.Errorf("organization(%q) among %d = %q, want %q", test.name, len(test.who.Organizations), got, test.want)
		}
	}
}

func TestNamesOfAreBounded(t *testing.T) {
	t.Parallel()
	var listed []api.Organization
	for i := range 3 * maxOrganizations {
		listed = append(listed, api.Organization{Name: fmt.Sprintf("organization-%d", i)})
	}
	if got := len(namesOf(listed)); got != maxOrganizations {
		t.Errorf("a session keeps %d names, want %d", got, maxOrganizations)
	}
}
