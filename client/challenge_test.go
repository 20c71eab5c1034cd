package client_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/client"
)

// challenged is the error of a call that is answered with these challenges.
func challenged(t testing.TB, status int, headers ...string) *client.Error {
	t.Helper()
	refusing := &transport{answer: func(int, *http.Request) (*http.Response, error) {
		r := reply(status, "")
		r.Header["Www-Authenticate"] = headers
		return r, nil
	}}
	_, err := newClient(refusing).Get(t.Context(), tokenID)
	return asError(t, err)
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const (
		want    = `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
		encoded = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0="
		// With every 401 of Azure DevOps come these three.
		basic, federated, unquoted = `Basic realm="https://vssps.dev.azure.com/"`, "TFS-Federated", "Bearer authorization_uri=https://login.microsoftonline.com/2ce1d18c-a94c-4bd3-b5b9-ce7d94b1d9f8"
		insufficient               = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="` + encoded + `"`
	)
	urlSafe := `{"access_token":{"name":{"value":"~~~???"}}}`
	escaped := `{"id_token":{"n":{"value":"a, \"b\" \\ "}}}`
	tests := []struct {
		name    string
		headers []string
		want    string
	}{
		{"insufficient claims", []string{insufficient}, want},
		{"revoked session", []string{`Bearer authorization_uri="https://login.windows.net/", error="invalid_token", error_description="User session has been revoked", claims="` + encoded + `"`}, want},
		{"after those of Azure DevOps", []string{basic, federated, unquoted, insufficient}, want},
		{"before them", []string{insufficient, basic, federated, unquoted}, want},
		{"all in one header", []string{basic + ", " + federated + ", " + unquoted + ", " + insufficient + ", Negotiate oRM/Cg+x=="}, want},
		{"after credentials of another scheme", []string{"Negotiate oRM/Cg+x==, " + insufficient}, want},
		{"in any case", []string{`bEARER ERROR="insufficient_claims",CLAIMS="` + encoded + `"`}, want},
		{"with spaces", []string{"\t,, Bearer  claims =\t\"" + encoded + "\" , error=x ,"}, want},
		{"without quotes", []string{"Bearer error=insufficient_claims, claims=" + encoded}, want},
		{"without padding", []string{`Bearer claims="` + strings.TrimRight(encoded, "=") + `"`}, want},
		{"in the other alphabet", []string{`Bearer claims="` + base64.URLEncoding.EncodeToString([]byte(urlSafe)) + `"`}, urlSafe},
		{"not encoded", []string{`Bearer claims="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(" "+escaped) + `", error="insufficient_claims"`}, escaped},
		{"commas and quotes before", []string{`Bearer error_description="claims=\"x\", Bearer claims=\"e30\", and so on", claims="` + encoded + `"`}, want},
		{"several of a name", []string{`Bearer claims="", claims="` + encoded + `", claims="e30"`}, want},
		{"the first that can be read", []string{`Bearer claims="%%%"`, insufficient}, want},
		{"no closing quote", []string{`Bearer claims="` + encoded}, want},
		{"ends in a backslash", []string{`Bearer claims="e30", error="\`}, `{}`},

		{"none", nil, ""},
		{"those of Azure DevOps", []string{basic, federated, unquoted}, ""},
		{"of another scheme", []string{`Basic claims="` + encoded + `"`}, ""},
		{"in a description", []string{`Bearer error_description="claims=` + encoded + `"`}, ""},
		{"without a scheme", []string{`claims="` + encoded + `"`}, ""},
		{"empty", []string{`Bearer claims=""`}, ""},
		{"no base64", []string{`Bearer claims="!"`}, ""},
		{"no JSON", []string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte(`{"a"`)) + `"`}, ""},
		{"no object", []string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte(`["a"]`)) + `"`}, ""},
		{"two objects", []string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte(`{} {}`)) + `"`}, ""},
		{"no UTF-8", []string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte("{\"a\":\"\xff\"}")) + `"`}, ""},
		{"too long", []string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte(`{"a":"`+strings.Repeat("a", 5000)+`"}`)) + `"`}, ""},
		{"the access token", []string{`Bearer claims="` + base64.StdEncoding.EncodeToString([]byte(`{"a":"`+accessToken+`"}`)) + `"`}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := challenged(t, http.StatusUnauthorized, tt.headers...)
			if e.Claims != tt.want || e.Kind != client.KindAuthentication {
				t.Errorf("Claims = %s in an error of kind %s, want %s and kind authentication", e.Claims, e.Kind, tt.want)
			}
			if text := fmt.Sprint(e); strings.Contains(text, "access_token") || strings.Contains(text, "claims") {
				t.Errorf("the error has the claims in its text: %s", text)
			}
			if e := challenged(t, http.StatusForbidden, tt.headers...); e.Claims != "" {
				t.Errorf("Claims = %s with status 403, want none", e.Claims)
			}
		})
	}
}

// FuzzClaims: whatever the header, there are claims that a request can name, or
// none.
func FuzzClaims(f *testing.F) {
	f.Add(`Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ=="`)
	f.Add(`Basic realm="a, b", Bearer authorization_uri=https://login.example/, claims={"a":1}`)
	f.Add(`Negotiate a/b==, Bearer claims="{\"a\":1}", x="\`)
	f.Fuzz(func(t *testing.T, header string) {
		claims := challenged(t, http.StatusUnauthorized, header).Claims
		if claims != "" && (claims[0] != '{' || len(claims) > 4<<10 || strings.ContainsAny(claims, "\n\x00\x1b")) {
			t.Errorf("Claims = %q, want a short object in one line", claims)
		}
	})
}
