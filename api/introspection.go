package api

// Introspection answers a request to /oauth2/introspect (RFC 7662). Of a token
// that is not active it says nothing else.
type Introspection struct {
	Active bool `json:"active"`
	// Allowed tells whether the token is good for the organization and the
	// scopes that were asked for; nil where none were.
	Allowed *bool `json:"allowed,omitempty"`
	// Scope is space-separated, as the token holds it.
	Scope string `json:"scope,omitempty"`
	// Username is the sign-in name of the owner, "" where it is not known.
	Username string `json:"username,omitempty"`
	// TokenType is [TokenTypeBearer].
	TokenType string `json:"token_type,omitempty"`
	// ExpiresAt and IssuedAt are in seconds since 1970.
	ExpiresAt int64 `json:"exp,omitempty"`
	IssuedAt  int64 `json:"iat,omitempty"`
	// Subject is the object id of the owner in Tenant.
	Subject string `json:"sub,omitempty"`
	// ID is the authorizationId.
	ID string `json:"jti,omitempty"`
	// Organization is the name of the one for which the token was judged.
	Organization string `json:"organization,omitempty"`
	Tenant       string `json:"tenant,omitempty"`
}

// TokenTypeBearer is the token_type of every personal access token: whoever
// holds one may use it (RFC 6750), as Bearer or as the password of Basic.
const TokenTypeBearer = "Bearer"

// OAuthError is the body of an error of /oauth2/introspect (RFC 6749, section
// 5.2).
type OAuthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}
