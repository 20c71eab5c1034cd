package server

import (
	"net/http"
	"net/url"
)

// errAnonymous refuses a request without a credential.
var errAnonymous = &problem{
	status: http.StatusUnauthorized, typeKey: "UnauthorizedRequestException",
	message: "TF400813: Resource not available for anonymous access. Client authentication required.",
}

// challenge sets the headers by which clients of Azure DevOps learn, from a
// 401, how to sign in. The Bearer challenge is unquoted, and last.
func (s *Server) challenge(c *call, reason error) {
	h := c.w.Header()
	h.Add("WWW-Authenticate", `Basic realm="`+s.PublicURL+`/"`)
	h.Add("WWW-Authenticate", "TFS-Federated")
	h.Add("WWW-Authenticate", "Bearer authorization_uri="+s.AuthorizationURI)
	h.Set("X-VSS-AuthorizationEndpoint", s.PublicURL+"/")
	h.Set("X-TFS-FedAuthRealm", s.PublicURL+"/")
	h.Set("X-TFS-FedAuthIssuer", s.PublicURL+"/")
	h.Set("X-TFS-FedAuthRedirect", s.PublicURL+"/")
	h.Set("X-TFS-ServiceError", url.PathEscape(reason.Error()))
	if tenant := c.caller.Organization.Tenant; !tenant.IsZero() {
		h.Set("X-VSS-ResourceTenant", tenant.String())
	}
}
