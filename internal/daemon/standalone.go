package daemon

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"

	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/session"
	"github.com/patrolhq/patrol/internal/store"
)

// ServeConsole runs the web console alone as c says until ctx ends, then lets
// requests end and returns nil. It keeps sessions in the directory data, and
// logs to logs.
func ServeConsole(ctx context.Context, c StandaloneConfig, data string, logs io.Writer) error {
	s, err := c.prepare(newSecrets(ctx))
	if err != nil {
		return fmt.Errorf("the configuration has faults:\n%w", err)
	}
	handler, err := c.Log.handler(logs)
	if err != nil {
		return err
	}
	log := slog.New(handler)
	if err := makeData(data); err != nil {
		return err
	}
	keys, err := loadSessionKeys(filepath.Join(data, "session-key"))
	if err != nil {
		return err
	}
	listeners, err := c.open()
	if err != nil {
		return err
	}
	defer listeners.close()
	db, err := store.OpenSQLite(ctx, filepath.Join(data, "sessions.db"), log)
	if err != nil {
		return err
	}
	d := newDaemon(db, nil, log)
	pages, err := d.console(s.consoleSetup, keys, console.Config{
		PublicURL: c.PublicURL, API: s.api, Organizations: s.organizations, HTTP: s.http,
		ClientAddress: func(r *http.Request) string { return server.ClientAddress(r, c.ClientAddressHeader) },
	})
	if err != nil {
		db.Close()
		return fmt.Errorf("console: %w", err)
	}
	log.Info("serving", "address", listeners.site.Addr().String(), "public_url", c.PublicURL, "api", s.api)
	return d.serveUntil(ctx, listeners, d.withHealth(pages))
}

// withHealth has the two pages that load balancers ask for before all others.
func (d *daemon) withHealth(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			fmt.Fprintln(w, "ok")
		case "/readyz":
			d.answerReady(w, r)
		default:
			rest.ServeHTTP(w, r)
		}
	})
}

// loadSessionKeys reads the key that sessions are sealed with from the file at
// path, or makes and keeps it. Without the file, all who are signed in have to
// do so again.
func loadSessionKeys(path string) (*session.Keys, error) {
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(base64.StdEncoding.EncodeToString(randomBytes(32)))
		err = replaceFile(path, append(text, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("the key of sessions: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s is broken: remove it, and everybody has to sign in again", path)
	}
	return session.NewKeys(session.Key{ID: 'A', Secret: secret})
}
