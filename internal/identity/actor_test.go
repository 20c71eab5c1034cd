package identity

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

const both = pat.ReadTokens | pat.ManageTokens

func mustUUID(t testing.TB, text string) pat.UUID {
	t.Helper()
	id, err := pat.ParseUUID(text)
	if err != nil {
		t.Fatalf("ParseUUID(%q) = %v", text, err)
	}
	return id
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	alice := pat.Actor{
		ID: mustUUID(t, aliceID), Tenant: mustUUID(t, tenantID),
		Name: "Alice Ames", Username: "alice@contoso.example", Permissions: both,
	}
	openAlice := pat.Actor{
		ID: pat.HashUUID(openID, "alice"), Tenant: pat.HashUUID("tenant", openID),
		Name: "Alice Ames", Username: "alice", Permissions: pat.ReadTokens,
	}
	changed := func(actor pat.Actor, change func(*pat.Actor)) pat.Actor {
		change(&actor)
		return actor
	}
	permitted := func(actor pat.Actor, granted pat.Permission) pat.Actor {
		return changed(actor, func(a *pat.Actor) { a.Permissions = granted })
	}
	application := func(actor pat.Actor, granted pat.Permission) pat.Actor {
		return changed(actor, func(a *pat.Actor) { a.Application, a.Permissions = true, granted })
	}
	tests := []struct {
		name   string
		claims claimSet
		want   pat.Actor
	}{
		{"entra v2", v2Claims(), alice},
		{"entra v1", v1Claims(), alice},
		{"entra ids in upper case", v2Claims().with(claimSet{"oid": "{11111111-2222-4333-8444-555555555555}", "tid": "3F2504E0-4F89-41D3-9A0C-0305E82C3301"}), alice},
		{"entra read only", v2Claims().with(claimSet{"scp": "vso.pats"}), permitted(alice, pat.ReadTokens)},
		{"entra manage", v2Claims().with(claimSet{"scp": "vso.pats_manage"}), permitted(alice, both)},
		{"entra both", v2Claims().with(claimSet{"scp": "vso.pats vso.pats_manage"}), alice},
		{"entra scp as array", v2Claims().with(claimSet{"scp": []string{"vso.code", "vso.pats"}}), permitted(alice, pat.ReadTokens)},
		{"entra scp with the audience", v2Claims().with(claimSet{"scp": DefaultAudience + "/vso.pats"}), permitted(alice, pat.ReadTokens)},
		{"entra scp of another audience", v2Claims().with(claimSet{"scp": clientID + "/vso.pats"}), permitted(alice, 0)},
		{"entra scp in another case", v2Claims().with(claimSet{"scp": "VSO.PATS"}), permitted(alice, 0)},
		{"entra scope is not scp", v2Claims().with(claimSet{"scp": "vso.code", "scope": "user_impersonation"}), permitted(alice, 0)},
		{"entra user without scopes", v2Claims().with(claimSet{"scp": nil, "idtyp": "user"}), permitted(alice, 0)},
		{"entra application by idtyp", v2Claims().with(claimSet{"scp": nil, "idtyp": "app", "roles": []string{"Pats.All"}}), changed(application(alice, 0), func(a *pat.Actor) { a.Roles = []string{"Pats.All"} })},
		{"entra application that also has scopes", v2Claims().with(claimSet{"idtyp": "app"}), application(alice, both)},
		{"entra device", v2Claims().with(claimSet{"idtyp": "device"}), application(alice, both)},
		{"entra application without idtyp", v1Claims().with(claimSet{"scp": nil}), application(alice, 0)},
		{"entra application with blank scp", v2Claims().with(claimSet{"scp": " "}), application(alice, 0)},
		{"entra application with odd scp", v2Claims().with(claimSet{"scp": 7}), application(alice, 0)},
		{"entra groups and roles", v2Claims().with(claimSet{"groups": []string{otherID}, "roles": []string{"Admin", "Auditor"}}), changed(alice, func(a *pat.Actor) {
			a.Groups, a.Roles = []string{otherID}, []string{"Admin", "Auditor"}
		})},
		{"entra too many groups", v2Claims().with(claimSet{
			"groups": []string{otherID}, "_claim_names": claimSet{"groups": "src1"},
			"_claim_sources": claimSet{"src1": claimSet{"endpoint": "https://graph.windows.net/x"}},
		}), alice},
		{"entra too many groups, implicit", v2Claims().with(claimSet{"hasgroups": true}), alice},
		{"one of several audiences", v2Claims().with(claimSet{"aud": []string{"other", DefaultAudience}}), alice},
		{"times with fractions", v2Claims().with(claimSet{"exp": float64(start.Unix()) + 0.5, "nbf": float64(start.Unix()) - 0.25}), alice},
		{"expired within the skew", v2Claims().with(claimSet{"exp": start.Unix() - 59}), alice},
		{"early within the skew", v2Claims().with(claimSet{"nbf": start.Unix() + 60, "iat": start.Unix() + 60}), alice},
		{"neither nbf nor iat", v2Claims().with(claimSet{"nbf": nil, "iat": nil}), alice},
		{"names that differ in case", v2Claims().with(claimSet{"OID": otherID, "Aud": "other", "EXP": 0}), alice},

		{"openid", openIDClaims(), openAlice},
		{"openid scp", openIDClaims().with(claimSet{"scope": nil, "scp": []string{"vso.pats_manage"}}), permitted(openAlice, both)},
		{"openid without scopes", openIDClaims().with(claimSet{"scope": nil}), permitted(openAlice, 0)},
		{"openid oid and tid mean nothing", openIDClaims().with(claimSet{"oid": aliceID, "tid": tenantID, "ver": "2.0"}), openAlice},
		{"openid another subject", openIDClaims().with(claimSet{"sub": "bob"}), changed(openAlice, func(a *pat.Actor) { a.ID = pat.HashUUID(openID, "bob") })},
		{"openid mail as user name", openIDClaims().with(claimSet{"preferred_username": nil, "email": "alice@example.com"}), changed(openAlice, func(a *pat.Actor) { a.Username = "alice@example.com" })},
		{"openid client (RFC 9068)", openIDClaims().with(claimSet{"sub": "patrol"}), application(changed(openAlice, func(a *pat.Actor) { a.ID = pat.HashUUID(openID, "patrol") }), pat.ReadTokens)},
		{"openid client (azp)", openIDClaims().with(claimSet{"client_id": nil, "azp": "alice"}), application(openAlice, pat.ReadTokens)},
		{"openid client (Okta)", openIDClaims().with(claimSet{"cid": "alice"}), application(openAlice, pat.ReadTokens)},
		{"openid client (Auth0)", openIDClaims().with(claimSet{"gty": "client-credentials"}), application(openAlice, pat.ReadTokens)},
		{"openid client (Keycloak)", openIDClaims().with(claimSet{"preferred_username": "service-account-patrol"}), changed(application(openAlice, pat.ReadTokens), func(a *pat.Actor) { a.Username = "service-account-patrol" })},
		{"openid client (Keycloak, id with capitals)", openIDClaims().with(claimSet{"client_id": "Patrol", "preferred_username": "service-account-patrol"}), changed(application(openAlice, pat.ReadTokens), func(a *pat.Actor) { a.Username = "service-account-patrol" })},
	}
	v := newVerifier(t, config(newProvider(), fixed))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := v.Authenticate(t.Context(), good(t, test.claims))
			if err != nil {
				t.Fatalf("Authenticate = %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Authenticate (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuthenticateAlgorithms(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(newProvider(
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "rsa"},
		jose.JSONWebKey{Key: p256Key().Public(), KeyID: "p256", Algorithm: "ES256"},
		jose.JSONWebKey{Key: p384Key().Public(), KeyID: "p384"},
	), fixed))
	tests := []struct {
		algorithm jose.SignatureAlgorithm
		key       any
		id        string
	}{
		{jose.RS256, rsaKey(), "rsa"},
		{jose.RS384, rsaKey(), "rsa"},
		{jose.RS512, rsaKey(), "rsa"},
		{jose.PS256, rsaKey(), "rsa"},
		{jose.PS384, rsaKey(), "rsa"},
		{jose.PS512, rsaKey(), "rsa"},
		{jose.ES256, p256Key(), "p256"},
		{jose.ES384, p384Key(), "p384"},
		{jose.ES384, p384Key(), ""}, // the only key for this algorithm
	}
	for _, test := range tests {
		for _, typ := range []any{nil, "JWT", "at+jwt", "application/AT+JWT"} {
			header := map[string]any{}
			if test.id != "" {
				header["kid"] = test.id
			}
			if typ != nil {
				header["typ"] = typ
			}
			if _, err := v.Authenticate(t.Context(), signed(t, test.algorithm, test.key, header, openIDClaims())); err != nil {
				t.Errorf("Authenticate(%s, kid %q, typ %v) = %v", test.algorithm, test.id, typ, err)
			}
		}
	}
}

