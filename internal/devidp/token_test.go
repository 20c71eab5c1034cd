package devidp_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patrolhq/patrol/internal/devidp"
)

// passwordForm is a token request that succeeds.
func passwordForm() url.Values {
	return url.Values{
		"grant_type": {"password"}, "client_id": {publicID}, "client_info": {"1"},
		"username": {alice.Username}, "password": {alice.Password},
		"scope": {adoScope + " openid profile offline_access"},
	}
}

// with is form with some values replaced; an empty value removes.
func with(form url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			form.Del(pairs[i])
		}
	}
	return form
}

func clientForm() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {confidentialID}, "client_secret": {secret}, "scope": {adoScope},
	}
}

// checkRefused checks the error body of a refused request.
func checkRefused(t *testing.T, got response, status int, oauth string, number int) {
	t.Helper()
	description, _ := got.JSON["error_description"].(string)
	if got.StatusCode != status || got.JSON["error"] != oauth || !strings.HasPrefix(description, fmt.Sprintf("AADSTS%d: ", number)) {
		t.Errorf("answer = %v, want %d %s with AADSTS%d", got, status, oauth, number)
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		name   string
		form   url.Values
		status int
		oauth  string
		number int
	}{
		{"empty", url.Values{}, 400, "invalid_request", 900144},
		{"no grant type", with(passwordForm(), "grant_type", ""), 400, "invalid_request", 900144},
		{"unknown grant type", with(passwordForm(), "grant_type", "magic"), 400, "unsupported_grant_type", 70003},
		{"unknown client", with(passwordForm(), "client_id", "nobody"), 400, "unauthorized_client", 700016},
		{"wrong password", with(passwordForm(), "password", "x"), 400, "invalid_grant", 50126},
		{"unknown user", with(passwordForm(), "username", "mallory"), 400, "invalid_grant", 50126},
		{"no password", with(passwordForm(), "password", ""), 400, "invalid_request", 900144},
		{"no scope", with(passwordForm(), "scope", ""), 400, "invalid_request", 900144},
		{"unknown scope", with(passwordForm(), "scope", devidp.DefaultAudience+"/everything"), 400, "invalid_scope", 70011},
		{"scope without permission", with(passwordForm(), "scope", devidp.DefaultAudience+"/"), 400, "invalid_scope", 70011},
		{"scope without resource", with(passwordForm(), "scope", "/.default"), 400, "invalid_scope", 70011},
		{"scope with quotes", with(passwordForm(), "scope", `"openid"`), 400, "invalid_scope", 70011},
		{"two resources", with(passwordForm(), "scope", adoScope+" https://other.example/.default"), 400, "invalid_scope", 28000},
		{"default and another", with(passwordForm(), "scope", adoScope+" "+devidp.DefaultAudience+"/vso.pats"), 400, "invalid_scope", 70011},
		{"secret of a public client", with(passwordForm(), "client_secret", "x"), 401, "invalid_client", 700025},
		{"wrong secret", with(clientForm(), "client_secret", "x"), 401, "invalid_client", 7000215},
		{"no secret", with(clientForm(), "client_secret", ""), 401, "invalid_client", 7000218},
		{"secret and assertion", with(clientForm(), "client_assertion", "x"), 400, "invalid_request", 9002313},
		{"credentials of a public client", with(clientForm(), "client_secret", "", "client_id", publicID), 401, "invalid_client", 7000218},
		{"credentials for a permission", with(clientForm(), "scope", devidp.DefaultAudience+"/vso.pats"), 400, "invalid_scope", 1002012},
		{"repeated parameter", url.Values{"client_id": {publicID, publicID}}, 400, "invalid_request", 9000411},
		{"no code", url.Values{"client_id": {publicID}, "grant_type": {"authorization_code"}}, 400, "invalid_request", 900144},
		{"code of noise", url.Values{"client_id": {publicID}, "grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {"x"}}, 400, "invalid_grant", 9002313},
		{"refresh of noise", url.Values{"client_id": {publicID}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}, 400, "invalid_grant", 9002313},
		{"no refresh token", url.Values{"client_id": {publicID}, "grant_type": {"refresh_token"}}, 400, "invalid_request", 900144},
		{"no device code", url.Values{"client_id": {publicID}, "grant_type": {"device_code"}}, 400, "invalid_request", 900144},
		{"device code of noise", url.Values{"client_id": {publicID}, "grant_type": {"device_code"}, "device_code": {"x"}}, 400, "invalid_grant", 9002313},
		{"oversized", with(passwordForm(), "scope", strings.Repeat("x", 300<<10)), 413, "invalid_request", 900383},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.token(t, test.form)
			checkRefused(t, got, test.status, test.oauth, test.number)
			want := []any{float64(test.number)}
			if diff := cmp.Diff(want, got.JSON["error_codes"]); diff != "" {
				t.Errorf("error_codes differ (-want +got):\n%s", diff)
			}
			for _, name := range []string{"timestamp", "trace_id", "correlation_id"} {
				if got.JSON[name] == "" || got.JSON[name] == nil {
					t.Errorf("the error has no %s", name)
				}
			}
			if strings.Contains(got.Text, secret) || strings.Contains(got.Text, alice.Password) {
				t.Error("the error shows a secret")
			}
		})
	}
}

