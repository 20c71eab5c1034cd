package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/patrolhq/patrol/internal/identity"
)

// Serve runs the service as c says until ctx ends, then lets requests end and
// returns nil. It logs to logs.
func Serve(ctx context.Context, c Config, logs io.Writer) error {
	s, err := c.prepare(newSecrets(ctx))
	if err != nil {
		return fmt.Errorf("the configuration has faults:\n%w", err)
	}
	handler, err := c.Log.handler(logs)
	if err != nil {
		return err
	}
	log := slog.New(handler)
	if s.console.off != nil {
		log.Error("there is no console", "error", s.console.off)
	}
	verifier, err := newVerifier(ctx, s, log)
	if err != nil {
		return err
	}
	listeners, err := c.open()
	if err != nil {
		return err
	}
	defer listeners.close()
	db, missing, err := s.database.open(ctx, s.keyring, log)
	if err != nil {
		return err
	}
	if len(missing) > 0 { // retired, we hope
		log.Warn("server keys are gone that the database was filled under: the tokens that they minted are dead", "keys", string(missing))
	}
	d, api, err := assemble(s, parts{
		db: db, verifier: verifier, traces: newTraces(ctx, log), publicURL: c.PublicURL, addressHeader: c.ClientAddressHeader, log: log,
	})
	if err != nil {
		db.Close()
		return err
	}
	log.Info("serving", "address", listeners.site.Addr().String(), "public_url", c.PublicURL,
		"organizations", s.directory.Len(), "keys", keyIDs(s.keyring))
	return d.serveUntil(ctx, listeners, api)
}

// serveUntil answers requests until ctx ends.
func (d *daemon) serveUntil(ctx context.Context, l openListeners, handler http.Handler) error {
	d.start()
	d.serve(l.site, handler)
	d.serveMetrics(l.metrics)
	if err := tellManager(ctx, "READY=1"); err != nil {
		return errors.Join(err, d.stop())
	}
	return d.wait(ctx)
}

// probeTimeout bounds how long a start waits for issuers.
const probeTimeout = 5 * time.Second

// newVerifier asks every issuer for its keys at once. One that does not answer
// may do so later; the development identity provider is never accepted.
func newVerifier(ctx context.Context, s setup, log *slog.Logger) (*identity.Verifier, error) {
	verifier, err := identity.New(identity.Config{Issuers: s.issuers, Log: log})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := verifier.Probe(ctx); errors.Is(err, identity.ErrDevelopment) {
		return nil, err
	} // any other error is in the log, and may pass
	return verifier, nil
}
