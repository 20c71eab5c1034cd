package daemon

import (
	"fmt"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/session"
)

// keys are what derives from the server keys.
type keys struct {
	keyring *pat.Keyring
	// pageKey is that of continuation tokens, from the minting key.
	pageKey []byte
	// sessions are those of the console.
	sessions *session.Keys
}

// newKeys derives keys from server keys, the minting one first.
func newKeys(signature string, from []pat.ServerKey) (k keys, err error) {
	if k.keyring, err = pat.NewKeyring(signature, from...); err != nil {
		return k, err
	}
	if k.pageKey, err = pat.DeriveKey(from[0].Secret, "page"); err != nil {
		return k, err
	}
	var sessions []session.Key
	for _, key := range from {
		secret, err := pat.DeriveKey(key.Secret, "session")
		if err != nil {
			return k, fmt.Errorf("deriving the key of sessions: %w", err)
		}
		sessions = append(sessions, session.Key{ID: key.ID, Secret: secret})
	}
	k.sessions, err = session.NewKeys(sessions...)
	return k, err
}
