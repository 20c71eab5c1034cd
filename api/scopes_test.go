package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

func TestAzureDevOpsScopes(t *testing.T) {
	t.Parallel()
	scopes := api.AzureDevOpsScopes()
	// 85 rows of the public table beside app_token, and six names outside it.
	if got, want := len(scopes), 1+85+6; got != want {
		t.Errorf("the catalogue has %d scopes, want %d", got, want)
	}
	byName := map[string]api.Scope{}
	for _, s := range scopes {
		if _, twice := byName[s.Name]; twice {
			t.Errorf("%s is there twice", s.Name)
		}
		byName[s.Name] = s
	}
	areas := []string{}
	for _, s := range scopes {
		if s.Area == "" || s.Covers == "" {
			t.Errorf("%s has area %q and covers %q, want both said", s.Name, s.Area, s.Covers)
		}
		if s.Name != strings.ToLower(s.Name) || len(strings.Fields(s.Name)) != 1 {
			t.Errorf("%q is no scope name", s.Name)
		}
		if s.Includes == nil {
			t.Errorf("%s includes nil, want an empty list, which JSON shows as []", s.Name)
		}
		for _, included := range s.Includes {
			if _, ok := byName[included]; !ok || included == "app_token" {
				t.Errorf("%s includes %s, which no token can have beside it", s.Name, included)
			}
		}
		if n := len(areas); n == 0 || areas[n-1] != s.Area {
			areas = append(areas, s.Area)
		}
	}
	if got := len(slices.Compact(slices.Sorted(slices.Values(areas)))); got != len(areas) {
		t.Errorf("some of the %d areas are scattered: keep each in one place", got)
	}
	for _, name := range []string{"user_impersonation", "vso.pats", "vso.pats_manage"} {
		if _, ok := byName[name]; ok {
			t.Errorf("%s is there, but only access tokens can carry it", name)
		}
	}
}

func TestAzureDevOpsScopesEntries(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"app_token":               `{"includes":[],"highPrivilege":true}`,
		"vso.advsec":              `{"includes":[],"highPrivilege":true}`,
		"vso.build":               `{"includes":["vso.hooks_write"],"highPrivilege":false}`,
		"vso.code_full":           `{"includes":["vso.code_manage"],"highPrivilege":true}`,
		"vso.environment_manage":  `{"includes":["vso.agentpools_manage"],"highPrivilege":true}`,
		"vso.gallery_manage":      `{"includes":["vso.gallery_publish"],"highPrivilege":true}`,
		"vso.hooks_interact":      `{"includes":["vso.profile"],"highPrivilege":false}`,
		"vso.packaging_manage":    `{"includes":["vso.packaging_write"],"highPrivilege":true}`,
		"vso.tokenadministration": `{"includes":[],"highPrivilege":true}`,
		"vso.work_full":           `{"includes":["vso.work_write"],"highPrivilege":false}`,
	}
	got := map[string]string{}
	for _, s := range api.AzureDevOpsScopes() {
		if _, ok := want[s.Name]; !ok {
			continue
		}
		text, err := json.Marshal(struct {
			Includes      []string `json:"includes"`
			HighPrivilege bool     `json:"highPrivilege"`
		}{s.Includes, s.HighPrivilege})
		if err != nil {
			t.Fatal(err)
		}
		got[s.Name] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries differ (-want +got):\n%s", diff)
	}
}

func TestAzureDevOpsScopesAreFresh(t *testing.T) {
	t.Parallel()
	first := api.AzureDevOpsScopes()
	want := api.AzureDevOpsScopes()
	for i := range first {
		for j := range first[i].Includes {
			first[i].Includes[j] = "changed"
		}
		first[i].Name = "changed"
	}
	if diff := cmp.Diff(want, api.AzureDevOpsScopes()); diff != "" {
		t.Errorf("changing one copy changed another (-want +got):\n%s", diff)
	}
}
