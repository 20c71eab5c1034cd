package daemon

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// SecretRef says where a secret is: "file:PATH", "env:NAME", or
// "keyvault:https://VAULT.vault.azure.net/secrets/NAME", with the version after
// another slash where it is not to be the newest. The secret itself never stands
// in the configuration.
type SecretRef string

var errPlainSecret = errors.New(`a secret must not stand in the configuration: put it into a file and write "file:PATH", into the environment and write "env:NAME", or into an Azure Key Vault and write "keyvault:https://VAULT.vault.azure.net/secrets/NAME"`)

// secrets reads the secrets that a configuration refers to. It lives as long as
// that takes, and so has its context.
type secrets struct {
	ctx    context.Context
	vaults keyVaults
}

func newSecrets(ctx context.Context) *secrets { return &secrets{ctx: ctx} }

// read is the secret, without the line end that editors add.
func (s *secrets) read(r SecretRef) (string, error) {
	kind, name, _ := strings.Cut(string(r), ":")
	var value string
	switch kind {
	case "file":
		data, err := readPrivate(name)
		if err != nil {
			return "", fmt.Errorf("reading a secret: %w", err)
		}
		value = string(data)
	case "env":
		value = os.Getenv(name)
	case "keyvault":
		var err error
		if value, err = s.vaults.read(s.ctx, name); err != nil {
			return "", fmt.Errorf("reading a secret from Key Vault: %w", err)
		}
	default:
		return "", errPlainSecret
	}
	value = strings.TrimRight(value, "\r\n")
	if value == "" {
		return "", fmt.Errorf("the secret at %s is empty", r)
	}
	return value, nil
}

// readPrivate reads a file that not everybody on the machine can read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("everybody on this machine can read or change %s: run \"chmod 600 %s\", and make a new secret if others may have seen this one", path, path)
	}
	return os.ReadFile(path)
}

// readKey is the secret as the bytes that it is in base64.
func (s *secrets) readKey(r SecretRef) ([]byte, error) {
	text, err := s.read(r)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the secret at %s is not base64: make one with \"openssl rand -base64 32\"", r)
	}
	return key, nil
}
