package devidp

import (
	"net/http"
	"net/url"
	"time"
)

// The values of grant_type.
const (
	grantCode        = "authorization_code"
	grantRefresh     = "refresh_token"
	grantClient      = "client_credentials"
	grantPassword    = "password"
	grantDevice      = "urn:ietf:params:oauth:grant-type:device_code"
	grantDeviceShort = "device_code" // what MSAL sends
)

// grant is what a client has shown to be entitled to.
type grant struct {
	Client   *Client
	User     *User // nil: the client itself
	Scope    scope
	Nonce    string
	AuthTime time.Time
	Contexts []string // authentication contexts that the user's sign-in met
	Refuse   string   // the refusal that was chosen for what is redeemed next
	Asserted bool     // the client proved itself with a certificate
}

// tokenResponse is that of RFC 6749 section 5.1, with Entra's additions.
type tokenResponse struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int64  `json:"expires_in"`
	ExtExpiresIn int64  `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

// token is the token endpoint. The client is authenticated before anything else
// is looked at, so that a wrong secret uses up no code.
func (p *Provider) token(w http.ResponseWriter, r *http.Request, _ string) error {
	form, err := readParameters(r)
	if err != nil {
		return err
	}
	client, err := p.authenticateClient(r, form)
	if err != nil {
		return err
	}
	g, err := p.redeem(client, form)
	if err != nil {
		return err
	}
	g.Asserted = form.Get("client_assertion") != ""
	response, err := p.issue(g, form.Get("client_info") == "1")
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	return writeJSON(w, http.StatusOK, response)
}

func (p *Provider) redeem(client *Client, form url.Values) (grant, error) {
	switch kind := form.Get("grant_type"); kind {
	case grantCode:
		return p.redeemCode(client, form)
	case grantRefresh:
		return p.redeemRefreshToken(client, form)
	case grantDevice, grantDeviceShort:
		return p.redeemDeviceCode(client, form)
	case grantPassword:
		return p.redeemPassword(client, form)
	case grantClient:
		return p.redeemClient(client, form)
	case "":
		return grant{}, missing("grant_type")
	default:
		return grant{}, refuse(http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", kind)
	}
}

// redeemPassword is the resource owner password grant (RFC 6749 section 4.3).
func (p *Provider) redeemPassword(client *Client, form url.Values) (grant, error) {
	for _, name := range []string{"username", "password", "scope"} {
		if form.Get(name) == "" {
			return grant{}, missing(name)
		}
	}
	asked, err := p.askedScope(form, "")
	if err != nil {
		return grant{}, err
	}
	user := p.checkPassword(form.Get("username"), form.Get("password"))
	if user == nil {
		return grant{}, invalidGrant(50126, "Error validating credentials due to invalid username or password.")
	}
	return grant{Client: client, User: user, Scope: asked}, nil
}

// redeemClient is the client credentials grant (RFC 6749 section 4.4).
func (p *Provider) redeemClient(client *Client, form url.Values) (grant, error) {
	if client.public() {
		return grant{}, invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	if form.Get("scope") == "" {
		return grant{}, missing("scope")
	}
	asked, err := p.askedScope(form, "")
	if err != nil {
		return grant{}, err
	}
	asked.oidc = nil // MSAL always sends them
	if len(asked.targets) != 1 || asked.targets[0].permission != scopeDefault {
		return grant{}, invalidScope(1002012, "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", asked)
	}
	return grant{Client: client, Scope: asked}, nil
}

// askedScope is the scope of a token request, completed by the one that the
// user signed in for.
func (p *Provider) askedScope(form url.Values, earlier string) (scope, error) {
	asked, err := p.parseScope(form.Get("scope"))
	if err != nil {
		return scope{}, err
	}
	before, err := p.parseScope(earlier)
	if err != nil {
		return scope{}, err
	}
	asked = asked.or(before)
	_, _, err = asked.grant()
	return asked, err
}

// issue makes the tokens that g entitles to.
func (p *Provider) issue(g grant, clientInfo bool) (tokenResponse, error) {
	audience, permissions, err := g.Scope.grant()
	if err != nil {
		return tokenResponse{}, err
	}
	life := int64(p.cfg.AccessTokenLife / time.Second)
	response := tokenResponse{TokenType: "Bearer", ExpiresIn: life, ExtExpiresIn: life}
	if response.AccessToken, err = p.accessToken(g, audience, permissions); err != nil {
		return tokenResponse{}, err
	}
	if g.User == nil {
		return response, nil
	}
	response.Scope = g.Scope.granted()
	if g.Scope.has(scopeOpenID) {
		if response.IDToken, err = p.idToken(g.Client, g.User, g.Scope, g.Nonce, g.AuthTime); err != nil {
			return tokenResponse{}, err
		}
	}
	if g.Scope.has(scopeOffline) {
		if response.RefreshToken, err = p.issueRefreshToken(g); err != nil {
			return tokenResponse{}, err
		}
	}
	if clientInfo {
		if response.ClientInfo, err = p.clientInfo(g.User); err != nil {
			return tokenResponse{}, err
		}
	}
	return response, nil
}

func unknownUser() *refusal {
	return invalidGrant(50034, "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.")
}
