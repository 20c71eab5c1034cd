package patauth

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Require is middleware that runs the next handler only for requests with a
// live token that grants all of scopes, and answers the others itself, as the
// package says. Without scopes any live token passes.
//
// It panics where a scope is empty or has a space in it: that would not ask
// for what was meant, and is found when the service starts.
func (a *Authenticator) Require(scopes ...string) func(http.Handler) http.Handler {
	if name, bad := badScope(scopes); bad {
		panic("patauth: Require: " + name + " is not the name of a scope; name each by an argument of its own")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pat := Presented(r)
			r = a.withoutSecret(r)
			identity, err := a.check(r.Context(), pat, scopes)
			if err != nil {
				a.refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), identity)))
		})
	}
}

// withoutSecret is r without the header in which the PAT came. r itself is the
// caller's and stays as it is.
func (a *Authenticator) withoutSecret(r *http.Request) *http.Request {
	if a.config.KeepAuthorization {
		return r
	}
	clean := r.WithContext(r.Context())
	clean.Header = r.Header.Clone()
	clean.Header.Del("Authorization")
	return clean
}

// refuse answers a request that is not let through. What people read says what
// to do, and nothing about Patrol.
func (a *Authenticator) refuse(w http.ResponseWriter, r *http.Request, err *Error) {
	if a.config.OnRefusal != nil {
		a.config.OnRefusal(r, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	switch err.Kind {
	case KindMissing, KindInvalid:
		w.Header().Set("WWW-Authenticate", "Basic realm="+quote(a.config.Realm)+`, charset="UTF-8"`)
		http.Error(w, err.Message, http.StatusUnauthorized)
	case KindForbidden:
		http.Error(w, err.Message, http.StatusForbidden)
	default:
		w.Header().Set("Retry-After", strconv.Itoa(int(err.RetryAfter/time.Second)))
		http.Error(w, "the personal access token cannot be checked now; try again in a moment", http.StatusServiceUnavailable)
	}
}

// quote is a quoted-string (RFC 9110, section 5.6.4).
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
