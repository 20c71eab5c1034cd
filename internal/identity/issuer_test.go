package identity

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	entra := Issuer{Kind: KindEntra, URL: authority, Tenants: []string{tenantID}}
	oidc := Issuer{Kind: KindOIDC, URL: openID}
	with := func(issuer Issuer, change func(*Issuer)) Config {
		change(&issuer)
		return Config{Issuers: []Issuer{issuer}}
	}
	tests := []struct {
		name string
		cfg  Config
		want []string
	}{
		{"nothing", Config{}, []string{"no issuers"}},
		{"skew", Config{Issuers: []Issuer{oidc}, Skew: 6 * time.Minute}, []string{"clock skew"}},
		{"negative skew", Config{Issuers: []Issuer{oidc}, Skew: -1}, []string{"clock skew"}},
		{"kind", with(oidc, func(i *Issuer) { i.Kind = "saml" }), []string{"kind"}},
		{"no address", with(oidc, func(i *Issuer) { i.URL = "" }), []string{"no address"}},
		{"relative address", with(oidc, func(i *Issuer) { i.URL = "accounts.example" }), []string{"no address"}},
		{"address with a user", with(oidc, func(i *Issuer) { i.URL = "https://a:b@accounts.example" }), []string{"no address"}},
		{"address with a query", with(oidc, func(i *Issuer) { i.URL = openID + "?x" }), []string{"no address"}},
		{"address with a fragment", with(oidc, func(i *Issuer) { i.URL = openID + "#" }), []string{"no address"}},
		{"plain HTTP", with(oidc, func(i *Issuer) { i.URL = "http://accounts.example" }), []string{"not secure"}},
		{"plain HTTP on a look-alike", with(oidc, func(i *Issuer) { i.URL = "http://localhost.example" }), []string{"not secure"}},
		{"keys over plain HTTP", with(oidc, func(i *Issuer) { i.KeysURL = "http://127.0.0.1/keys" }), []string{"keys address", "not secure"}},
		{"empty audience", with(oidc, func(i *Issuer) { i.Audiences = []string{""} }), []string{"audience is empty"}},
		{"openid with tenants", with(oidc, func(i *Issuer) { i.Tenants = []string{tenantID} }), []string{"only Entra"}},
		{"entra without tenants", with(entra, func(i *Issuer) { i.Tenants = nil }), []string{"no tenants"}},
		{"entra with a tenant by name", with(entra, func(i *Issuer) { i.Tenants = []string{"contoso.example"} }), []string{"no UUID"}},
		{"entra of all tenants", with(entra, func(i *Issuer) { i.Tenants = []string{"common"} }), []string{"no UUID"}},
		{"entra of the zero tenant", with(entra, func(i *Issuer) { i.Tenants = []string{pat.UUID{}.String()} }), []string{"no UUID"}},
		{"entra with one tenant for all", with(entra, func(i *Issuer) { i.Tenant = pat.HashUUID("x") }), []string{"a tenant for all"}},
		{"entra with a path", with(entra, func(i *Issuer) { i.URL = authority + "/" + tenantID }), []string{"only scheme and host"}},
		{"twice", Config{Issuers: []Issuer{entra, entra}}, []string{"configured twice"}},
		{"all at once", Config{Issuers: []Issuer{{}, {Kind: "x", URL: openID}}, Skew: time.Hour}, []string{"clock skew", "no address", "kind"}},
	}
	for _, test := range tests {
		_, err := New(test.cfg)
		if err == nil {
			t.Errorf("%s: New = nil, want an error", test.name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: New = %v, want %q in it", test.name, err, want)
			}
		}
	}
}

func TestNewAsksNobody(t *testing.T) {
	t.Parallel()
	p := newProvider()
	newVerifier(t, config(p, fixed))
	if p.discoveries.Load()+p.fetches.Load() != 0 {
		t.Error("New asked the provider")
	}
}

func TestEntraIssuers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		authority string
		want      []string
	}{
		{"https://login.microsoftonline.com", []string{"https://login.microsoftonline.com/" + tenantID + "/v2.0", "https://sts.windows.net/" + tenantID + "/"}},
		{"https://LOGIN.windows.net/", []string{"https://login.microsoftonline.com/" + tenantID + "/v2.0", "https://sts.windows.net/" + tenantID + "/"}},
		{"https://login.microsoftonline.us", []string{"https://login.microsoftonline.us/" + tenantID + "/v2.0", "https://sts.windows.net/" + tenantID + "/"}},
		{"https://login.partner.microsoftonline.cn", []string{"https://login.partner.microsoftonline.cn/" + tenantID + "/v2.0", "https://sts.chinacloudapi.cn/" + tenantID + "/"}},
		{"https://localhost:8443", []string{"https://localhost:8443/" + tenantID + "/", "https://localhost:8443/" + tenantID + "/v2.0"}},
		{"http://127.0.0.1:8080", []string{"http://127.0.0.1:8080/" + tenantID + "/", "http://127.0.0.1:8080/" + tenantID + "/v2.0"}},
	}
	for _, test := range tests {
		v := newVerifier(t, Config{Issuers: []Issuer{{Kind: KindEntra, URL: test.authority, Tenants: []string{strings.ToUpper(tenantID)}}}})
		var got []string
		for issuer := range v.trusted {
			got = append(got, issuer)
		}
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("issuers of %s (-want +got):\n%s", test.authority, diff)
		}
	}
}
