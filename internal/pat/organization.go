package pat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Organization is where tokens are created and used.
type Organization struct {
	ID     UUID
	Name   string
	Tenant UUID
	// Members are the object ids of users and groups that belong to it;
	// none means every user of the tenant.
	Members []string
}

// Has reports whether a belongs to o.
func (o Organization) Has(a Actor) bool {
	return o.Tenant == a.Tenant && (len(o.Members) == 0 || a.listed(o.Members))
}

// Directory finds organizations by name, in any case, or by id. It does not
// change once made.
type Directory struct {
	byKey map[string]Organization
	byID  map[UUID]Organization
}

// NewDirectory makes a directory. An error names the first organization whose
// name or id is missing, malformed or used twice.
func NewDirectory(organizations []Organization) (*Directory, error) {
	d := &Directory{byKey: make(map[string]Organization, 2*len(organizations)), byID: make(map[UUID]Organization, len(organizations))}
	for _, o := range organizations {
		if !isOrganizationName(o.Name) {
			return nil, fmt.Errorf("organization %q: a name is 1 to 50 letters, digits and hyphens, starts with a letter or digit, and is not \"verify\"", o.Name)
		}
		if o.ID.IsZero() {
			return nil, fmt.Errorf("organization %q: it has no id", o.Name)
		}
		for _, key := range []string{strings.ToLower(o.Name), o.ID.String()} {
			if other, taken := d.byKey[key]; taken {
				return nil, fmt.Errorf("organization %q: %s is taken by %q", o.Name, key, other.Name)
			}
			d.byKey[key] = o
		}
		d.byID[o.ID] = o
	}
	return d, nil
}

// isOrganizationName keeps names apart from ids and from reserved paths: what is
// below /verify is a question about a token that somebody presents.
func isOrganizationName(name string) bool {
	if _, err := ParseUUID(name); err == nil || name == "" || len(name) > 50 || name[0] == '-' || strings.EqualFold(name, "verify") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && (r > 127 || base62Digit(byte(r)) < 0)
	})
}

// Organization is the one with that name or id.
func (d *Directory) Organization(nameOrID string) (Organization, bool) {
	o, ok := d.byKey[strings.ToLower(nameOrID)]
	return o, ok
}

// ByID is the one with that id. It allocates nothing.
func (d *Directory) ByID(id UUID) (Organization, bool) {
	o, ok := d.byID[id]
	return o, ok
}

// Of are the organizations where a can have tokens, by name in any case. It
// refuses whom [Service.List] refuses.
func (d *Directory) Of(a Actor) ([]Organization, error) {
	if err := a.may(ReadTokens); err != nil {
		return nil, err
	}
	var own []Organization
	for _, o := range d.byID {
		if o.Has(a) {
			own = append(own, o)
		}
	}
	slices.SortFunc(own, func(one, other Organization) int {
		return cmp.Compare(strings.ToLower(one.Name), strings.ToLower(other.Name))
	})
	return own, nil
}

// Neighbours are the other organizations of o's tenant, in no order.
func (d *Directory) Neighbours(o Organization) []Organization {
	var others []Organization
	for _, other := range d.byID {
		if other.Tenant == o.Tenant && other.ID != o.ID {
			others = append(others, other)
		}
	}
	return others
}

// Len is the number of organizations.
func (d *Directory) Len() int { return len(d.byID) }
