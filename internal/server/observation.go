package server

import (
	"net/http"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// Observation is what there is to measure of a request that was answered. Its
// words come from tables of this package, so that no client can make up one.
type Observation struct {
	// Route is how the table of routes writes the path, such as
	// "/{organization}/_apis/tokens/pats", and "none" for all other paths.
	Route string
	// Method is one that HTTP knows, and "other" for all others.
	Method string
	// Status is that of the answer, 499 where the client had gone.
	Status int
	Took   time.Duration
	// Activity is the id that the answer carries.
	Activity pat.UUID
}

// methods are those that RFC 9110 and RFC 5789 name.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true,
	http.MethodDelete: true, http.MethodOptions: true, http.MethodConnect: true, http.MethodTrace: true,
}

func (c *call) observation() Observation {
	o := Observation{Route: "none", Method: "other", Status: c.status, Took: time.Since(c.started), Activity: c.activity}
	if c.route != nil {
		o.Route = c.route.name()
	}
	if methods[c.Method] {
		o.Method = c.Method
	}
	return o
}
