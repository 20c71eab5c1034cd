package pat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scope is what a token may be used for: names from a [Catalogue], lower
// case, each once, sorted, separated by one space.
type Scope string

// FullScope is access to everything that the owner may do.
const FullScope Scope = "app_token"

// Names are the scope's parts.
func (s Scope) Names() []string { return strings.Fields(string(s)) }

// maxScopeLength bounds what a request may send: more than the whole Azure
// DevOps table, in bytes.
const maxScopeLength = 8192

// ScopeDefinition is one entry of a catalogue.
type ScopeDefinition struct {
	// Name is lower case: letters, digits, '.', '_' and '-', which is not the
	// first: alone it asks for no scope at all.
	Name string
	// Includes are the names of the scopes that it grants besides itself.
	Includes []string
}

// Catalogue is the set of scopes that tokens can have, with what each
// includes. It does not change once made.
type Catalogue struct {
	// names are in order, indexes are their places in every [ScopeSet].
	names   []string
	indexes map[string]int
	// grants are, for each name, every name that it includes, itself and what
	// follows transitively.
	grants map[string]ScopeSet
}

// NewCatalogue checks definitions and works out what each scope includes. An
// error names every definition at fault: a malformed or repeated name, or an
// inclusion of a scope that is not defined. [FullScope] always exists.
func NewCatalogue(definitions []ScopeDefinition) (*Catalogue, error) {
	includes := map[string][]string{string(FullScope): nil}
	var faults []string
	for _, d := range definitions {
		if !isScopeName(d.Name) {
			faults = append(faults, fmt.Sprintf("scope %q: a name is made of a-z, 0-9, '.', '_' and '-', and does not start with '-'", d.Name))
		}
		if _, twice := includes[d.Name]; twice {
			faults = append(faults, fmt.Sprintf("scope %q is defined twice", d.Name))
		}
		includes[d.Name] = d.Includes
	}
	for _, d := range definitions {
		for _, included := range d.Includes {
			if _, ok := includes[included]; !ok || included == string(FullScope) {
				faults = append(faults, fmt.Sprintf("scope %q includes %q, which is not defined", d.Name, included))
			}
		}
	}
	if len(includes) > maxScopes {
		faults = append(faults, fmt.Sprintf("%d scopes are more than %d", len(includes), maxScopes))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("scope catalogue: %s", strings.Join(faults, "; "))
	}
	c := &Catalogue{names: slices.Sorted(maps.Keys(includes)), indexes: map[string]int{}, grants: map[string]ScopeSet{}}
	for i, name := range c.names {
		c.indexes[name] = i
	}
	for _, name := range c.names {
		c.grants[name] = c.collect(ScopeSet{}, name, includes)
	}
	c.grants[string(FullScope)] = ScopeSet{}.upTo(len(c.names))
	return c, nil
}

// collect is reached with name and all that it includes; cycles end there.
func (c *Catalogue) collect(reached ScopeSet, name string, includes map[string][]string) ScopeSet {
	own := ScopeSet{}.With(c.indexes[name])
	if reached.Contains(own) {
		return reached
	}
	reached = reached.union(own)
	for _, included := range includes[name] {
		reached = c.collect(reached, included, includes)
	}
	return reached
}

func isScopeName(name string) bool {
	return name != "" && len(name) <= 100 && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
	})
}

// Parse reads a list of scope names as a caller wrote it: any case, any order,
// any white space, repetitions allowed. It refuses, with CodeInvalidScope,
// what is empty or unknown, and FullScope beside others.
func (c *Catalogue) Parse(text string) (Scope, error) {
	if len(text) > maxScopeLength {
		return "", refuse(CodeInvalidScope, "the scope is too long: name each scope once")
	}
	names := strings.Fields(strings.ToLower(text))
	if len(names) == 0 {
		return "", refuse(CodeInvalidScope, "a token needs at least one scope: name what it is for, such as vso.code")
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		if _, ok := c.indexes[name]; !ok {
			return "", refuse(CodeInvalidScope, fmt.Sprintf("unknown scope %.100q: see the list of scopes for the right name", name))
		}
	}
	if len(names) > 1 && slices.Contains(names, string(FullScope)) {
		return "", refuse(CodeInvalidScope, "app_token is full access already: ask for it alone, or only for the others")
	}
	return Scope(strings.Join(names, " ")), nil
}

// Granted is everything that held grants: its names, all that they include,
// and the whole catalogue for [FullScope]. Names that the catalogue no longer
// has grant nothing.
func (c *Catalogue) Granted(held Scope) (granted ScopeSet) {
	for name := range strings.FieldsSeq(string(held)) {
		granted = granted.union(c.grants[name])
	}
	return granted
}

// Grants reports whether a token that holds scope may do what needs wanted:
// it holds wanted itself, a scope that includes it, or full access.
func (c *Catalogue) Grants(held Scope, wanted string) bool {
	index, ok := c.Index(wanted)
	return ok && c.Granted(held).Contains(ScopeSet{}.With(index))
}

// Index is the place of a scope in every [ScopeSet] of this catalogue; ok is
// false for a name that it does not have. Names are in lower case.
func (c *Catalogue) Index(name string) (index int, ok bool) {
	index, ok = c.indexes[name]
	return index, ok
}

// Name is the scope with that index, "" where there is none.
func (c *Catalogue) Name(index int) string {
	if index < 0 || index >= len(c.names) {
		return ""
	}
	return c.names[index]
}
