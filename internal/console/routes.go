package console

import "net/http"

// access is what a page asks of its visitor.
type access uint8

const (
	// anyone may see it.
	anyone access = iota
	// signedIn: others are sent to sign in first, and then back.
	signedIn
	// member: signed in, and a member of the organization in the path.
	member
)

// route is a page: where it is, who may see it, and what it does.
type route struct {
	method, path string
	access       access
	serve        func(*visit) error
}

// routes are all pages. To add one add a line here, a file for it, and a
// template.
func (c *Console) routes() []route {
	get, post := http.MethodGet, http.MethodPost
	return []route{
		{get, "/{$}", signedIn, (*visit).home},
		{get, "/{organization}/tokens", member, (*visit).listTokens},
		{post, "/{organization}/tokens/revoke", member, (*visit).revokeSeveral},
		{get, "/{organization}/tokens/new", member, (*visit).newToken},
		{post, "/{organization}/tokens/new", member, (*visit).createToken},
		{get, "/{organization}/tokens/{id}/created", member, (*visit).createdToken},
		{get, "/{organization}/sent/{once}", member, (*visit).showSent},

		{get, "/{organization}/tokens/{id}", member, (*visit).showToken},
		{get, "/{organization}/tokens/{id}/edit", member, (*visit).editToken},
		{post, "/{organization}/tokens/{id}/edit", member, (*visit).saveToken},
		{get, "/{organization}/tokens/{id}/regenerate", member, (*visit).askToRegenerate},
		{post, "/{organization}/tokens/{id}/regenerate", member, (*visit).regenerate},
		{get, "/{organization}/tokens/{id}/revoke", member, (*visit).askToRevoke},
		{post, "/{organization}/tokens/{id}/revoke", member, (*visit).revoke},

		{get, "/account", signedIn, (*visit).showAccount},
		{post, "/account/sessions/end", signedIn, (*visit).endSession},
		{post, "/account/sessions/end-others", signedIn, (*visit).endOtherSessions},
		{post, "/account/organizations", signedIn, (*visit).reloadOrganizations},

		{get, "/sign-in", anyone, (*visit).startSignIn},
		{get, c.RedirectPath, anyone, (*visit).finishSignIn},
		{post, "/sign-out", anyone, (*visit).signOut},
		{get, "/signed-out", anyone, (*visit).signedOut},

		{"", "/", anyone, (*visit).nothing},
	}
}

func (c *Console) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range c.routes() {
		pattern := rt.path
		if rt.method != "" {
			pattern = rt.method + " " + rt.path
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, rt) })
	}
	for name, asset := range c.assets.served {
		mux.Handle("GET "+name, asset)
	}
	return mux
}
