package daemon

import (
	"net/http"

	"github.com/patrolhq/patrol/internal/server"
)

// site is everything that has the service's address: what is the API's goes
// there, and all else to the console.
type site struct {
	owner   *server.Server
	api     http.Handler
	console http.Handler
}

// ServeHTTP answers one request.
func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.owner.Owns(r) {
		s.api.ServeHTTP(w, r)
		return
	}
	s.console.ServeHTTP(w, r)
}
