package verify

import (
	"net/url"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// Organizations finds an organization by name, in any case, or by id.
type Organizations interface {
	Organization(nameOrID string) (pat.Organization, bool)
}

// question is what a gateway asks of a token.
type question struct {
	demand pat.Demand
	// scope is the index of the first scope that is asked for, -1 for none.
	scope int
	// open says that the caller behind the gateway may have had a hand in it,
	// and named the organization.
	open bool
}

// asker reads questions.
type asker struct {
	organizations Organizations
	scopes        *pat.Catalogue
}

const forwardPath = "/verify"

// rawPath is a URL's path as it was sent. [url.URL.EscapedPath] would encode
// it anew where it has bytes that should have been escaped, and then a slash
// that was escaped is one that separates.
func rawPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// ask reads the question of a request for forwardPath or what lies under it. It
// reports false for a question that nobody can have meant.
func (a asker) ask(u *url.URL, q *question) bool {
	*q = question{scope: -1}
	rest := rawPath(u)[len(forwardPath):]
	if rest == "" {
		return a.askByQuery(u.RawQuery, q)
	}
	return a.askByPath(rest[1:], q)
}

// askByPath reads "organization/scope+scope", of which "-" asks for none. What
// follows, and the query, are the caller's and say nothing. Nothing is decoded
// before it is split, so that nothing the caller adds moves a boundary.
func (a asker) askByPath(path string, q *question) bool {
	organization, rest, ok := strings.Cut(path, "/")
	scopes, _, _ := strings.Cut(rest, "/")
	if !ok || organization == "" || scopes == "" {
		return false
	}
	if organization != "-" {
		if organization, err := url.PathUnescape(organization); err != nil || !a.demandOrganization(organization, q) {
			return false
		}
	}
	if scopes == "-" {
		return true
	}
	for name := range strings.SplitSeq(scopes, "+") {
		if name, err := url.PathUnescape(name); err != nil || !a.demandScope(name, q) {
			return false
		}
	}
	return true
}

// askByQuery reads "org", at most once, and "scope", any number of times, each
// one or several with spaces between; all are needed. Other parameters are
// ignored, since gateways append their caller's: whatever those are, they can
// only ask for more.
func (a asker) askByQuery(query string, q *question) bool {
	good := true
	ok := eachPair(query, func(name, value string) {
		switch name {
		case "org":
			good = good && !q.open && a.demandOrganization(value, q)
			q.open = true
		case "scope":
			good = good && a.demandScopes(value, q)
		}
	})
	return good && ok
}

// demandScopes asks for the scopes of a list with spaces between, at least one.
func (a asker) demandScopes(list string, q *question) bool {
	found := false
	for name := range strings.SplitSeq(list, " ") {
		if name == "" {
			continue
		}
		if !a.demandScope(name, q) {
			return false
		}
		found = true
	}
	return found
}

func (a asker) demandOrganization(nameOrID string, q *question) (ok bool) {
	q.demand.Organization, ok = a.organizations.Organization(nameOrID)
	return ok
}

func (a asker) demandScope(name string, q *question) bool {
	index, ok := a.scopes.Index(strings.ToLower(name))
	if !ok {
		return false
	}
	if q.scope < 0 {
		q.scope = index
	}
	q.demand.Scopes = q.demand.Scopes.With(index)
	return true
}
