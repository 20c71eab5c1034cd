package api

// TokenState is where a token stands, in the words of the filters of List.
type TokenState string

// The states of a token. A revoked one stays revoked when it would have
// expired.
const (
	StateActive  TokenState = "active"
	StateExpired TokenState = "expired"
	StateRevoked TokenState = "revoked"
)

// TokenUsage is what Patrol tells of a token besides the contract, at
// /{organization}/_apis/patrol/usage: its state now, and its last use, which
// may be up to a minute behind.
type TokenUsage struct {
	AuthorizationID string `json:"authorizationId"`
	// State is "" in answers of services that do not tell it yet. They leave
	// out tokens that were never used.
	State TokenState `json:"state"`
	// LastUsed is null where the token was never used, and what follows "".
	LastUsed *Time `json:"lastUsed"`
	// Address is the IP address of the client, "" where it was not known.
	Address string `json:"address"`
	// Client is the kind of program, such as "git", "" where it did not say.
	Client string `json:"client"`
	// Scope is one that was asked of the token then, "" where none was.
	Scope string `json:"scope"`
}
