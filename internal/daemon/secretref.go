package daemon

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// SecretRef says where a secret is: "file:PATH" or "env:NAME". The secret
// itself never stands in the configuration.
type SecretRef string

var errPlainSecret = errors.New(`a secret must not stand in the configuration: put it into a file and write "file:PATH", or into the environment and write "env:NAME"`)

// read is the secret, without the line end that editors add.
func (r SecretRef) read() (string, error) {
	kind, name, _ := strings.Cut(string(r), ":")
	var value string
	switch kind {
	case "file":
		data, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("reading a secret: %w", err)
		}
		value = string(data)
	case "env":
		value = os.Getenv(name)
	default:
		return "", errPlainSecret
	}
	value = strings.TrimRight(value, "\r\n")
	if value == "" {
		return "", fmt.Errorf("the secret at %s is empty", r)
	}
	return value, nil
}

// readKey is the secret as the bytes that it is in base64.
func (r SecretRef) readKey() ([]byte, error) {
	text, err := r.read()
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the secret at %s is not base64: make one with \"openssl rand -base64 32\"", r)
	}
	return key, nil
}
