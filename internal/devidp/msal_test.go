package devidp_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/devidp"
)

var adoScopes = []string{adoScope}

// fullClient follows redirects, as libraries expect of their HTTP client.
func (s *site) fullClient() *http.Client { return &http.Client{Transport: s.Transport} }

func (s *site) msalPublic(t *testing.T, segment string) public.Client {
	t.Helper()
	client, err := public.New(publicID, public.WithAuthority(s.URL+"/"+segment),
		public.WithInstanceDiscovery(false), public.WithHTTPClient(s.fullClient()))
	if err != nil {
		t.Fatalf("public.New = %v, want a client", err)
	}
	return client
}

func TestMSALGoInteractive(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	for _, segment := range []string{tenant, strings.ToUpper(tenant), "common", "organizations", domain} {
		t.Run(segment, func(t *testing.T) {
			client := s.msalPublic(t, segment)
			result, err := client.AcquireTokenInteractive(t.Context(), adoScopes, public.WithOpenURL(func(address string) error {
				return s.browser().Open(t.Context(), address, carol.Username)
			}))
			if err != nil {
				t.Fatalf("AcquireTokenInteractive = %v, want a token", err)
			}
			checkMSALAccount(t, result, carol)
			checkMSALSilent(t, s, client, result)
		})
	}
}

func TestMSALGoAuthCode(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	client := s.msalPublic(t, tenant)
	const redirect = "http://localhost:40000/callback"
	address, err := client.AuthCodeURL(t.Context(), publicID, redirect, adoScopes)
	if err != nil {
		t.Fatal(err)
	}
	code := signIn(t, s.browser(), address).Get("code")
	result, err := client.AcquireTokenByAuthCode(t.Context(), code, redirect, adoScopes)
	if err != nil {
		t.Fatalf("AcquireTokenByAuthCode = %v, want a token", err)
	}
	checkMSALAccount(t, result, alice)
	checkMSALSilent(t, s, client, result)
}

func TestMSALGoDeviceCode(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	client := s.msalPublic(t, tenant)
	device, err := client.AcquireTokenByDeviceCode(t.Context(), adoScopes)
	if err != nil {
		t.Fatalf("AcquireTokenByDeviceCode = %v, want a device code", err)
	}
	if want := "enter the code " + device.Result.UserCode; !strings.Contains(device.Result.Message, want) {
		t.Errorf("message = %q, want %q in it", device.Result.Message, want)
	}
	if err := s.browser().ApproveDevice(t.Context(), device.Result.VerificationURL, device.Result.UserCode, alice.Username); err != nil {
		t.Fatal(err)
	}
	result, err := device.AuthenticationResult(t.Context())
	if err != nil {
		t.Fatalf("AuthenticationResult = %v, want a token", err)
	}
	checkMSALAccount(t, result, alice)
	checkMSALSilent(t, s, client, result)
}

func TestMSALGoUsernamePassword(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	client := s.msalPublic(t, tenant)
	result, err := client.AcquireTokenByUsernamePassword(t.Context(), adoScopes, alice.Username, alice.Password) //nolint:staticcheck // deprecated, but used
	if err != nil {
		t.Fatalf("AcquireTokenByUsernamePassword = %v, want a token", err)
	}
	checkMSALAccount(t, result, alice)
	checkMSALSilent(t, s, client, result)

	_, err = client.AcquireTokenByUsernamePassword(t.Context(), adoScopes, alice.Username, "wrong") //nolint:staticcheck // deprecated, but used
	if err == nil || !strings.Contains(err.Error(), "AADSTS50126") {
		t.Errorf("AcquireTokenByUsernamePassword with a wrong password = %v, want AADSTS50126", err)
	}
}

func TestMSALGoConfidential(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	client := s.msalConfidential(t, secret)
	checkMSALConfidential(t, s, client)

	_, err := s.msalConfidential(t, "wrong").AcquireTokenByCredential(t.Context(), adoScopes)
	if err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("AcquireTokenByCredential with a wrong secret = %v, want AADSTS7000215", err)
	}
}

