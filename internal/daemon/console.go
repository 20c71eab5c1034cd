package daemon

import (
	"errors"
	"net/http"

	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/session"
)

// newConsole makes the console of the service, whose calls to the API stay in
// this process.
func (d *daemon) newConsole(s setup, p parts, api http.Handler) (*console.Console, error) {
	return d.console(s.console, s.sessions, console.Config{
		PublicURL: p.publicURL, API: p.publicURL, HTTP: &http.Client{Transport: console.Local{Handler: api}},
		ClientAddress: func(r *http.Request) string { return server.ClientAddress(r, p.addressHeader) },
	})
}

// console makes a console whose sessions are in the database, from a
// configuration that says where the console and its API are.
func (d *daemon) console(s consoleSetup, keys *session.Keys, config console.Config) (*console.Console, error) {
	d.sessions = &session.Manager{Store: d.db, Keys: keys, Idle: s.idle, Life: s.life}
	config.Provider, config.RedirectPath = s.provider, s.redirectPath
	config.Sessions, config.Sealer = d.sessions, &session.Sealer{Keys: keys}
	config.Unavailable = func(err error) bool {
		return errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnknown)
	}
	config.Observe, config.Log = d.metrics.observePage, d.log
	return console.New(config)
}
