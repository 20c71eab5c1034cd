package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// authorityMaterial is a certificate authority for development, in DER. People
// are told to trust it, so it is good for names and addresses of this machine
// and of private networks only, whoever gets hold of its key.
type authorityMaterial struct {
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
}

const authorityLife = 10 * 365 * 24 * time.Hour

func newAuthority() (authorityMaterial, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authorityMaterial{}, fmt.Errorf("making a certificate authority: %w", err)
	}
	template := certificateTemplate("Patrol development authority", authorityLife)
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign
	template.PermittedDNSDomainsCritical = true
	template.PermittedDNSDomains = []string{"localhost", "local", "internal", "test"}
	template.PermittedIPRanges = privateNetworks()
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authorityMaterial{}, fmt.Errorf("making a certificate authority: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	return authorityMaterial{Certificate: certificate, Key: der}, err
}

// privateNetworks are those of loopback, RFC 1918 and RFC 4193.
func privateNetworks() []*net.IPNet {
	var networks []*net.IPNet
	for _, prefix := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"} {
		_, network, _ := net.ParseCIDR(prefix) // never fails for these
		networks = append(networks, network)
	}
	return networks
}

// issue makes a certificate for the loopback names and for hosts.
func (a authorityMaterial) issue(hosts ...string) (tls.Certificate, error) {
	parent, err := x509.ParseCertificate(a.Certificate)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the certificate authority: %w", err)
	}
	parentKey, err := x509.ParseECPrivateKey(a.Key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the certificate authority's key: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	template := certificateTemplate("Patrol development", 90*24*time.Hour)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range append(hosts, "localhost", "127.0.0.1", "::1") {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{certificate, a.Certificate}, PrivateKey: key}, nil
}

// pem is the authority's certificate for clients to trust.
func (a authorityMaterial) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate})
}

func certificateTemplate(name string, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
	}
}