func TestMSALGoCertificate(t *testing.T) {
	t.Parallel()
	pair, stranger := newCertificate(t), newCertificate(t)
	s := startTLS(t, registerCertificates(pair))
	checkMSALConfidential(t, s, s.msalCertificate(t, pair))
	checkMSALConfidential(t, s, s.msalCertificate(t, pair, confidential.WithX5C()))

	_, err := s.msalCertificate(t, stranger).AcquireTokenByCredential(t.Context(), adoScopes)
	if err == nil || !strings.Contains(err.Error(), "AADSTS700027") {
		t.Errorf("AcquireTokenByCredential with another certificate = %v, want AADSTS700027", err)
	}
}

// TestMSALGoStepUp has the library meet a renewal that asks for more proof, and
// bring it.
func TestMSALGoStepUp(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	client, browser := s.msalConfidential(t, secret), s.browser()
	const redirect = "http://localhost:5000/getAToken"
	address, err := client.AuthCodeURL(t.Context(), confidentialID, redirect, adoScopes)
	if err != nil {
		t.Fatal(err)
	}
	code := signInRefused(t, browser, address, "renewal").Get("code")
	result, err := client.AcquireTokenByAuthCode(t.Context(), code, redirect, adoScopes)
	if err != nil {
		t.Fatalf("AcquireTokenByAuthCode = %v, want a token", err)
	}
	other := []string{devidp.DefaultAudience + "/vso.pats"}
	_, err = client.AcquireTokenSilent(t.Context(), other, confidential.WithSilentAccount(result.Account))
	call, ok := errors.AsType[msalerrors.CallErr](err)
	if !ok || !strings.Contains(err.Error(), "AADSTS50076") {
		t.Fatalf("AcquireTokenSilent = %v, want AADSTS50076", err)
	}
	var refused struct {
		Claims string `json:"claims"`
	}
	if err := json.NewDecoder(call.Resp.Body).Decode(&refused); err != nil {
		t.Fatal(err)
	}
	address, err = client.AuthCodeURL(t.Context(), confidentialID, redirect, adoScopes, confidential.WithClaims(refused.Claims))
	if err != nil {
		t.Fatal(err)
	}
	code = signIn(t, browser, address).Get("code")
	result, err = client.AcquireTokenByAuthCode(t.Context(), code, redirect, adoScopes, confidential.WithClaims(refused.Claims))
	if err != nil {
		t.Fatalf("AcquireTokenByAuthCode with the claims = %v, want a token", err)
	}
	if got := readClaims(t, result.AccessToken)["acrs"]; !cmp.Equal(got, []any{"c1"}) {
		t.Errorf("acrs = %v, want c1", got)
	}
	if _, err = client.AcquireTokenSilent(t.Context(), other, confidential.WithSilentAccount(result.Account)); err != nil {
		t.Errorf("AcquireTokenSilent after the step-up = %v, want a token", err)
	}
}

// checkMSALConfidential has a client get a token for itself, sign alice in, and
// renew her tokens.
func checkMSALConfidential(t *testing.T, s *site, client confidential.Client) {
	t.Helper()
	app, err := client.AcquireTokenByCredential(t.Context(), adoScopes)
	if err != nil {
		t.Fatalf("AcquireTokenByCredential = %v, want a token", err)
	}
	want := devidp.ServicePrincipalID(tenant, confidentialID)
	if claims := readClaims(t, app.AccessToken); claims["idtyp"] != "app" || claims["oid"] != want || claims["sub"] != want || claims["scp"] != nil {
		t.Errorf("claims = %v, want those of an application", claims)
	}

	const redirect = "http://localhost:5000/getAToken"
	address, err := client.AuthCodeURL(t.Context(), confidentialID, redirect, adoScopes)
	if err != nil {
		t.Fatal(err)
	}
	code := signIn(t, s.browser(), address).Get("code")
	result, err := client.AcquireTokenByAuthCode(t.Context(), code, redirect, adoScopes)
	if err != nil {
		t.Fatalf("AcquireTokenByAuthCode = %v, want a token", err)
	}
	if got := result.Account.PreferredUsername; got != alice.Username {
		t.Errorf("account = %q, want %q", got, alice.Username)
	}
	silent, err := client.AcquireTokenSilent(t.Context(), []string{devidp.DefaultAudience + "/vso.pats"}, confidential.WithSilentAccount(result.Account))
	if err != nil {
		t.Fatalf("AcquireTokenSilent = %v, want a token", err)
	}
	if got := readClaims(t, silent.AccessToken)["scp"]; got != "vso.pats" {
		t.Errorf("scp = %v, want vso.pats", got)
	}
}

