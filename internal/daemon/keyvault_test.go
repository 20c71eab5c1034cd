package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
)

// vault is a Key Vault in the network of a test: every host leads to it.
type vault struct {
	secrets map[string]string // by path

	mu    sync.Mutex
	asked []string // "HOST PATH", with credentials
}

const vaultToken = "access-token-for-vaults"

// ServeHTTP answers as Key Vaults do: with a challenge first.
func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Authorization") {
	case "":
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555", resource="https://`+strings.SplitN(r.Host, ".", 2)[1]+`"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	case "Bearer " + vaultToken:
	default:
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	v.mu.Lock()
	v.asked = append(v.asked, r.Host+" "+r.URL.Path)
	v.mu.Unlock()
	secret, ok := v.secrets[r.URL.Path]
	switch {
	case strings.HasSuffix(r.URL.Path, "/forbidden/"):
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "Forbidden", "message": "hunter2 is not yours"}})
	case strings.HasSuffix(r.URL.Path, "/moved/"):
		http.Redirect(w, r, "https://elsewhere.example/secrets/plain/", http.StatusFound)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "SecretNotFound"}})
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"value": secret, "id": "https://" + r.Host + r.URL.Path})
	}
}

// identity is who asks: whoever has no error.
type vaultIdentity struct {
	err    error
	scopes []string
}

func (i *vaultIdentity) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.scopes = append(i.scopes, o.Scopes...)
	return azcore.AccessToken{Token: vaultToken, ExpiresOn: time.Now().Add(time.Hour)}, i.err
}

// secretsIn reads secrets in a network where every host leads to v, by TLS.
func secretsIn(t *testing.T, v *vault, i *vaultIdentity) *secrets {
	t.Helper()
	server := httptest.NewTLSServer(v)
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // whom its certificate is for
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	s := newSecrets(t.Context())
	s.vaults = keyVaults{identity: i, http: &http.Client{Transport: transport}}
	t.Cleanup(transport.CloseIdleConnections)
	return s
}

func TestKeyVault(t *testing.T) {
	t.Parallel()
	v := &vault{secrets: map[string]string{
		"/secrets/plain/": "from a vault\n", "/secrets/plain/0123456789abcdef0123456789abcdef": "an old one", "/secrets/empty/": "",
	}}
	i := &vaultIdentity{}
	s := secretsIn(t, v, i)
	for ref, want := range map[SecretRef]string{
		"keyvault:https://contoso.vault.azure.net/secrets/plain":                                  "from a vault",
		"keyvault:https://contoso.vault.azure.net/secrets/plain/":                                 "from a vault",
		"keyvault:https://Contoso-2.vault.azure.net/certificates/plain":                           "from a vault",
		"keyvault:https://contoso.vault.azure.net/secrets/plain/0123456789abcdef0123456789abcdef": "an old one",
		"keyvault:https://contoso.vault.azure.cn/secrets/plain":                                   "from a vault",
		"keyvault:https://contoso.vault.usgovcloudapi.net/secrets/plain":                          "from a vault",
	} {
		if got, err := s.read(ref); err != nil || got != want {
			t.Errorf("%s reads %q, %v, want %q", ref, got, err, want)
		}
	}
	for ref, want := range map[SecretRef]string{
		"keyvault:https://contoso.vault.azure.net/secrets/absent":    `404 ("SecretNotFound"): there is no such secret`,
		"keyvault:https://contoso.vault.azure.net/secrets/forbidden": `403 ("Forbidden"): give this service's identity`,
		"keyvault:https://contoso.vault.azure.net/secrets/moved":     "contoso.vault.azure.net",
		"keyvault:https://contoso.vault.azure.net/secrets/empty":     "is empty",
	} {
		got, err := s.read(ref)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), vaultToken) {
			t.Errorf("%s reads %q, %v, want an error with %q and no secret", ref, got, err, want)
		}
	}
	for _, scope := range i.scopes {
		if !strings.HasPrefix(scope, "https://vault.") {
			t.Errorf("an access token was asked for %s, want vaults alone", scope)
		}
	}
}

