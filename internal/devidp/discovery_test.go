package devidp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	document := func(segment, issuer string) map[string]any {
		base := s.URL + "/" + segment
		return map[string]any{
			"issuer": issuer, "authorization_endpoint": base + "/oauth2/v2.0/authorize",
			"token_endpoint": base + "/oauth2/v2.0/token", "device_authorization_endpoint": base + "/oauth2/v2.0/devicecode",
			"end_session_endpoint": base + "/oauth2/v2.0/logout", "userinfo_endpoint": base + "/openid/userinfo",
			"jwks_uri": base + "/discovery/v2.0/keys",
		}
	}
	issuer := s.authority() + "/v2.0"
	for path, want := range map[string]map[string]any{
		tenant + "/v2.0":                  document(tenant, issuer),
		strings.ToUpper(tenant) + "/V2.0": document(tenant, issuer),
		domain + "/v2.0":                  document(tenant, issuer),
		"Contoso.EXAMPLE/v2.0":            document(tenant, issuer),
		"common/v2.0":                     document("common", issuer),
		"organizations/v2.0":              document("organizations", issuer),
		tenant:                            document(tenant, s.authority()+"/"),
	} {
		t.Run(path, func(t *testing.T) {
			for _, suffix := range []string{"", "/", "?"} {
				got := s.get(t, s.URL+"/"+path+"/.well-known/openid-configuration"+suffix)
				if got.Header.Get("Access-Control-Allow-Origin") != "*" {
					t.Error("pages of other origins cannot read the document")
				}
				addresses := make(map[string]any)
				for name, value := range got.JSON {
					if _, ok := value.(string); ok {
						addresses[name] = value
					}
				}
				if diff := cmp.Diff(want, addresses); diff != "" {
					t.Errorf("document differs (-want +got):\n%s", diff)
				}
				token := got.JSON["token_endpoint"].(string)
				if strings.Count(token, "token") != 1 {
					t.Errorf("token_endpoint = %s, want the word only at its end", token)
				}
			}
		})
	}
	for _, path := range []string{"consumers", "00000000-0000-0000-0000-000000000000", "evil.example"} {
		checkRefused(t, s.get(t, s.URL+"/"+path+"/v2.0/.well-known/openid-configuration"), 400, "invalid_tenant", 90002)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, path := range []string{"/discovery/v2.0/keys", "/discovery/keys"} {
		keys, _ := s.get(t, s.authority()+path).JSON["keys"].([]any)
		if len(keys) != 1 {
			t.Fatalf("keys = %v, want one", keys)
		}
		key := keys[0].(map[string]any)
		if key["kty"] != "RSA" || key["use"] != "sig" || key["alg"] != "RS256" || key["kid"] == "" || key["d"] != nil || key["x5t"] != nil {
			t.Errorf("key = %v, want a public RSA key without x5t", key)
		}
	}
}

func TestInstanceDiscovery(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	host := strings.TrimPrefix(s.URL, "http://")
	for query, segment := range map[string]string{
		"": tenant,
		"api-version=1.1&authorization_endpoint=https://x/organizations/oauth2/v2.0/authorize":        "organizations",
		"api-version=1.0&authorization_endpoint=https://x/" + domain + "/oauth2/v2.0/authorize":       tenant,
		"api-version=1.0&authorization_endpoint=https://x/https://evil.example/oauth2/v2.0/authorize": tenant,
	} {
		got := s.get(t, s.URL+"/common/discovery/instance?"+query).JSON
		want := map[string]any{
			"tenant_discovery_endpoint": s.URL + "/" + segment + "/v2.0/.well-known/openid-configuration",
			"api-version":               "1.1",
			"metadata":                  []any{map[string]any{"preferred_network": host, "preferred_cache": host, "aliases": []any{host}}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("instance discovery for %q differs (-want +got):\n%s", query, diff)
		}
	}
}

func TestUserRealm(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for name, want := range map[string]string{
		alice.Username: "Managed", "ALICE@CONTOSO.EXAMPLE": "Managed", "nobody@contoso.example": "Managed",
		"nobody@elsewhere.example": "Unknown", "nobody": "Unknown",
	} {
		if got := s.get(t, s.URL+"/common/UserRealm/"+name+"?api-version=1.0").JSON["account_type"]; got != want {
			t.Errorf("account type of %s = %v, want %s", name, got, want)
		}
	}
}
