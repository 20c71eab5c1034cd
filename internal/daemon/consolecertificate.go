package daemon

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"
)

// certificateMaterial is a certificate with its private key, in DER, by which
// the console proves itself to the identity provider in development.
type certificateMaterial struct {
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"` // PKCS #8
}

func newConsoleCertificate(life time.Duration) (certificateMaterial, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // Entra takes no elliptic curves
	if err != nil {
		return certificateMaterial{}, fmt.Errorf("making the console's certificate: %w", err)
	}
	template := certificateTemplate("Patrol development console", life)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificateMaterial{}, fmt.Errorf("making the console's certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return certificateMaterial{Certificate: certificate, Key: der}, err
}

// pem is both in PEM.
func (c certificateMaterial) pem() []byte {
	both := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate})
	return append(both, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: c.Key})...)
}
