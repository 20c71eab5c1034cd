package devidp_test

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/devidp"
)

func TestNewRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(*devidp.Config)
		want string
	}{
		"no base URL":         {func(c *devidp.Config) { c.BaseURL = "" }, "base URL"},
		"base URL with slash": {func(c *devidp.Config) { c.BaseURL += "/" }, "base URL"},
		"base URL with user":  {func(c *devidp.Config) { c.BaseURL = "http://u@host" }, "base URL"},
		"token in host":       {func(c *devidp.Config) { c.BaseURL = "https://tokens.localhost" }, "must not contain"},
		"tenant":              {func(c *devidp.Config) { c.Tenant = "contoso" }, "tenant"},
		"no key":              {func(c *devidp.Config) { c.SigningKey = nil }, "signing key"},
		"small key": {func(c *devidp.Config) {
			c.SigningKey = &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(3233), E: 17}}
		}, "signing key"},
		"seal key":        {func(c *devidp.Config) { c.SealKey = c.SealKey[1:] }, "seal key"},
		"version":         {func(c *devidp.Config) { c.TokenVersion = 3 }, "token version"},
		"access life":     {func(c *devidp.Config) { c.AccessTokenLife = -1 }, "access token life"},
		"refresh life":    {func(c *devidp.Config) { c.RefreshTokenLife = -1 }, "refresh token life"},
		"same user":       {func(c *devidp.Config) { c.Users = append(c.Users, alice) }, "there twice"},
		"user without id": {func(c *devidp.Config) { c.Users[0].ObjectID = "" }, "object id"},
		"nameless user":   {func(c *devidp.Config) { c.Users[0].Username = "" }, "user name"},
		"same client":     {func(c *devidp.Config) { c.Clients[1].ID = strings.ToUpper(c.Clients[0].ID) }, "there twice"},
		"client id":       {func(c *devidp.Config) { c.Clients[0].ID = "" }, "needs an id"},
		"redirect URI":    {func(c *devidp.Config) { c.Clients[0].RedirectURIs = []string{"https://x/#y"} }, "redirect URI"},
		"no certificate":  {func(c *devidp.Config) { c.Clients[0].Certificates = []*x509.Certificate{nil} }, "certificate 1"},
		"small certificate": {func(c *devidp.Config) {
			c.Clients[0].Certificates = []*x509.Certificate{{PublicKey: &rsa.PublicKey{N: big.NewInt(3233), E: 17}}}
		}, "certificate 1"},
		"elliptic certificate": {func(c *devidp.Config) {
			c.Clients[0].Certificates = []*x509.Certificate{{PublicKey: &ecdsa.PublicKey{}}}
		}, "certificate 1"},
		"all at once (1)": {func(c *devidp.Config) { c.Tenant, c.SealKey = "", nil }, "tenant"},
		"all at once (2)": {func(c *devidp.Config) { c.Tenant, c.SealKey = "", nil }, "seal key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			test.edit(&cfg)
			if _, err := devidp.New(cfg); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want an error about %q", err, test.want)
			}
		})
	}
}

func TestServicePrincipalID(t *testing.T) {
	t.Parallel()
	a, b := devidp.ServicePrincipalID(tenant, confidentialID), devidp.ServicePrincipalID(tenant, publicID)
	if a == b || a != devidp.ServicePrincipalID(strings.ToUpper(tenant), strings.ToUpper(confidentialID)) {
		t.Errorf("ServicePrincipalID = %s and %s, want one for each client, in any case", a, b)
	}
}
