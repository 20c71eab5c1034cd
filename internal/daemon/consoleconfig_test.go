package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// privateFile is a file that only its owner can read.
func privateFile(t *testing.T, name, text string) SecretRef {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return SecretRef("file:" + path)
}

// consoleCertificate is a file with a certificate and its key.
func consoleCertificate(t *testing.T, life time.Duration) SecretRef {
	t.Helper()
	pair, err := newConsoleCertificate(life)
	if err != nil {
		t.Fatal(err)
	}
	return privateFile(t, "console.pem", string(pair.pem()))
}

func TestConsoleConfig(t *testing.T) {
	t.Parallel()
	secret, certificate := privateFile(t, "secret", "hunter2-of-the-client\n"), consoleCertificate(t, time.Hour)
	client := ClientConfig{ClientID: "33333333-4444-5555-6666-777777777777", ClientSecret: secret}
	for name, tt := range map[string]struct {
		change func(*ConsoleConfig)
		fault  string
	}{
		"a secret":      {func(*ConsoleConfig) {}, ""},
		"a certificate": {func(c *ConsoleConfig) { c.ClientSecret, c.ClientCertificate = "", certificate }, ""},
		"all": {func(c *ConsoleConfig) {
			c.RedirectPath, c.SessionIdle, c.SessionLife = "/signin", duration("1h"), duration("12h")
		}, ""},
		"no client":             {func(c *ConsoleConfig) { c.ClientID = "" }, "console: the client id is missing"},
		"neither":               {func(c *ConsoleConfig) { c.ClientSecret = "" }, "console: client_secret or client_certificate is missing"},
		"both":                  {func(c *ConsoleConfig) { c.ClientCertificate = certificate }, "console: client_secret and client_certificate exclude"},
		"a secret in clear":     {func(c *ConsoleConfig) { c.ClientSecret = "hunter2" }, `console: client_secret: a secret must not stand in the configuration: put it into a file`},
		"a vault that is none":  {func(c *ConsoleConfig) { c.ClientSecret = "keyvault:https://vault.example/secrets/hunter2" }, "console: client_secret: reading a secret from Key Vault: that is no address"},
		"no certificate":        {func(c *ConsoleConfig) { c.ClientSecret, c.ClientCertificate = "", secret }, "neither PEM nor PKCS#12"},
		"a path of the API":     {func(c *ConsoleConfig) { c.RedirectPath = "/verify/me" }, "console.redirect_path: \"/verify/me\" is the API's"},
		"a path of its own":     {func(c *ConsoleConfig) { c.RedirectPath = "/sign-in" }, "console.redirect_path: at \"/sign-in\" the console has a page"},
		"an address":            {func(c *ConsoleConfig) { c.RedirectPath = "https://evil.example/" }, "console.redirect_path:"},
		"a duration":            {func(c *ConsoleConfig) { c.SessionIdle = duration("soon") }, "console.session_idle:"},
		"idle longer than life": {func(c *ConsoleConfig) { c.SessionIdle = duration("8d") }, "console.session_idle: it is longer"},
	} {
		config := goodConfig(t)
		config.Console = &ConsoleConfig{ClientConfig: client}
		tt.change(config.Console)
		s, err := config.prepare(newSecrets(t.Context()))
		if (err == nil) != (tt.fault == "") || err != nil && (!strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: the faults are %v, want %q and no secret", name, err, tt.fault)
		}
		if tt.fault == "" && s.console.provider == nil {
			t.Errorf("%s: there is no provider", name)
		}
	}
}

func duration(text string) Duration {
	var d Duration
	_ = d.UnmarshalText([]byte(text)) // keeps its fault
	return d
}

func TestConsoleIsOptional(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "[console]\nclient_id = \"a\"\nsession_idle = \"1h\"\nclient_secrets = \"hunter2\"\n")
	config, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Console; c == nil || c.ClientID != "a" || c.SessionIdle.Duration != time.Hour {
		t.Errorf("[console] = %+v, want what it says", c)
	}
	if err := errors.Join(config.unknown...); err == nil || err.Error() != `line 4: unknown key "console.client_secrets"` {
		t.Errorf("unknown keys = %v", err)
	}
	config = goodConfig(t)
	config.Console = nil
	if s, err := config.prepare(newSecrets(t.Context())); err != nil || s.console.provider != nil {
		t.Errorf("without [console]: %v, provider %v", err, s.console.provider)
	}
}

// TestConsoleCertificateExpired: it is a fault to who checks, and no reason for
// the API not to start.
func TestConsoleCertificateExpired(t *testing.T) {
	t.Parallel()
	certificate := consoleCertificate(t, -time.Minute)
	config := goodConfig(t)
	config.Console = &ConsoleConfig{ClientConfig: ClientConfig{ClientID: "a", ClientCertificate: certificate}}
	if s, err := config.prepare(newSecrets(t.Context())); err != nil || s.console.provider != nil || s.console.off == nil {
		t.Errorf("prepare = %v, provider %v, off %v, want a service without a console", err, s.console.provider, s.console.off)
	}
	alone := standaloneExample(t)
	alone.SignIn.ClientSecret, alone.SignIn.ClientCertificate = "", certificate
	for want, err := range map[string]error{
		"console: the certificate of the application expired": config.Check(t.Context()),
		"sign_in: the certificate of the application expired": alone.Check(t.Context()),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want %q", err, want)
		}
	}
}
