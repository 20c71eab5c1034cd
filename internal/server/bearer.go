package server

import (
	"net/http"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxCredential bounds an Authorization header, in bytes: access tokens with
// many groups reach several thousand.
const maxCredential = 24 << 10

// bearer is the access token of a request (RFC 6750, section 2.1). All other
// credentials are refused, those in the query and personal access tokens among
// them: they could be used to make more of their kind.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", errAnonymous
	case len(values) > 1:
		return "", unauthenticated("several Authorization headers came: send one")
	case len(values[0]) > maxCredential:
		return "", unauthenticated("the Authorization header is too long")
	}
	scheme, credential, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	credential = strings.TrimSpace(credential)
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return "", unauthenticated("personal access tokens and passwords cannot call this API: sign in and send an access token as Bearer")
	case !strings.EqualFold(scheme, "Bearer"):
		return "", unauthenticated("the Authorization header is not of the form \"Bearer <access token>\"")
	case credential == "" || strings.ContainsFunc(credential, foreign):
		return "", unauthenticated("the Authorization header has no access token, or more than one")
	}
	return credential, nil
}

// foreign reports whether r cannot stand in a bearer token.
func foreign(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/=", r))
}

func unauthenticated(message string) error {
	return &pat.Error{Code: pat.CodeUnauthenticated, Message: message}
}
