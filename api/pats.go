package api

import "encoding/json"

// PatToken is one personal access token.
type PatToken struct {
	DisplayName string `json:"displayName"`
	ValidTo     Time   `json:"validTo"`
	// Scope is space-separated; "app_token" is full access.
	Scope string `json:"scope"`
	// TargetAccounts are organization ids; null means every organization
	// that the owner can reach.
	TargetAccounts []string `json:"targetAccounts"`
	// ValidFrom is the moment of creation.
	ValidFrom       Time   `json:"validFrom"`
	AuthorizationID string `json:"authorizationId"`
	// Token is the secret: a string in the answer to a creation, null ever
	// after.
	Token *string `json:"token"`
}

// PatTokenCreateRequest is the body of Create. A nil ValidTo lets the service
// decide.
type PatTokenCreateRequest struct {
	DisplayName string `json:"displayName"`
	Scope       string `json:"scope"`
	ValidTo     *Time  `json:"validTo,omitempty"`
	AllOrgs     bool   `json:"allOrgs"`
}

// PatTokenUpdateRequest is the body of Update. A nil field stays as it is.
type PatTokenUpdateRequest struct {
	AuthorizationID string  `json:"authorizationId"`
	DisplayName     *string `json:"displayName,omitempty"`
	Scope           *string `json:"scope,omitempty"`
	ValidTo         *Time   `json:"validTo,omitempty"`
	AllOrgs         *bool   `json:"allOrgs,omitempty"`
}

// PatTokenResult answers Get, Create and Update, refusals included: then
// PatToken is null, PatTokenError says why, and the status is still 200.
type PatTokenResult struct {
	PatToken      *PatToken         `json:"patToken"`
	PatTokenError SessionTokenError `json:"patTokenError"`
	// PatTokenErrorMessage exists from version 7.2 on: a pointer to null on
	// success, to a sentence on refusal. Nil before 7.2.
	PatTokenErrorMessage *Nullable `json:"patTokenErrorMessage,omitempty"`
}

// Nullable is a string that is null on the wire where it is empty.
type Nullable string

// MarshalJSON writes null for the empty string.
func (n Nullable) MarshalJSON() ([]byte, error) {
	if n == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(n))
}

// PagedPatTokens is a page of List. ContinuationToken is "" on the last one.
type PagedPatTokens struct {
	ContinuationToken string     `json:"continuationToken"`
	PatTokens         []PatToken `json:"patTokens"`
}

// DisplayFilterOption is which tokens List shows.
type DisplayFilterOption string

// The filters of List; active is neither revoked nor expired.
const (
	FilterActive  DisplayFilterOption = "active"
	FilterRevoked DisplayFilterOption = "revoked"
	FilterExpired DisplayFilterOption = "expired"
	FilterAll     DisplayFilterOption = "all"
)

// SortByOption is what List sorts by.
type SortByOption string

// The sort keys of List; displayDate is the moment of creation.
const (
	SortDisplayName SortByOption = "displayName"
	SortDisplayDate SortByOption = "displayDate"
	SortStatus      SortByOption = "status"
)
