package cli

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/patrolhq/patrol/api"
)

// credentials are what a sign-in yields, and what the next one without a person
// needs.
type credentials struct {
	// Server is the only one that they are sent to.
	Server string     `json:"server"`
	SignIn api.SignIn `json:"signIn"`
	User   string     `json:"user"`

	AccessToken string    `json:"accessToken"`
	Expires     time.Time `json:"expires,omitzero"`

	// RefreshToken is for OpenID Connect; for Entra it is in Cache, of which
	// Account is one.
	RefreshToken string `json:"refreshToken,omitempty"`
	Account      string `json:"account,omitempty"`
	Cache        []byte `json:"cache,omitempty"`
}

// credentialFile is the file of a profile: one of the two is set.
type credentialFile struct {
	Sealed      []byte       `json:"sealed,omitempty"`
	Credentials *credentials `json:"credentials,omitempty"`
}

// vault keeps the credentials of profiles, one file each.
type vault struct {
	dir     string
	keyring keyring
}

func (p *program) vault() vault { return vault{filepath.Join(p.dir, "credentials"), p.keyring} }

func (v vault) file(profile string) string { return filepath.Join(v.dir, profile+".json") }

// lock keeps other processes from the credentials of a profile until unlock is
// called: many issuers accept a refresh token only once.
func (v vault) lock(profile string) (unlock func(), err error) {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return nil, fail(exitFailed, "making the directory of the credentials: %w", err)
	}
	unlock, err = lockedfile.MutexAt(filepath.Join(v.dir, profile+".lock")).Lock()
	if err != nil {
		return nil, fail(exitFailed, "locking the credentials: %w", err)
	}
	return unlock, nil
}

// errSignedOut is the error where a profile has no credentials.
var errSignedOut = errors.New("not signed in")

// load returns the credentials of a profile and the key that seals them, nil
// where they are stored as they are.
func (v vault) load(profile string) (credentials, []byte, error) {
	path := v.file(profile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return credentials{}, nil, errSignedOut
	}
	if err != nil {
		return credentials{}, nil, fail(exitFailed, "reading the credentials: %w", err)
	}
	if err := private(path); err != nil {
		return credentials{}, nil, err
	}
	var file credentialFile
	if err := json.Unmarshal(data, &file); err != nil || file.Sealed == nil && file.Credentials == nil {
		return credentials{}, nil, fail(exitAuthentication, "%s is damaged", path).with("sign in again with \"patrol login\"")
	}
	if file.Credentials != nil {
		return *file.Credentials, nil, nil
	}
	key, err := sealKey(v.keyring, false)
	if err != nil {
		return credentials{}, nil, fail(exitAuthentication, "the credentials cannot be opened: %w", err).
			with("unlock the keyring of the system, or sign in again with \"patrol login\"")
	}
	c, err := unseal(key, profile, file.Sealed)
	if err != nil {
		return credentials{}, nil, fail(exitAuthentication, "the credentials cannot be opened: %w", err).with("sign in again with \"patrol login\"")
	}
	return c, key, nil
}

// private fails where others can read the file. Windows has no such bits.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fail(exitFailed, "reading the credentials: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fail(exitAuthentication, "others can read the credentials in %s", path).with("chmod 600 %s", path)
	}
	return nil
}

// save stores the credentials of a profile, sealed with the key if there is one.
func (v vault) save(profile string, c credentials, key []byte) error {
	file := credentialFile{Credentials: &c}
	if key != nil {
		sealed, err := seal(key, profile, c)
		if err != nil {
			return err
		}
		file = credentialFile{Sealed: sealed}
	}
	data, err := json.Marshal(file)
	if err != nil {
		return fail(exitFailed, "encoding the credentials: %w", err)
	}
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return fail(exitFailed, "making the directory of the credentials: %w", err)
	}
	if err := writeFile(v.file(profile), data); err != nil {
		return fail(exitFailed, "storing the credentials: %w", err)
	}
	return nil
}

// remove forgets the credentials of a profile and reports whether there were
// any.
func (v vault) remove(profile string) (bool, error) {
	err := os.Remove(v.file(profile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fail(exitFailed, "removing the credentials: %w", err)
	}
	return true, nil
}

// seal encrypts and authenticates with AES-256-GCM and a random nonce in front.
// The profile is authenticated, so that files cannot be swapped.
func seal(key []byte, profile string, c credentials) ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fail(exitFailed, "encoding the credentials: %w", err)
	}
	aead, err := newSeal(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, data, []byte(profile)), nil
}

func unseal(key []byte, profile string, sealed []byte) (credentials, error) {
	aead, err := newSeal(key)
	if err != nil {
		return credentials{}, err
	}
	data, err := aead.Open(nil, nil, sealed, []byte(profile))
	if err != nil {
		return credentials{}, errors.New("they were sealed with another key")
	}
	var c credentials
	if err := json.Unmarshal(data, &c); err != nil {
		return credentials{}, errors.New("they are damaged")
	}
	return c, nil
}

func newSeal(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making the cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
