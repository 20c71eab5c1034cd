package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// Client is a service that may ask for introspection. It holds no more than a
// hash of its secret.
type Client struct {
	ID     string
	secret [sha256.Size]byte
	// organizations are those that the client is bound to, if any.
	organizations []pat.Organization
}

// NewClient makes a client, bound to organizations if there are any: tokens
// that are good in none of them are not active to it.
func NewClient(id, secret string, organizations ...pat.Organization) Client {
	return Client{ID: id, secret: sha256.Sum256([]byte(secret)), organizations: organizations}
}

// mayAsk reports whether c may ask about an organization, of which the zero
// one is none in particular.
func (c *Client) mayAsk(about pat.UUID) bool {
	for i := range c.organizations {
		if c.organizations[i].ID == about {
			return true
		}
	}
	return len(c.organizations) == 0 || about.IsZero()
}

// clientOf authenticates the client that makes a request, by Basic or by its
// form (RFC 6749, section 2.3.1).
func (f *Front) clientOf(r *http.Request, form *form, s *scratch) (Client, *oauthFault) {
	id, secret := form.clientID.value, form.clientSecret.value
	if headers := r.Header["Authorization"]; len(headers) > 0 {
		basicID, basicSecret, ok := basicClient(headers, s)
		switch {
		case !ok:
			return Client{}, invalidClient
		case form.clientSecret.came || form.clientID.came && id != basicID:
			return Client{}, invalidRequest(http.StatusBadRequest, "the client authenticates itself twice")
		}
		id, secret = basicID, basicSecret
	}
	client, known := f.clients[id]
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], client.secret[:]) != 1 || !known {
		return Client{}, invalidClient
	}
	return client, nil
}

// basicClient reads the id and secret of a client, which are encoded as in
// forms.
func basicClient(headers []string, s *scratch) (id, secret string, ok bool) {
	scheme, credentials, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || len(headers[0]) > maxAuthorization || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	user, password, ok := decodeBasic(strings.Trim(credentials, " "), &s.buffer)
	if !ok {
		return "", "", false
	}
	id, err := url.QueryUnescape(string(user))
	if err != nil {
		return "", "", false
	}
	secret, err = url.QueryUnescape(string(password))
	return id, secret, err == nil
}