func TestTokenBadForms(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	r := s.newPost(t, "/"+tenant+"/oauth2/v2.0/token", nil)
	r.Body = http.NoBody
	r.Header.Set("Content-Type", "application/json")
	checkRefused(t, s.do(t, r), 400, "invalid_request", 900144)

	r = s.newPost(t, "/"+tenant+"/oauth2/v2.0/token?x=%zz", passwordForm())
	checkRefused(t, s.do(t, r), 400, "invalid_request", 9002313)

	checkRefused(t, s.post(t, "/nowhere/oauth2/v2.0/token", passwordForm()), 400, "invalid_tenant", 90002)

	r = s.newPost(t, "/"+tenant+"/oauth2/v2.0/token", with(passwordForm(), "password", "x"))
	const id = "11111111-2222-4333-8444-555555555555"
	r.Header.Set("client-request-id", id)
	if got := s.do(t, r).JSON["correlation_id"]; got != id {
		t.Errorf("correlation_id = %v, want %s", got, id)
	}
}

func TestBasicAuthentication(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		name   string
		id     string
		secret string
		form   url.Values
		status int
		number int
	}{
		{"good", confidentialID, url.QueryEscape(secret), with(clientForm(), "client_secret", "", "client_id", ""), 200, 0},
		{"good with id", confidentialID, url.QueryEscape(secret), with(clientForm(), "client_secret", ""), 200, 0},
		{"wrong", confidentialID, "wrong", with(clientForm(), "client_secret", ""), 401, 7000215},
		{"two ways", confidentialID, url.QueryEscape(secret), clientForm(), 400, 9002313},
		{"two clients", publicID, "", with(clientForm(), "client_secret", ""), 400, 9002313},
		{"public", publicID, "", with(passwordForm(), "client_id", ""), 200, 0},
		{"bad escape", confidentialID, "%zz", with(clientForm(), "client_secret", ""), 401, 9002313},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := s.newPost(t, "/"+tenant+"/oauth2/v2.0/token", test.form)
			r.SetBasicAuth(test.id, test.secret)
			got := s.do(t, r)
			if got.StatusCode != test.status || (test.number != 0 && !strings.Contains(got.Text, fmt.Sprint("AADSTS", test.number))) {
				t.Errorf("answer = %v, want %d AADSTS%d", got, test.status, test.number)
			}
			if challenge := got.Header.Get("WWW-Authenticate"); (got.StatusCode == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("WWW-Authenticate = %q with status %d, want Basic exactly on 401", challenge, got.StatusCode)
			}
		})
	}
}

