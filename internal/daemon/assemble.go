package daemon

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/patrolhq/patrol/internal/identity"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/store"
	"github.com/patrolhq/patrol/internal/verify"
)

// parts are what the API is assembled from besides the setup.
type parts struct {
	db            *store.DB
	publicURL     string
	addressHeader string
	verifier      *identity.Verifier
	traces        *traces
	log           *slog.Logger
}

// assemble makes the daemon and the handler of all its requests. The daemon
// owns parts.db.
func assemble(s setup, p parts) (*daemon, http.Handler, error) {
	d := newDaemon(p.db, p.traces, p.log)
	d.service = &pat.Service{
		Store: p.db, Keys: s.keyring, Scopes: s.catalogue, Limits: s.limits,
		Policy: s.policy, Neighbours: s.directory.Neighbours,
	}
	owner, err := server.New(server.Config{
		Service: d.service, Auth: p.verifier, Organizations: s.directory,
		PublicURL: p.publicURL, AuthorizationURI: s.authorization, SignIn: s.signIn, Scopes: s.scopes,
		PageKey: s.pageKey, Ready: d.ready, ClientAddressHeader: p.addressHeader,
		Observe: d.observe, Log: p.log,
	})
	if err != nil {
		return nil, nil, err
	}
	api := d.traces.handler(owner)
	if s.console.provider == nil {
		return d, d.verification(s, p, api), nil
	}
	pages, err := d.newConsole(s, p, api)
	if err != nil {
		return nil, nil, fmt.Errorf("console: %w", err)
	}
	return d, d.verification(s, p, site{owner, api, pages}), nil
}

// verification makes the handler that answers for presented tokens and hands
// all other requests to rest.
func (d *daemon) verification(s setup, p parts, rest http.Handler) http.Handler {
	cache := verify.NewCache(s.verify.cacheSize)
	p.db.OnChange(cache.Invalidate)
	source, lease := d.knowledge(cache)
	d.uses = &verify.Uses{Cache: cache, Store: p.db, Scopes: s.catalogue, Log: p.log}
	front := verify.NewFront(verify.Config{
		Verifier: &verify.Verifier{
			Keys: s.keyring, Scopes: s.catalogue, Source: source, Lease: lease, Cache: cache, Log: p.log,
			Judge: &pat.Judge{Organizations: s.directory.ByID, Policy: s.policy, Limits: s.limits},
		},
		Organizations: s.directory, Clients: s.verify.clients, Realm: s.verify.realm, Rest: rest, Log: p.log,
		Address: func(r *http.Request) string { return server.ClientAddress(r, p.addressHeader) },
	})
	d.metrics.registry.MustRegister(verifyCollector{front})
	return front
}

// knowledge is where tokens are looked up, and by what lease cache is right
// about them: where others share the database, one that is kept with them.
func (d *daemon) knowledge(cache *verify.Cache) (verify.Source, verify.Lease) {
	nodes := d.db.Nodes()
	if nodes == nil {
		return d.db, verify.NewAlone()
	}
	d.node = verify.StartNode(nodes, cache, d.log)
	d.metrics.registry.MustRegister(leaseCollector{d.node})
	return nodes, d.node
}

// keyIDs lists the ids of a keyring, for the log.
func keyIDs(keys *pat.Keyring) string {
	return string(slices.Sorted(maps.Keys(keys.Fingerprints())))
}