// TestKeyVaultsAlone: no request leaves for what is not the address of a
// secret in a Key Vault, and what stands there is not repeated.
func TestKeyVaultsAlone(t *testing.T) {
	t.Parallel()
	v := &vault{}
	s := secretsIn(t, v, &vaultIdentity{})
	for _, address := range []string{
		"", "hunter2", "contoso/secrets/plain", "http://contoso.vault.azure.net/secrets/plain", "https://vault.azure.net/secrets/plain",
		"https://contoso.vault.azure.net.example/secrets/plain", "https://contoso.vault.example/secrets/plain", "https://contosovault.azure.net/secrets/plain",
		"https://contoso.vault.azure.net:8443/secrets/plain", "https://user:hunter2@contoso.vault.azure.net/secrets/plain", "https://example.com@contoso.vault.azure.net/secrets/plain",
		"https://example.com/.vault.azure.net/secrets/plain", "https://a.contoso.vault.azure.net/secrets/plain", "https://contoso.vault.azure.net/keys/plain",
		"https://contoso.vault.azure.net/secrets/", "https://contoso.vault.azure.net/secrets/a/b/c", "https://contoso.vault.azure.net/secrets/../keys",
		"https://contoso.vault.azure.net/secrets/plain?x=y", "https://contoso.vault.azure.net/secrets/plain#hunter2", "https://contoso.managedhsm.azure.net/secrets/plain",
	} {
		if got, err := s.read(SecretRef("keyvault:" + address)); !errors.Is(err, errVaultAddress) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s reads %q, %v, want %v", address, got, err, errVaultAddress)
		}
	}
	if len(v.asked) > 0 {
		t.Errorf("the network was asked %q", v.asked)
	}
}

func TestKeyVaultIdentity(t *testing.T) {
	t.Parallel()
	const ref = "keyvault:https://contoso.vault.azure.net/secrets/plain"
	s := secretsIn(t, &vault{}, &vaultIdentity{err: errors.New("nobody\n\t* not even\n\t* a managed identity")})
	_, err := s.read(ref)
	if want := "reading a secret from Key Vault: contoso.vault.azure.net: nobody * not even * a managed identity"; err == nil || err.Error() != want {
		t.Errorf("read as nobody = %v, want %s", err, want)
	}
	v := &vault{secrets: map[string]string{"/secrets/plain/": "x"}}
	i := &vaultIdentity{}
	s = secretsIn(t, v, i)
	for range 3 {
		if _, err := s.read(ref); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"https://vault.azure.net/.default"}, i.scopes); diff != "" {
		t.Errorf("access tokens for three secrets of a vault (-want +got):\n%s", diff)
	}
	ended, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	s.ctx = ended
	if _, err := s.read(ref); err == nil || !strings.Contains(err.Error(), "did not answer within") {
		t.Errorf("read without time = %v, want an error that says so", err)
	}
}

// TestCertificates: as files have them, and as Key Vaults do.
func TestCertificates(t *testing.T) {
	t.Parallel()
	// openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj "/CN=console of a test", and then pkcs12 -export -legacy.
	packed, err := os.ReadFile("testdata/keyvault.pfx.base64")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := newConsoleCertificate(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := secretsIn(t, &vault{secrets: map[string]string{
		"/secrets/issued/": strings.Join(strings.Fields(string(packed)), ""), "/secrets/pem/": string(pair.pem()),
		"/secrets/noise/": "hunter2!", "/secrets/other/": "aHVudGVyMg==",
	}}, &vaultIdentity{})
	file := t.TempDir() + "/console.pem"
	if err := os.WriteFile(file, pair.pem(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []SecretRef{
		"keyvault:https://contoso.vault.azure.net/certificates/issued", "keyvault:https://contoso.vault.azure.net/secrets/pem", SecretRef("file:" + file),
	} {
		if _, err := s.readCertificate(ref); err != nil {
			t.Errorf("certificate at %s = %v", ref, err)
		}
	}
	for _, ref := range []SecretRef{
		"keyvault:https://contoso.vault.azure.net/certificates/noise", "keyvault:https://contoso.vault.azure.net/certificates/other", "hunter2",
	} {
		if _, err := s.readCertificate(ref); err == nil || strings.Contains(strings.TrimPrefix(err.Error(), string(ref)), "hunter2") {
			t.Errorf("certificate at %s = %v, want an error without what stands there", ref, err)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.readCertificate(SecretRef("file:" + file)); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a certificate whose key everybody can read = %v, want an error that says what to do", err)
	}
}
