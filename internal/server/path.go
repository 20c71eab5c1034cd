package server

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// target is what a path names: a route, and the organization it is asked in.
type target struct {
	// organization is as the client wrote it, "" for paths without one.
	organization string
	// route is the rest in lower case: "_apis/tokens/pats".
	route string
}

// parsePath splits an undecoded path. Paths match in any case, with or
// without a trailing slash, and are never cleaned: ".." is a name like any
// other, and an encoded slash does not separate.
func parsePath(escaped string) (target, error) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if last := len(segments) - 1; last > 0 && segments[last] == "" {
		segments = segments[:last]
	}
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil || decoded == "" && len(segments) > 1 || strings.Contains(decoded, "/") {
			return target{}, errNoRoute
		}
		segments[i] = decoded
	}
	var t target
	if len(segments) > 1 && strings.EqualFold(segments[1], "_apis") && !strings.EqualFold(segments[0], "_apis") {
		t.organization, segments = segments[0], segments[1:]
	}
	for _, segment := range segments {
		if strings.ContainsFunc(segment, func(r rune) bool { return r > unicode.MaxASCII }) {
			return target{}, errNoRoute // lower case would make ASCII of some
		}
	}
	t.route = strings.ToLower(strings.Join(segments, "/"))
	return t, nil
}

// Owns reports whether r is for the API, whether or not there is a route for
// it: its path is below "_apis", at the root or in an organization, or one of
// the few that stand alone, such as /healthz; or others would clean it, and
// send its client to what it might mean.
func (s *Server) Owns(r *http.Request) bool {
	escaped, absolute := strings.CutPrefix(r.URL.EscapedPath(), "/")
	if !absolute {
		return true // OPTIONS *
	}
	if cleaned := path.Clean(r.URL.Path); cleaned != r.URL.Path && (cleaned == "/" || cleaned+"/" != r.URL.Path) {
		return true
	}
	for i, segment := range strings.SplitN(escaped, "/", 3) {
		decoded, err := url.PathUnescape(segment)
		if err == nil && i < 2 && strings.EqualFold(decoded, "_apis") {
			return true
		}
	}
	target, err := parsePath(r.URL.EscapedPath())
	return err == nil && target.organization == "" && s.routes[target.route] != nil
}
