package patauth

import (
	"net/http"
	"strconv"
	"strings"
)

// Presented is the PAT in a request, "" where there is none: the password of
// Basic, or the user name where the password is empty, or a Bearer token.
// Where several Authorization headers came, none of them counts: whoever reads
// another one than we do would see another caller. It is for those who write
// middleware of their own around [Authenticator.Check].
func Presented(r *http.Request) string {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return ""
	}
	if user, password, ok := r.BasicAuth(); ok {
		if password == "" {
			return user
		}
		return password
	}
	scheme, credentials, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(credentials, " ")
}

// maxCredential is far longer than any PAT.
const maxCredential = 1024

// isCredential reports whether text can be a token at all (RFC 6750, section
// 2.1), so that nothing else is asked about.
func isCredential(text string) bool {
	return text != "" && len(text) <= maxCredential && !strings.ContainsFunc(text, func(r rune) bool {
		return !isAlphanumeric(r) && !strings.ContainsRune("-._~+/=", r)
	})
}

func isAlphanumeric(r rune) bool {
	return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// badScope is the first of scopes, quoted, that cannot be the name of one (RFC
// 6749, section 3.3).
func badScope(scopes []string) (quoted string, bad bool) {
	for _, scope := range scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			return strconv.Quote(scope), true
		}
	}
	return "", false
}
