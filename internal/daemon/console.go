package daemon

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/session"
)

// newConsole makes the console of a service, whose calls to the API stay in
// this process.
func newConsole(s setup, p parts, api http.Handler) (*console.Console, error) {
	return console.New(console.Config{
		PublicURL: p.publicURL, API: p.publicURL, HTTP: &http.Client{Transport: console.Local{Handler: api}},
		Provider: s.provider,
		Sessions: &session.Manager{Store: p.db, Keys: s.sessions},
		Unavailable: func(err error) bool {
			return errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnknown)
		},
		Sealer: &session.Sealer{Keys: s.sessions},
		ClientAddress: func(r *http.Request) string {
			return server.ClientAddress(r, p.addressHeader)
		},
		Log: p.log,
	})
}

// sessionKeys derives the keys of sessions from server keys, the minting one
// first.
func sessionKeys(keys []pat.ServerKey) (*session.Keys, error) {
	var derived []session.Key
	for _, key := range keys {
		secret, err := pat.DeriveKey(key.Secret, "session")
		if err != nil {
			return nil, fmt.Errorf("deriving the key of sessions: %w", err)
		}
		derived = append(derived, session.Key{ID: key.ID, Secret: secret})
	}
	return session.NewKeys(derived...)
}
