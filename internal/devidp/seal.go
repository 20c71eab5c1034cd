package devidp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// sealer encrypts what the provider hands out and later reads again, with
// AES-256-GCM. What was sealed for one purpose does not open for another.
type sealer struct {
	aead cipher.AEAD
}

var errSeal = errors.New("the value was not sealed here, or was changed since")

func newSealer(key []byte, tenant string) (*sealer, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "devidp seal "+tenant, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the seal key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, fmt.Errorf("making the seal cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("making the seal cipher: %w", err)
	}
	return &sealer{aead}, nil
}

// seal returns value in a form that fits into a URL.
func (s *sealer) seal(purpose string, value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("sealing %s: %w", purpose, err)
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, []byte(purpose))), nil
}

// open fills value from what seal returned for the same purpose.
func (s *sealer) open(purpose, sealed string, value any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || strings.ContainsAny(sealed, "\r\n") { // which the decoder skips
		return errSeal
	}
	plain, err := s.aead.Open(nil, nil, raw, []byte(purpose))
	if err != nil {
		return errSeal
	}
	if err := json.Unmarshal(plain, value); err != nil {
		return errSeal
	}
	return nil
}
