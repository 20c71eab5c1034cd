package signin

import (
	"crypto"
	"crypto/x509"
)

// Certificate is the credential of an application that has no secret: it signs
// with the key, and the provider knows the certificate.
type Certificate struct {
	chain []*x509.Certificate // leaf first
	key   crypto.Signer
}
