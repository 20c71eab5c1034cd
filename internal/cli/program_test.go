package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// trusting is a configuration that trusts the certificates in a file.
func trusting(file string) *tls.Config {
	roots := x509.NewCertPool()
	data, err := os.ReadFile(file)
	if err != nil || !roots.AppendCertsFromPEM(data) {
		panic("no certificates in " + file)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
