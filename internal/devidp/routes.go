package devidp

import (
	"net/http"
	"net/url"
	"strings"
)

// maxBody bounds every request body and the query of an authorization request.
const maxBody = 256 << 10

// endpoint is a handler that is told the tenant segment, in its canonical form,
// and leaves its failures to the caller.
type endpoint func(w http.ResponseWriter, r *http.Request, segment string) error

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	api := func(pattern string, e endpoint) { mux.Handle(pattern, p.serve(e, p.failJSON)) }
	page := func(pattern string, e endpoint) { mux.Handle(pattern, p.serve(e, p.failPage)) }

	api("GET /{tenant}/v2.0/.well-known/openid-configuration", p.discoveryV2)
	api("GET /{tenant}/.well-known/openid-configuration", p.discoveryV1)
	api("GET /{tenant}/discovery/v2.0/keys", p.keys)
	api("GET /{tenant}/discovery/keys", p.keys)
	api("GET /{tenant}/discovery/instance", p.instanceDiscovery)
	api("GET /{tenant}/userrealm/{user}", p.userRealm)
	api("POST /{tenant}/oauth2/v2.0/token", p.token)
	api("POST /{tenant}/oauth2/v2.0/devicecode", p.deviceAuthorization)
	api("GET /{tenant}/openid/userinfo", p.userInfo)
	api("POST /{tenant}/openid/userinfo", p.userInfo)

	page("GET /{tenant}/oauth2/v2.0/authorize", p.authorize)
	page("POST /{tenant}/oauth2/v2.0/authorize", p.authorize)
	page("GET /{tenant}/oauth2/v2.0/logout", p.logout)
	page("POST /{tenant}/oauth2/v2.0/logout", p.logout)
	page("GET /{tenant}/oauth2/deviceauth", p.devicePage)
	page("POST /{tenant}/login", p.sameOrigin(p.signIn))
	mux.HandleFunc("GET /assets/{file}", p.pages.serveAsset)

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, foldPath(r))
	})
}

// foldPath makes paths match as in Entra: in any case, with or without a
// trailing slash.
func foldPath(r *http.Request) *http.Request {
	folded := new(http.Request)
	*folded = *r
	u := *r.URL
	u.Path, u.RawPath = strings.ToLower(u.Path), ""
	if len(u.Path) > 1 {
		u.Path = strings.TrimSuffix(u.Path, "/")
	}
	folded.URL = &u
	return folded
}

// serve resolves the tenant segment, runs e and lets fail show its error.
func (p *Provider) serve(e endpoint, fail func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		segment, err := p.resolveTenant(r.PathValue("tenant"))
		if err == nil {
			err = e(w, r, segment)
		}
		if err != nil {
			fail(w, r, err)
		}
	})
}

// resolveTenant turns a tenant segment into the one that addresses are made
// with: a domain name becomes the tenant's UUID, as in Entra.
func (p *Provider) resolveTenant(segment string) (string, error) {
	switch segment {
	case "common", "organizations":
		return segment, nil
	case p.cfg.Tenant, p.cfg.Domain:
		return p.cfg.Tenant, nil
	}
	return "", refuse(http.StatusBadRequest, "invalid_tenant", 90002,
		"Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", segment)
}

// sameOrigin refuses what a browser sends from another site's page. Such a page
// could also come under its own name to this address (DNS rebinding), so the
// name must be the provider's, or one that means this machine.
func (p *Provider) sameOrigin(e endpoint) endpoint {
	guard := http.NewCrossOriginProtection()
	_, host, _ := strings.Cut(p.cfg.BaseURL, "://")
	return func(w http.ResponseWriter, r *http.Request, segment string) error {
		if !strings.EqualFold(r.Host, host) && !isLoopback(&url.URL{Scheme: "http", Host: r.Host}) {
			return refuse(http.StatusForbidden, "invalid_request", 9002313, "The sign-in form was sent to '%s', but this is '%s'.", r.Host, host)
		}
		if guard.Check(r) != nil {
			return refuse(http.StatusForbidden, "invalid_request", 9002313, "The sign-in form was sent from another site.")
		}
		return e(w, r, segment)
	}
}