func TestAuthenticateConfigured(t *testing.T) {
	t.Parallel()
	tenant := mustUUID(t, otherID)
	v := newVerifier(t, Config{
		Issuers: []Issuer{
			{Kind: KindEntra, URL: "https://login.microsoftonline.com/", Tenants: []string{tenantID}, Audiences: []string{DefaultAudience, "https://app.vssps.visualstudio.com/"}},
			{
				Kind: KindOIDC, URL: openID, Tenant: tenant, Audiences: []string{"api://patrol"}, KeysURL: "https://keys.example/keys",
				Scopes: map[string]pat.Permission{"tokens:read": pat.ReadTokens, "tokens:write": both},
			},
		},
		HTTP: config(newProvider(), nil).HTTP,
		Now:  fixed,
	})
	tests := []struct {
		name   string
		claims claimSet
		want   pat.Permission
	}{
		{"public cloud v1", v1Claims().with(claimSet{"iss": "https://sts.windows.net/" + tenantID + "/", "aud": "https://app.vssps.visualstudio.com/"}), both},
		{"public cloud v2", v2Claims().with(claimSet{"iss": "https://login.microsoftonline.com/" + tenantID + "/v2.0"}), both},
		{"scope of its own", openIDClaims().with(claimSet{"aud": "api://patrol", "scope": "tokens:read"}), pat.ReadTokens},
		{"scope of its own with the audience", openIDClaims().with(claimSet{"aud": "api://patrol", "scope": "openid api://patrol/tokens:write"}), both},
		{"scope of Azure DevOps where others are configured", openIDClaims().with(claimSet{"aud": "api://patrol", "scope": "user_impersonation"}), 0},
	}
	for _, test := range tests {
		got, err := v.Authenticate(t.Context(), good(t, test.claims))
		if err != nil || got.Permissions != test.want {
			t.Errorf("%s: Authenticate = %v, %v, want permissions %v", test.name, got.Permissions, err, test.want)
		}
		if test.claims["iss"] == openID && got.Tenant != tenant {
			t.Errorf("%s: tenant = %v, want %v", test.name, got.Tenant, tenant)
		}
	}
}
