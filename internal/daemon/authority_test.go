package daemon

import (
	"crypto/x509"
	"testing"
)

// TestAuthorityIsConstrained: the authority that people are told to trust can
// speak for this machine and private networks only.
func TestAuthorityIsConstrained(t *testing.T) {
	t.Parallel()
	authority, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.pem())
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "192.168.1.10": true, "build.internal": true,
		"login.microsoftonline.com": false, "93.184.216.34": false,
	} {
		issued, err := authority.issue()
		if host != "localhost" && host != "127.0.0.1" {
			issued, err = authority.issue(host)
		}
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(issued.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		if (err == nil) != want {
			t.Errorf("a certificate for %s verifies as %v, want %v", host, err, want)
		}
	}
}
