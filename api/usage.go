package api

// TokenUsage is the last use of a token, at
// /{organization}/_apis/patrol/usage. It may be up to a minute behind.
type TokenUsage struct {
	AuthorizationID string `json:"authorizationId"`
	LastUsed        Time   `json:"lastUsed"`
	// Address is the IP address of the client, "" where it was not known.
	Address string `json:"address"`
	// Client is the kind of program, such as "git", "" where it did not say.
	Client string `json:"client"`
	// Scope is one that was asked of the token then, "" where none was.
	Scope string `json:"scope"`
}
