package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// route is a resource, where it is served, and what it answers.
type route struct {
	// id, area and resource are how SDKs look the resource up. A route
	// without an id is not listed to them.
	id, area, resource string
	// parameter names an optional last segment in the template that SDKs fill;
	// each value of it that is served has a route of its own.
	parameter string
	// path is in lower case, without the organization.
	path string
	// global routes stand outside organizations.
	global bool
	// anonymous routes need no access token.
	anonymous bool
	// quiet routes are asked often by machines and log at debug level.
	quiet bool
	// results marks the resource whose refusals are answers with status 200.
	results bool
	// versions are those published, oldest first; none where the route has
	// no version.
	versions []version
	methods  map[string]func(*call) error
}

// locations are the routes. To add an endpoint add a line here and a file for
// its handler.
func (s *Server) locations() []*route {
	get := func(serve func(*call) error) map[string]func(*call) error {
		return map[string]func(*call) error{http.MethodGet: serve, http.MethodHead: serve}
	}
	return []*route{
		{
			id: tokensID, area: "Tokens", resource: "Pats", path: "_apis/tokens/pats", results: true, versions: previews,
			methods: map[string]func(*call) error{
				http.MethodGet:    s.getOrListPats,
				http.MethodHead:   s.getOrListPats,
				http.MethodPost:   s.createPat,
				http.MethodPut:    s.updatePat,
				http.MethodDelete: s.revokePat,
			},
		},
		{
			id: "5f0a8a65-9d0f-4f6b-8b53-3a1a2f0e6d01", area: "Patrol", resource: "Scopes", path: "_apis/patrol/scopes",
			versions: previews, methods: get(s.getScopes),
		},
		{
			id: "b1797b8f-7943-4a9d-a9e5-2a5eec5c7639", area: "Patrol", resource: "Usage", path: "_apis/patrol/usage",
			versions: previews, methods: get(s.getUsage),
		},
		{
			id: resourceAreasID, area: "Location", resource: "ResourceAreas", parameter: "areaId", path: "_apis/resourceareas",
			methods: get(s.getResourceAreas),
		},
		{path: "_apis/resourceareas/" + tokensID, methods: get(s.getTokensArea)},
		{
			id: connectionDataID, area: "Location", resource: "ConnectionData", path: "_apis/connectiondata",
			methods: get(s.getConnectionData),
		},
		{path: "_apis", methods: map[string]func(*call) error{http.MethodOptions: s.locateAll}},
		{path: "_apis/tokens", methods: map[string]func(*call) error{http.MethodOptions: s.locateArea("Tokens")}},
		{path: "_apis/location", methods: map[string]func(*call) error{http.MethodOptions: s.locateArea("Location")}},
		{path: "_apis/patrol", methods: map[string]func(*call) error{http.MethodOptions: s.locateArea("Patrol")}},

		{path: "_apis/patrol/organizations", global: true, versions: previews, methods: get(s.getOrganizations)},
		{path: "_apis/patrol/signin", global: true, anonymous: true, methods: get(s.getSignIn)},
		{path: "openapi.yaml", global: true, anonymous: true, methods: get(s.getOpenAPI)},
		{path: "healthz", global: true, anonymous: true, quiet: true, methods: get(s.getHealth)},
		{path: "readyz", global: true, anonymous: true, quiet: true, methods: get(s.getReadiness)},
	}
}

func index(routes []*route) map[string]*route {
	byPath := make(map[string]*route, len(routes))
	for _, rt := range routes {
		byPath[rt.path] = rt
	}
	return byPath
}

// name is the route as logs show it.
func (rt *route) name() string {
	if rt.global {
		return "/" + rt.path
	}
	return "/{organization}/" + rt.path
}

// allow lists the methods for the Allow header.
func (rt *route) allow() string {
	return strings.Join(slices.Sorted(maps.Keys(rt.methods)), ", ")
}

// location is the route as SDKs read it.
func (rt *route) location() api.ResourceLocation {
	location := api.ResourceLocation{
		ID: rt.id, Area: rt.area, ResourceName: rt.resource,
		RouteTemplate: "_apis/{area}/{resource}", ResourceVersion: 1,
		MinVersion: "1.0", MaxVersion: "7.2", ReleasedVersion: "0.0",
	}
	if len(rt.versions) == 0 {
		location.RouteTemplate = "_apis/{resource}"
	}
	if rt.parameter != "" {
		location.RouteTemplate += "/{" + rt.parameter + "}"
	}
	return location
}
