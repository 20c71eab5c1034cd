package signin

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Certificate is the credential of an application that has no secret: it signs
// with the key, and the provider knows the certificate.
type Certificate struct {
	chain []*x509.Certificate // leaf first
	key   crypto.Signer
}

// minRSABits is the least that RFC 7518 section 3.3 lets sign.
const minRSABits = 2048

// NewCertificate makes one of the certificate that belongs to key, among those
// given, and the others, which are its chain. RSA keys are good for every
// provider, elliptic curves not for Entra ID.
func NewCertificate(certificates []*x509.Certificate, key crypto.PrivateKey) (*Certificate, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("there is no private key that signs beside the certificate")
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("the private key has %d bits: it takes %d or more", k.N.BitLen(), minRSABits)
		}
	case *ecdsa.PrivateKey:
		if _, ok := curves[k.Curve.Params().Name]; !ok {
			return nil, fmt.Errorf("the private key is on the curve %s: use P-256, P-384 or P-521", k.Curve.Params().Name)
		}
	default:
		return nil, fmt.Errorf("the private key is a %T: use an RSA key", key)
	}
	i := slices.IndexFunc(certificates, func(c *x509.Certificate) bool { return c != nil && belongs(c, signer) })
	if i < 0 {
		return nil, errors.New("the private key does not belong to the certificate: give both of one pair")
	}
	chain := append([]*x509.Certificate{certificates[i]}, certificates[:i]...)
	chain = append(chain, certificates[i+1:]...)
	return &Certificate{slices.DeleteFunc(chain, func(c *x509.Certificate) bool { return c == nil }), signer}, nil
}

func belongs(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// ParseCertificate reads PEM: the certificate, its chain and the unencrypted
// private key, in any order.
func ParseCertificate(text []byte) (*Certificate, error) {
	var certificates []*x509.Certificate
	var key crypto.PrivateKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("reading the certificate: %w", err)
			}
			certificates = append(certificates, c)
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return nil, errors.New("the private key is encrypted: decrypt it, and let only the service read the file")
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
			// Such as EC PARAMETERS.
		case key != nil:
			return nil, errors.New("there are several private keys: keep that of the certificate")
		default:
			var err error
			if key, err = parseKey(block); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(certificates) == 0:
		return nil, errors.New("there is no certificate in PEM: put it before its private key")
	case key == nil:
		return nil, errors.New("there is no private key in PEM: put it after its certificate")
	}
	return NewCertificate(certificates, key)
}

// parseKey does not pass on what the parser says: it may quote the key.
func parseKey(block *pem.Block) (key crypto.PrivateKey, err error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("the private key is damaged, or of a kind that is not known")
	}
	return key, nil
}

// check fails where a provider would refuse the certificate.
func (c *Certificate) check(kind string, now time.Time) error {
	leaf := c.chain[0]
	const day = "2 January 2006"
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate of the application expired on %s: make a new one, and register it at the provider", leaf.NotAfter.UTC().Format(day))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate of the application is good only from %s on: look at the clock of this machine", leaf.NotBefore.UTC().Format(day))
	}
	if _, ok := c.key.(*rsa.PrivateKey); !ok && kind == KindEntra {
		return errors.New("the certificate of the application has a key on an elliptic curve, which Entra ID does not take: use one with an RSA key")
	}
	return nil
}

// Expires returns when the certificate ends.
func (c *Certificate) Expires() time.Time { return c.chain[0].NotAfter }
