package daemon

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// readCertificate is a certificate with its chain and private key: in PEM, or
// as Key Vaults keep those that they issue, PKCS#12 without a password in
// base64.
func (s *secrets) readCertificate(r SecretRef) (*signin.Certificate, error) {
	text, err := s.read(r)
	if err != nil {
		return nil, err
	}
	certificate, err := parseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("the certificate at %s: %w", r, err)
	}
	return certificate, nil
}

func parseCertificate(text string) (*signin.Certificate, error) {
	if strings.Contains(text, "-----BEGIN ") {
		return signin.ParseCertificate([]byte(text))
	}
	packed, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errors.New("that is neither PEM nor PKCS#12 in base64: it takes the certificate and its private key")
	}
	certificates, key, err := azidentity.ParseCertificates(packed, nil)
	if err != nil { // its text may quote the key
		return nil, errors.New("its PKCS#12 cannot be read: take out its password, or keep it in PEM (in a Key Vault by the content type application/x-pem-file)")
	}
	return signin.NewCertificate(certificates, key)
}
