package devidp

import (
	"net/http"
	"strings"
)

// userInfo is the UserInfo endpoint of OpenID Connect Core section 5.3.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request, _ string) error {
	scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	c, err := p.signer.verify(bearer, p.cfg.Now())
	clientID := c.AuthorizedBy + c.AppID // one of them, by version
	if err != nil || !strings.EqualFold(scheme, "Bearer") || clientID == "" || c.Scope == "" || p.user(c.ObjectID) == nil {
		return refuse(http.StatusUnauthorized, "invalid_token", 50133, "The access token is missing, expired or not an access token of a user.")
	}
	user := p.user(c.ObjectID)
	return writeJSON(w, http.StatusOK, map[string]string{
		"sub": p.pairwise(clientID, user), "name": user.Name, "preferred_username": user.Username, "email": user.Username,
	})
}
