package devidp

import (
	"net/http"
	"net/url"
	"strings"
)

// metadata is the discovery document of OpenID Connect Discovery 1.0, with
// Entra's additions.
type metadata struct {
	Issuer                      string   `json:"issuer"`
	AuthorizationEndpoint       string   `json:"authorization_endpoint"`
	TokenEndpoint               string   `json:"token_endpoint"`
	DeviceAuthorizationEndpoint string   `json:"device_authorization_endpoint"`
	EndSessionEndpoint          string   `json:"end_session_endpoint"`
	UserinfoEndpoint            string   `json:"userinfo_endpoint"`
	JWKSURI                     string   `json:"jwks_uri"`
	ResponseTypes               []string `json:"response_types_supported"`
	ResponseModes               []string `json:"response_modes_supported"`
	GrantTypes                  []string `json:"grant_types_supported"`
	Scopes                      []string `json:"scopes_supported"`
	Claims                      []string `json:"claims_supported"`
	SubjectTypes                []string `json:"subject_types_supported"`
	SigningAlgorithms           []string `json:"id_token_signing_alg_values_supported"`
	ClientAuthentication        []string `json:"token_endpoint_auth_methods_supported"`
	AssertionAlgorithms         []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	CodeChallengeMethods        []string `json:"code_challenge_methods_supported"`
	RequestURIParameter         bool     `json:"request_uri_parameter_supported"`
}

func (p *Provider) metadata(segment, issuer string) metadata {
	base := p.cfg.BaseURL + "/" + segment
	return metadata{
		Issuer:                      issuer,
		AuthorizationEndpoint:       base + "/oauth2/v2.0/authorize",
		TokenEndpoint:               base + "/oauth2/v2.0/token",
		DeviceAuthorizationEndpoint: base + "/oauth2/v2.0/devicecode",
		EndSessionEndpoint:          base + "/oauth2/v2.0/logout",
		UserinfoEndpoint:            base + "/openid/userinfo",
		JWKSURI:                     base + "/discovery/v2.0/keys",
		ResponseTypes:               []string{"code"},
		ResponseModes:               []string{modeQuery, modeFragment, modeFormPost},
		GrantTypes:                  []string{grantCode, grantRefresh, grantClient, grantPassword, grantDevice},
		Scopes:                      []string{scopeOpenID, scopeProfile, scopeEmail, scopeOffline},
		Claims: []string{
			"sub", "iss", "aud", "exp", "iat", "nbf", "nonce", "auth_time", "name", "preferred_username",
			"email", "oid", "tid", "ver", "roles", "groups",
		},
		SubjectTypes:         []string{"pairwise"},
		SigningAlgorithms:    []string{"RS256"},
		ClientAuthentication: []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		AssertionAlgorithms:  []string{"RS256", "PS256"},
		CodeChallengeMethods: []string{"S256", "plain"},
	}
}

func (p *Provider) discoveryV2(w http.ResponseWriter, _ *http.Request, segment string) error {
	return publish(w, p.metadata(segment, p.Issuer()))
}

// discoveryV1 is for those who verify access tokens of version 1; its endpoints
// are those of version 2.
func (p *Provider) discoveryV1(w http.ResponseWriter, _ *http.Request, segment string) error {
	return publish(w, p.metadata(segment, p.issuerV1()))
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request, _ string) error {
	return publish(w, p.signer.keySet())
}

// instanceDiscovery tells MSAL where a tenant's discovery document is, and by
// which names this host goes.
func (p *Provider) instanceDiscovery(w http.ResponseWriter, r *http.Request, _ string) error {
	tenant := p.cfg.Tenant
	if asked, err := url.Parse(r.URL.Query().Get("authorization_endpoint")); err == nil {
		first, _, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
		if segment, err := p.resolveTenant(strings.ToLower(first)); err == nil {
			tenant = segment
		}
	}
	_, host, _ := strings.Cut(p.cfg.BaseURL, "://")
	return publish(w, map[string]any{
		"tenant_discovery_endpoint": p.cfg.BaseURL + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": host, "preferred_cache": host, "aliases": []string{host},
		}},
	})
}

// userRealm tells MSAL, before it sends a password, that it may: nobody's
// sign-in is federated.
func (p *Provider) userRealm(w http.ResponseWriter, r *http.Request, _ string) error {
	name := r.PathValue("user")
	_, domain, _ := strings.Cut(name, "@")
	realm := map[string]any{"ver": "1.0", "login": name, "account_type": "Unknown"}
	if p.user(name) != nil || (domain != "" && domain == p.cfg.Domain) {
		realm["account_type"] = "Managed"
		realm["domain_name"] = domain
		realm["cloud_instance_name"] = "devidp"
		realm["cloud_audience_urn"] = "urn:federation:MicrosoftOnline"
	}
	return writeJSON(w, http.StatusOK, realm)
}

// publish answers with a document that any page may read.
func publish(w http.ResponseWriter, document any) error {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	return writeJSON(w, http.StatusOK, document)
}
