package pat

import (
	"fmt"
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
	// Name is lower case: letters, digits, '.', '_' and '-'.
	Name string
	// Includes are the names of the scopes that it grants besides itself.
	Includes []string
}

// Catalogue is the set of scopes that tokens can have, with what each
// includes. It does not change once made.
type Catalogue struct {
	// grants holds, for each name, every name that it includes, itself and
	// what follows transitively.
	grants map[string]map[string]bool
}

// NewCatalogue checks definitions and works out what each scope includes. An
// error names every definition at fault: a malformed or repeated name, or an
// inclusion of a scope that is not defined. [FullScope] always exists.
func NewCatalogue(definitions []ScopeDefinition) (*Catalogue, error) {
	includes := map[string][]string{string(FullScope): nil}
	var faults []string
	for _, d := range definitions {
		if !isScopeName(d.Name) {
			faults = append(faults, fmt.Sprintf("scope %q: a name is made of a-z, 0-9, '.', '_' and '-'", d.Name))
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
	if len(faults) > 0 {
		return nil, fmt.Errorf("scope catalogue: %s", strings.Join(faults, "; "))
	}
	c := &Catalogue{grants: make(map[string]map[string]bool, len(includes))}
	for name := range includes {
		c.grants[name] = map[string]bool{}
		collect(name, includes, c.grants[name])
	}
	return c, nil
}

// collect adds name and all that it includes to reached; cycles end there.
func collect(name string, includes map[string][]string, reached map[string]bool) {
	if reached[name] {
		return
	}
	reached[name] = true
	for _, included := range includes[name] {
		collect(included, includes, reached)
	}
}

func isScopeName(name string) bool {
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool {
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
		if c.grants[name] == nil {
			return "", refuse(CodeInvalidScope, fmt.Sprintf("unknown scope %.100q: see the list of scopes for the right name", name))
		}
	}
	if len(names) > 1 && slices.Contains(names, string(FullScope)) {
		return "", refuse(CodeInvalidScope, "app_token is full access already: ask for it alone, or only for the others")
	}
	return Scope(strings.Join(names, " ")), nil
}

// Grants reports whether a token that holds scope may do what needs wanted:
// it holds wanted itself, a scope that includes it, or full access.
func (c *Catalogue) Grants(held Scope, wanted string) bool {
	if c.grants[wanted] == nil {
		return false
	}
	if held == FullScope {
		return true
	}
	for name := range strings.FieldsSeq(string(held)) {
		if c.grants[name][wanted] {
			return true
		}
	}
	return false
}
