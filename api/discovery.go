package api

// Collection is the wrapper that the Azure DevOps APIs put around lists of
// everything but tokens.
type Collection[T any] struct {
	Count int `json:"count"`
	Value []T `json:"value"`
}

// Collect wraps values.
func Collect[T any](values []T) Collection[T] { return Collection[T]{len(values), values} }

// ResourceArea says where an area of the API is served.
type ResourceArea struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	LocationURL string `json:"locationUrl"`
}

// ResourceLocation says at which path and in which versions a resource is
// served. The SDKs of Azure DevOps build their URLs from it.
type ResourceLocation struct {
	ID              string `json:"id"`
	Area            string `json:"area"`
	ResourceName    string `json:"resourceName"`
	RouteTemplate   string `json:"routeTemplate"`
	ResourceVersion int    `json:"resourceVersion"`
	MinVersion      string `json:"minVersion"`
	MaxVersion      string `json:"maxVersion"`
	ReleasedVersion string `json:"releasedVersion"`
}

// ConnectionData tells a client who it is and what it talks to.
type ConnectionData struct {
	AuthenticatedUser Identity `json:"authenticatedUser"`
	AuthorizedUser    Identity `json:"authorizedUser"`
	InstanceID        string   `json:"instanceId"`
	DeploymentID      string   `json:"deploymentId"`
	DeploymentType    string   `json:"deploymentType"`
}

// Identity is a user as connectionData names them.
type Identity struct {
	ID                  string `json:"id"`
	Descriptor          string `json:"descriptor"`
	SubjectDescriptor   string `json:"subjectDescriptor"`
	ProviderDisplayName string `json:"providerDisplayName"`
	IsActive            bool   `json:"isActive"`
	// Properties hold the sign-in name under "Account".
	Properties map[string]Property `json:"properties"`
}

// Property is a typed value in an identity's property bag.
type Property struct {
	Type  string `json:"$type"`
	Value string `json:"$value"`
}

// Organization is one that the caller belongs to, at
// /_apis/patrol/organizations.
type Organization struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Kinds of sign-in.
const (
	SignInEntra = "entra"
	SignInOIDC  = "oidc"
)

// SignIn tells a client, before it has a token, how its user signs in. It is
// Patrol's own, at /_apis/patrol/signin.
type SignIn struct {
	// Kind is entra (use a Microsoft library) or oidc (any other issuer).
	Kind string `json:"kind"`
	// Authority is the Entra authority, or the issuer.
	Authority string `json:"authority"`
	// Scope is what to ask for, space-separated.
	Scope string `json:"scope"`
	// ClientID is the public client of the command line.
	ClientID string `json:"clientId"`
}

// Scope is an entry of the scope catalogue, at
// /{organization}/_apis/patrol/scopes.
type Scope struct {
	Name   string `json:"name"`
	Area   string `json:"area"`
	Covers string `json:"covers"`
	// Includes are the scopes that it grants besides, directly.
	Includes []string `json:"includes"`
	// HighPrivilege marks those that Azure DevOps documents so, and full access.
	HighPrivilege bool `json:"highPrivilege"`
}