func TestTokenResponse(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	got := s.token(t, passwordForm()).JSON
	want := map[string]any{
		"token_type": "Bearer", "expires_in": 3600.0, "ext_expires_in": 3600.0,
		"scope":       devidp.DefaultAudience + "/user_impersonation " + adoScope + " openid profile offline_access",
		"client_info": "eyJ1aWQiOiJhMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMGEiLCJ1dGlkIjoiNmYxYzJiOGUtM2Q0YS00ZjViLTljNmQtN2U4ZjkwYTFiMmMzIn0",
	}
	random := cmpopts.IgnoreMapEntries(func(name string, _ any) bool {
		return name == "access_token" || name == "refresh_token" || name == "id_token"
	})
	if diff := cmp.Diff(want, got, random); diff != "" {
		t.Errorf("response differs (-want +got):\n%s", diff)
	}

	plain := s.token(t, with(passwordForm(), "scope", adoScope, "client_info", "")).JSON
	for _, name := range []string{"refresh_token", "id_token", "client_info"} {
		if plain[name] != nil {
			t.Errorf("%s = %v, want none where none was asked for", name, plain[name])
		}
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	v2 := startPlain(t)
	v1 := startPlain(t, func(cfg *devidp.Config) { cfg.TokenVersion = 1 })
	carolForm := func(pairs ...string) url.Values {
		return with(with(passwordForm(), "username", "CAROL@contoso.example", "password", carol.Password), pairs...)
	}
	person := map[string]any{
		"aud": devidp.DefaultAudience, "oid": carol.ObjectID, "tid": tenant, "name": carol.Name, "scp": "user_impersonation",
		"roles": []any{"Patrol.Administrator"}, "groups": []any{"g1", "g2"},
	}
	app := map[string]any{
		"aud": devidp.DefaultAudience, "tid": tenant, "idtyp": "app", "roles": []any{"Automation"},
		"oid": devidp.ServicePrincipalID(tenant, confidentialID),
	}
	for _, test := range []struct {
		name  string
		site  *site
		form  url.Values
		token string
		want  map[string]any
	}{
		{"user v2", v2, carolForm(), "access_token", join(person, map[string]any{
			"iss": v2.authority() + "/v2.0", "ver": "2.0", "azp": publicID, "azpacr": "0", "preferred_username": carol.Username,
		})},
		{"user v1", v1, carolForm(), "access_token", join(person, map[string]any{
			"iss": v1.authority() + "/", "ver": "1.0", "appid": publicID, "appidacr": "0", "upn": carol.Username, "unique_name": carol.Username,
		})},
		{"app v2", v2, clientForm(), "access_token", join(app, map[string]any{
			"iss": v2.authority() + "/v2.0", "ver": "2.0", "azp": confidentialID, "azpacr": "1",
		})},
		{"app v1", v1, clientForm(), "access_token", join(app, map[string]any{
			"iss": v1.authority() + "/", "ver": "1.0", "appid": confidentialID, "appidacr": "1",
		})},
		{"id token", v1, carolForm("scope", "openid email"), "id_token", map[string]any{
			"iss": v1.authority() + "/v2.0", "ver": "2.0", "aud": publicID, "oid": carol.ObjectID, "tid": tenant, "name": carol.Name,
			"preferred_username": carol.Username, "email": carol.Username, "roles": []any{"Patrol.Administrator"}, "groups": []any{"g1", "g2"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, _ := test.site.token(t, test.form).JSON[test.token].(string)
			got := readClaims(t, token)
			times := cmpopts.IgnoreMapEntries(func(name string, _ any) bool {
				return name == "iat" || name == "nbf" || name == "exp" || name == "uti" || name == "sub"
			})
			if diff := cmp.Diff(test.want, got, times); diff != "" {
				t.Errorf("claims differ (-want +got):\n%s", diff)
			}
			if life := got["exp"].(float64) - got["iat"].(float64); life != time.Hour.Seconds() {
				t.Errorf("the token lives %v seconds, want an hour", life)
			}
			if got["sub"] == "" || got["uti"] == "" {
				t.Errorf("sub and uti = %q and %q, want both", got["sub"], got["uti"])
			}
		})
	}
}

func join(maps ...map[string]any) map[string]any {
	all := make(map[string]any)
	for _, m := range maps {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

func TestScopes(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	const ado = devidp.DefaultAudience
	for _, test := range []struct {
		scope, audience, permissions, granted string
	}{
		{adoScope, ado, "user_impersonation", ado + "/user_impersonation " + adoScope},
		{ado + "/user_impersonation", ado, "user_impersonation", ado + "/user_impersonation"},
		{ado + "/vso.pats", ado, "vso.pats", ado + "/vso.pats"},
		{ado + "/vso.pats " + ado + "/vso.pats_manage openid", ado, "vso.pats vso.pats_manage", ado + "/vso.pats " + ado + "/vso.pats_manage openid"},
		{"api://" + ado + "/.default", ado, "user_impersonation", "api://" + ado + "/user_impersonation api://" + ado + "/.default"},
		{"https://app.vssps.visualstudio.com/.default", ado, "user_impersonation", "https://app.vssps.visualstudio.com/user_impersonation https://app.vssps.visualstudio.com/.default"},
		{strings.ToUpper(ado) + "/.default", ado, "user_impersonation", strings.ToUpper(ado) + "/user_impersonation " + strings.ToUpper(ado) + "/.default"},
		{"https://management.core.windows.net//.default", "https://management.core.windows.net/", "user_impersonation", "https://management.core.windows.net//user_impersonation https://management.core.windows.net//.default"},
		{"User.Read openid", "00000003-0000-0000-c000-000000000000", "User.Read", "User.Read openid"},
		{"openid profile", "00000003-0000-0000-c000-000000000000", "openid profile", "openid profile"},
	} {
		t.Run(test.scope, func(t *testing.T) {
			got := s.token(t, with(passwordForm(), "scope", test.scope))
			token, ok := got.JSON["access_token"].(string)
			if !ok {
				t.Fatalf("answer = %v, want tokens", got)
			}
			claims := readClaims(t, token)
			if claims["aud"] != test.audience || claims["scp"] != test.permissions || got.JSON["scope"] != test.granted {
				t.Errorf("aud, scp, scope = %v, %v, %v; want %v, %v, %v",
					claims["aud"], claims["scp"], got.JSON["scope"], test.audience, test.permissions, test.granted)
			}
		})
	}
}

func TestUserInfoRefusals(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	tokens := s.token(t, passwordForm()).JSON
	app := s.token(t, clientForm()).JSON["access_token"].(string)
	for name, header := range map[string]string{
		"nothing": "", "noise": "Bearer x.y.z", "id token": "Bearer " + tokens["id_token"].(string),
		"application": "Bearer " + app, "basic": "Basic " + tokens["access_token"].(string),
	} {
		t.Run(name, func(t *testing.T) {
			r := s.newPost(t, "/"+tenant+"/openid/userinfo", nil)
			r.Header.Set("Authorization", header)
			checkRefused(t, s.do(t, r), 401, "invalid_token", 50133)
		})
	}
	s.clock.advance(2 * time.Hour)
	r := s.newPost(t, "/"+tenant+"/openid/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
	checkRefused(t, s.do(t, r), 401, "invalid_token", 50133)
}
