package signin_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	otherKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	leaf, other := block("CERTIFICATE", newCertificate(t, key).Raw), block("CERTIFICATE", newCertificate(t, otherKey).Raw)
	curve, curveKey := ecCertificate(t, elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(curveKey)
	if err != nil {
		t.Fatal(err)
	}
	oldCurve, oldCurveKey := ecCertificate(t, elliptic.P224())
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	for _, test := range []struct {
		name, want string // want is in the error
		text       [][]byte
	}{
		{"PKCS #8", "", [][]byte{leaf, pkcs8(t, key)}},
		{"PKCS #1, key first", "", [][]byte{pkcs1, leaf}},
		{"chain before the leaf", "", [][]byte{other, leaf, pkcs8(t, key)}},
		{"text between", "", [][]byte{[]byte("subject=CN = Patrol\n"), leaf, []byte("\nBag Attributes\n"), pkcs1}},
		{"curve", "", [][]byte{block("CERTIFICATE", curve.Raw), block("EC PARAMETERS", []byte{6}), block("EC PRIVATE KEY", sec1)}},
		{"nothing", "there is no certificate", nil},
		{"no key", "there is no private key", [][]byte{leaf}},
		{"no certificate", "there is no certificate", [][]byte{pkcs1}},
		{"key of another", "does not belong", [][]byte{leaf, pkcs8(t, otherKey)}},
		{"two keys", "several private keys", [][]byte{leaf, pkcs1, pkcs1}},
		{"encrypted", "is encrypted", [][]byte{leaf, block("ENCRYPTED PRIVATE KEY", []byte{1})}},
		{"encrypted as of old", "is encrypted", [][]byte{leaf, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "DES-EDE3-CBC,00"}, Bytes: []byte{1}})}},
		{"damaged key", "is damaged", [][]byte{leaf, block("PRIVATE KEY", []byte{1, 2, 3})}},
		{"damaged certificate", "reading the certificate", [][]byte{block("CERTIFICATE", []byte{1, 2, 3}), pkcs1}},
		{"old curve", "P-224", [][]byte{block("CERTIFICATE", oldCurve.Raw), pkcs8(t, oldCurveKey)}},
		{"Edwards curve", "use an RSA key", [][]byte{leaf, pkcs8(t, edwards)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := signin.ParseCertificate(bytes.Join(test.text, nil))
			if test.want == "" {
				if err != nil || c.Expires().Before(time.Now()) || c.String() != "CN=Patrol" {
					t.Errorf("ParseCertificate = %v, %v, want a certificate", c, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("ParseCertificate = %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestNewCertificate(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name         string
		certificates []*x509.Certificate
		key          crypto.PrivateKey
	}{
		{"no key", certificates(newCertificate(t, rsaKey(t))), nil},
		{"no signer", certificates(newCertificate(t, rsaKey(t))), "key"},
		{"no certificate", certificates(nil), rsaKey(t)},
		{"short key", certificates(newCertificate(t, short)), short},
	} {
		if _, err := signin.NewCertificate(test.certificates, test.key); err == nil {
			t.Errorf("%s: NewCertificate = nil, want an error", test.name)
		}
	}
}

// TestChain: Entra gets the chain of a certificate that has one.
func TestChain(t *testing.T) {
	t.Parallel()
	otherKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	leaf, root := newCertificate(t, rsaKey(t)), newCertificate(t, otherKey)
	for _, test := range []struct {
		given []*x509.Certificate
		want  int
	}{
		{certificates(leaf), 0},
		{certificates(nil, root, nil, leaf), 2},
	} {
		own, err := signin.NewCertificate(test.given, rsaKey(t))
		if err != nil {
			t.Fatal(err)
		}
		a := newAttempt()
		i := imitate(t, nil)
		i.token = func(w http.ResponseWriter, r *http.Request) {
			header, _, _ := strings.Cut(r.PostFormValue("client_assertion"), ".")
			var said struct {
				Chain []string `json:"x5c"`
			}
			if text, err := base64.RawURLEncoding.DecodeString(header); err != nil || json.Unmarshal(text, &said) != nil {
				t.Errorf("the assertion begins with %q, want a header", header)
			}
			if len(said.Chain) != test.want {
				t.Errorf("x5c has %d certificates, want %d", len(said.Chain), test.want)
			}
			writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(a))))
		}
		c := i.config(signin.KindEntra)
		c.Secret, c.Certificate = "", own
		if _, _, err := newProvider(t, c).Finish(t.Context(), a, map[string][]string{"code": {"c"}}); err != nil {
			t.Errorf("Finish = %v, want someone signed in", err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	own := func(edits ...func(*x509.Certificate)) *signin.Certificate {
		c, err := signin.NewCertificate(certificates(newCertificate(t, rsaKey(t), edits...)), rsaKey(t))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	curve, curveKey := ecCertificate(t, elliptic.P256())
	ofCurve, err := signin.NewCertificate(certificates(curve), curveKey)
	if err != nil {
		t.Fatal(err)
	}
	expired := own(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(-2, 0, 0), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	})
	for _, test := range []struct {
		name, want string
		edit       func(*signin.Config)
	}{
		{"kind", `the kind of the provider is "saml"`, func(c *signin.Config) { c.Kind = "saml" }},
		{"client", "the client id is missing", func(c *signin.Config) { c.ClientID = "" }},
		{"no credential", "neither a secret nor a certificate", func(c *signin.Config) { c.Secret = "" }},
		{"two credentials", "keep one of them", func(c *signin.Config) { c.Certificate = own() }},
		{"scope", "the scope of the API is missing", func(c *signin.Config) { c.Scopes = nil }},
		{"authority over http", "neither https nor http on this machine", func(c *signin.Config) { c.Authority = "http://login.example/t" }},
		{"authority with a user", "has a user in it", func(c *signin.Config) { c.Authority = "https://u@login.example/t" }},
		{"Entra over http", "that of Entra is https://HOST/TENANT", func(c *signin.Config) { c.Authority = "http://localhost:1/t" }},
		{"Entra without a tenant", "that of Entra is https://HOST/TENANT", func(c *signin.Config) { c.Authority = "https://login.example/" }},
		{"redirect", "the redirect address is not used", func(c *signin.Config) { c.RedirectURI = "/getAToken" }},
		{"expired", "expired on 2 January 2026", func(c *signin.Config) { c.Secret, c.Certificate = "", expired }},
		{"too early", "look at the clock", func(c *signin.Config) {
			c.Secret, c.Certificate = "", own(func(x *x509.Certificate) {
				x.NotBefore, x.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
			})
		}},
		{"curve", "which Entra ID does not take", func(c *signin.Config) { c.Secret, c.Certificate = "", ofCurve }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := signin.Config{
				Kind: signin.KindEntra, Authority: "https://login.microsoftonline.com/" + tenant, ClientID: clientID, Secret: secret,
				Scopes: []string{scope}, RedirectURI: redirect,
			}
			test.edit(&c)
			if _, err := signin.New(c); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want an error with %q", err, test.want)
			}
		})
	}
}
