package server_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
)

// organizationsPath is where a caller finds out which there are.
const organizationsPath = "/_apis/patrol/organizations?" + version

func TestOrganizations(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	contoso, fabrikam, closed := api.Organization{ID: contosoID, Name: "Contoso"}, api.Organization{ID: fabrikamID, Name: "fabrikam"}, api.Organization{ID: closedID, Name: "closed"}
	reader := caller{s, "Bearer " + accessToken(t, s.idp, tenant, "alice", "vso.pats"), ""}
	tests := []struct {
		name string
		by   caller
		path string
		want []api.Organization
	}{
		{"no member of one", s.as(t, "alice"), organizationsPath, []api.Organization{contoso, fabrikam}},
		{"a member of all", s.as(t, "bob"), organizationsPath, []api.Organization{closed, contoso, fabrikam}},
		{"with permission to read", reader, organizationsPath, []api.Organization{contoso, fabrikam}},
		{"in any case", reader, "/_APIS/Patrol/Organizations/?" + version, []api.Organization{contoso, fabrikam}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := tt.by.do(t, http.MethodGet, tt.path, "")
			if a.Status != http.StatusOK {
				t.Fatalf("organizations = %d %s, want 200", a.Status, a.Body)
			}
			if diff := cmp.Diff(api.Collect(tt.want), decode[api.Collection[api.Organization]](t, a.Body)); diff != "" {
				t.Errorf("organizations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoOrganizations: none is an empty list, not null.
func TestNoOrganizations(t *testing.T) {
	t.Parallel()
	elsewhere, err := pat.NewDirectory([]pat.Organization{{ID: uuid(t, closedID), Name: "closed", Tenant: uuid(t, tenant), Members: []string{bobID}}})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, options{Change: func(c *server.Config) { c.Organizations = elsewhere }})
	a := s.as(t, "alice").do(t, http.MethodGet, organizationsPath, "")
	if want := `{"count":0,"value":[]}` + "\n"; a.Status != http.StatusOK || a.Body != want {
		t.Errorf("organizations = %d %s, want 200 %s", a.Status, a.Body, want)
	}
}

func TestOrganizationsRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	secret := *token(t, alice.do(t, http.MethodPost, alice.pats(), `{"displayName":"ci","scope":"app_token"}`)).Token
	tests := []struct {
		name   string
		by     caller
		target string
		want   fault
	}{
		{"no version", alice, "/_apis/patrol/organizations", fault{http.StatusBadRequest, "VssVersionNotSpecifiedException"}},
		{"no credential", caller{site: s}, organizationsPath, fault{http.StatusUnauthorized, unauthorized}},
		{"a PAT", caller{s, "Bearer " + secret, ""}, organizationsPath, fault{http.StatusUnauthorized, unauthorized}},
		{"a service principal", caller{s, "Bearer " + s.robotToken(t), ""}, organizationsPath, fault{http.StatusForbidden, "InvalidAccessException"}},
		{"in an organization", alice, "/contoso" + organizationsPath, fault{http.StatusNotFound, "VssResourceNotFoundException"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := faultOf(t, tt.by.wrong(t, http.MethodGet, tt.target, "")); got != tt.want {
				t.Errorf("organizations = %v, want %v", got, tt.want)
			}
		})
	}
}