func (s *site) msalConfidential(t *testing.T, secret string) confidential.Client {
	t.Helper()
	credential, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s.newConfidential(t, credential)
}

func (s *site) msalCertificate(t *testing.T, pair certificate, options ...confidential.Option) confidential.Client {
	t.Helper()
	credential, err := confidential.NewCredFromCert([]*x509.Certificate{pair.Certificate}, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return s.newConfidential(t, credential, options...)
}

func (s *site) newConfidential(t *testing.T, credential confidential.Credential, options ...confidential.Option) confidential.Client {
	t.Helper()
	options = append(options, confidential.WithInstanceDiscovery(false), confidential.WithHTTPClient(s.fullClient()))
	client, err := confidential.New(s.authority(), confidentialID, credential, options...)
	if err != nil {
		t.Fatalf("confidential.New = %v, want a client", err)
	}
	return client
}

func checkMSALAccount(t *testing.T, result public.AuthResult, want devidp.User) {
	t.Helper()
	if got := result.Account.HomeAccountID; got != want.ObjectID+"."+tenant {
		t.Errorf("home account = %q, want that of %s", got, want.Username)
	}
	if got := result.Account.PreferredUsername; got != want.Username {
		t.Errorf("account = %q, want %q", got, want.Username)
	}
	claims := readClaims(t, result.AccessToken)
	if claims["aud"] != devidp.DefaultAudience || claims["scp"] != "user_impersonation" || claims["oid"] != want.ObjectID {
		t.Errorf("claims = %v, want user_impersonation of %s", claims, want.Username)
	}
}

// checkMSALSilent has the library find the token in its cache, and then refresh
// it for another resource.
func checkMSALSilent(t *testing.T, s *site, client public.Client, result public.AuthResult) {
	t.Helper()
	cached, err := client.AcquireTokenSilent(t.Context(), adoScopes, public.WithSilentAccount(result.Account))
	if err != nil || cached.AccessToken != result.AccessToken {
		t.Errorf("AcquireTokenSilent = %v, want the token from the cache", err)
	}
	const arm = "https://management.core.windows.net//.default"
	other, err := client.AcquireTokenSilent(t.Context(), []string{arm}, public.WithSilentAccount(result.Account))
	if err != nil {
		t.Fatalf("AcquireTokenSilent for another resource = %v, want a token", err)
	}
	if got := readClaims(t, other.AccessToken)["aud"]; got != "https://management.core.windows.net/" {
		t.Errorf("aud = %v, want that of the other resource", got)
	}
}

func TestAzidentity(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.URL},
		Transport: s.fullClient(),
	}
	forClient, err := azidentity.NewClientSecretCredential(tenant, confidentialID, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	byPassword, err := azidentity.NewUsernamePasswordCredential(tenant, publicID, alice.Username, alice.Password,
		&azidentity.UsernamePasswordCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true}) //nolint:staticcheck // deprecated, but used
	if err != nil {
		t.Fatal(err)
	}
	byDevice, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		TenantID: tenant, ClientID: publicID, ClientOptions: options, DisableInstanceDiscovery: true,
		UserPrompt: func(ctx context.Context, m azidentity.DeviceCodeMessage) error {
			return s.browser().ApproveDevice(ctx, m.VerificationURL, m.UserCode, alice.Username)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name       string
		credential azcore.TokenCredential
		object     string
	}{
		{"client secret", forClient, devidp.ServicePrincipalID(tenant, confidentialID)},
		{"password", byPassword, alice.ObjectID},
		{"device code", byDevice, alice.ObjectID},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := test.credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: adoScopes})
			if err != nil {
				t.Fatalf("GetToken = %v, want a token", err)
			}
			if got := readClaims(t, token.Token)["oid"]; got != test.object {
				t.Errorf("oid = %v, want %s", got, test.object)
			}
		})
	}
}
