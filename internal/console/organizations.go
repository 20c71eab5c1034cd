package console

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// maxOrganizations bounds how many organizations a session keeps the names of.
// A person of more finds the others by their addresses.
const maxOrganizations = 500

// organizationsOf are the organizations that the person of an access token may
// choose from: those that the API lists, or the configured ones.
func (c *Console) organizationsOf(ctx context.Context, token func(context.Context) (string, error)) ([]string, error) {
	listed, err := c.api("", token).Organizations(ctx)
	if client.KindOf(err) == client.KindUnsupported {
		return c.Organizations, nil
	}
	if err != nil {
		return nil, err
	}
	return namesOf(listed), nil
}

// namesOf are the names of the organizations that a session keeps.
func namesOf(listed []api.Organization) []string {
	var names []string
	for _, o := range listed {
		if isPathSegment(o.Name) && len(names) < maxOrganizations {
			names = append(names, o.Name)
		}
	}
	return names
}

// isPathSegment reports whether a name stays in its place in a path.
func isPathSegment(name string) bool {
	return strings.Trim(name, ".") != "" && name == url.PathEscape(name)
}

// organization is the one with that name, in any case, in which the person may
// look for tokens; "" for none. Where the session does not know all of them,
// the API has the last word.
func (k *knowledge) organization(name string) string {
	i := slices.IndexFunc(k.Organizations, func(known string) bool { return strings.EqualFold(known, name) })
	switch {
	case i >= 0:
		return k.Organizations[i]
	case len(k.Organizations) >= maxOrganizations && isPathSegment(name):
		return name
	}
	return ""
}
