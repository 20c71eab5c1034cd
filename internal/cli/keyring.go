package cli

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	oskeyring "github.com/zalando/go-keyring"
)

// keyring keeps small secrets for the user who is logged in to the system. Get
// fails with [oskeyring.ErrNotFound] where it has none of that name.
type keyring interface {
	Get(service, user string) (string, error)
	Set(service, user, secret string) error
}

// keyringTimeout is time to type the keyring's password; a keyring that waits
// for somebody who is not there must not block for ever.
const keyringTimeout = 30 * time.Second

// osKeyring is the keyring of the operating system.
type osKeyring struct{}

func (osKeyring) Get(service, user string) (string, error) {
	return timed(func() (string, error) { return oskeyring.Get(service, user) })
}

func (osKeyring) Set(service, user, secret string) error {
	_, err := timed(func() (string, error) { return "", oskeyring.Set(service, user, secret) })
	return err
}

func timed(call func() (string, error)) (string, error) {
	type result struct {
		secret string
		err    error
	}
	done := make(chan result, 1)
	go func() {
		secret, err := call()
		done <- result{secret, err}
	}()
	select {
	case r := <-done:
		return r.secret, r.err
	case <-time.After(keyringTimeout):
		return "", errors.New("the keyring did not answer; is it locked?")
	}
}

// Keyrings have room for little (2,560 bytes on Windows), and credentials are
// large. So the keyring holds one key, and files sealed with it the rest.
const (
	keyringService = "patrol"
	keyringUser    = "credentials-key"
	sealKeySize    = 32
)

// sealKey returns the key in the keyring. Where there is none, and make is set,
// it makes one.
func sealKey(k keyring, make bool) ([]byte, error) {
	encoded, err := k.Get(keyringService, keyringUser)
	if errors.Is(err, oskeyring.ErrNotFound) && make {
		key := newSealKey()
		if err := k.Set(keyringService, keyringUser, base64.StdEncoding.EncodeToString(key)); err != nil {
			return nil, fmt.Errorf("storing a key in the keyring: %w", err)
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key in the keyring: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != sealKeySize {
		return nil, errors.New("the key in the keyring is damaged: remove the entry \"patrol\" from the keyring")
	}
	return key, nil
}

func newSealKey() []byte {
	key := make([]byte, sealKeySize)
	rand.Read(key) // never fails
	return key
}
