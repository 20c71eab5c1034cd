// Package server is the HTTP API of Patrol: it finds the route and the
// version of a request, turns its bearer token into a caller and its body into
// the domain's words, asks the domain once, and answers in the shapes of the
// Azure DevOps API.
//
// [Server.ServeHTTP] is where every request enters, routes.go where every
// endpoint is listed, and fail.go the only place where an error becomes a
// response.
package server

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// Authenticator turns the access token of a request into the actor it speaks
// for. It refuses with [pat.CodeUnauthenticated], and fails with
// [pat.ErrUnavailable] where it cannot tell.
type Authenticator interface {
	Authenticate(ctx context.Context, accessToken string) (pat.Actor, error)
}

// Organizations finds organizations.
type Organizations interface {
	// Organization is the one with that name, in any case, or with that id.
	Organization(nameOrID string) (pat.Organization, bool)
	// Of are those where a user can have tokens. It refuses as [pat.Service]
	// does.
	Of(pat.Actor) ([]pat.Organization, error)
}

// Config is what a server works with. All fields are needed but those that
// say otherwise.
type Config struct {
	Service       *pat.Service
	Auth          Authenticator
	Organizations Organizations
	// PublicURL is how clients reach this server: scheme and host, no path.
	PublicURL string
	// AuthorizationURI is the authority that challenges name.
	AuthorizationURI string
	// SignIn is what clients are told about signing in.
	SignIn api.SignIn
	// Scopes is the catalogue as clients may see it.
	Scopes []api.Scope
	// PageKey seals continuation tokens: 32 bytes that all nodes share.
	PageKey []byte
	// Ready says whether requests can be served now.
	Ready func(context.Context) error
	// ClientAddressHeader, where not empty, is the header in which a trusted
	// proxy states the client's address; its last element counts.
	ClientAddressHeader string
	// Observe, where not nil, is told of every request once it is answered,
	// with the request's context.
	Observe func(context.Context, Observation)
	// Log receives one line a request; nil discards.
	Log *slog.Logger
}

// Server is the API as an [http.Handler].
type Server struct {
	Config
	pages  cipher.AEAD
	listed []*route
	routes map[string]*route // listed, by path
}

// requestTimeout bounds the work for one request.
const requestTimeout = 30 * time.Second

// New makes a server. It fails where PageKey is not 32 bytes.
func New(config Config) (*Server, error) {
	pages, err := newPageCipher(config.PageKey)
	if err != nil {
		return nil, err
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Config: config, pages: pages}
	s.listed = s.locations()
	s.routes = index(s.listed)
	return s, nil
}

// ServeHTTP answers one request and logs it once.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	c := &call{Request: r.WithContext(ctx), w: w, activity: pat.RandomUUID(), started: time.Now(), server: s}
	c.setCommonHeaders()
	defer s.finish(c)
	if err := s.serve(c); err != nil {
		s.fail(c, err)
	}
}

// serve takes a request down to its endpoint: route, caller, method, version.
func (s *Server) serve(c *call) error {
	target, err := parsePath(c.URL.EscapedPath())
	if err != nil {
		return err
	}
	route := s.routes[target.route]
	if route == nil || route.global != (target.organization == "") {
		return errNoRoute
	}
	c.route = route
	if c.query, err = parseQuery(c.URL.RawQuery); err != nil {
		return err
	}
	if err := c.identify(target.organization); err != nil {
		return err
	}
	serve := route.methods[c.Method]
	if serve == nil {
		return &problem{
			status: http.StatusMethodNotAllowed, typeKey: "HttpRequestMethodNotAllowedException", allow: route.allow(),
			message: fmt.Sprintf("The requested resource does not support http method '%s': use %s.", printable(c.Method), route.allow()),
		}
	}
	if c.version, err = route.negotiate(c); err != nil {
		return err
	}
	return serve(c)
}

// finish ends a request, in a panic too: nothing of a panic reaches the
// client, and its value, which may hold anything, stays out of the log.
func (s *Server) finish(c *call) {
	if fault := recover(); fault != nil {
		if fault == http.ErrAbortHandler { //nolint:errorlint // a recovered value, which net/http compares so too
			panic(fault)
		}
		s.Log.Error("panic", "activity", c.activity, "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
		s.fail(c, errors.New("internal error"))
	}
	if s.Observe != nil {
		s.Observe(c.Context(), c.observation())
	}
	level := slog.LevelInfo
	if c.status == statusClientGone || c.route != nil && c.route.quiet {
		level = slog.LevelDebug
	}
	if s.Log.Enabled(c.Context(), level) {
		s.Log.LogAttrs(c.Context(), level, "request", c.attributes()...)
	}
}

// attributes are what the log says of a request.
func (c *call) attributes() []slog.Attr {
	attributes := []slog.Attr{
		slog.String("method", printable(c.Method)), slog.String("route", c.routeName()), slog.Int("status", c.status),
		slog.Float64("duration_ms", float64(time.Since(c.started).Microseconds())/1000),
		slog.String("activity", c.activity.String()), slog.String("address", c.clientAddress()),
	}
	if organization := c.caller.Organization.Name; organization != "" {
		attributes = append(attributes, slog.String("organization", organization))
	}
	if !c.caller.ID.IsZero() {
		attributes = append(attributes, slog.String("actor", c.caller.ID.String()))
	}
	return attributes
}

// clientAddress is the client's IP address.
func (c *call) clientAddress() string { return ClientAddress(c.Request, c.server.ClientAddressHeader) }

// ClientAddress is the IP address of a request's client: where header is not
// empty, the last element of that header, in which a trusted proxy states it;
// else, or where that is no address, the peer's.
func ClientAddress(r *http.Request, header string) string {
	if header != "" {
		if values := r.Header.Values(header); len(values) > 0 {
			last := values[len(values)-1]
			last = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
			if address, err := netip.ParseAddr(last); err == nil && address.Zone() == "" {
				return last
			}
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
