package console

import (
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// fullScope is everything that its owner may do. No other scope goes with it.
const fullScope = "app_token"

// scopePicker is the choice of scopes: full access, or some by area.
type scopePicker struct {
	// Full is full access, nil where the service has no such scope.
	Full *scopeChoice
	// Areas are the other scopes, in the order of the service.
	Areas []scopeArea
}

// scopeArea are the scopes of an area.
type scopeArea struct {
	Name   string
	Scopes []scopeChoice
}

// Chosen reports whether a scope of the area is chosen.
func (a scopeArea) Chosen() bool {
	return slices.ContainsFunc(a.Scopes, func(scope scopeChoice) bool { return scope.Chosen })
}

// scopeChoice is a scope to choose.
type scopeChoice struct {
	Name, Covers string
	// Includes are the scopes that it includes, directly or through another.
	Includes     []string
	High, Chosen bool
}

// Chosen are the names of the chosen scopes.
func (p scopePicker) Chosen() []string {
	if p.Full != nil && p.Full.Chosen {
		return []string{fullScope}
	}
	var names []string
	for _, area := range p.Areas {
		for _, scope := range area.Scopes {
			if scope.Chosen {
				names = append(names, scope.Name)
			}
		}
	}
	return names
}

// text is the choice as the API takes it.
func (p scopePicker) text() string { return strings.Join(p.Chosen(), " ") }

// newScopePicker offers the scopes of a service.
func newScopePicker(catalogue []api.Scope) scopePicker {
	includes := map[string][]string{}
	for _, s := range catalogue {
		includes[s.Name] = s.Includes
	}
	var p scopePicker
	places := map[string]int{}
	for _, s := range catalogue {
		choice := scopeChoice{Name: s.Name, Covers: s.Covers, Includes: included(includes, s.Name), High: s.HighPrivilege}
		if s.Name == fullScope {
			p.Full = &choice
			continue
		}
		i, known := places[s.Area]
		if !known {
			i = len(p.Areas)
			places[s.Area] = i
			p.Areas = append(p.Areas, scopeArea{Name: s.Area})
		}
		p.Areas[i].Scopes = append(p.Areas[i].Scopes, choice)
	}
	return p
}

// included are all that a scope includes, the nearest first.
func included(includes map[string][]string, name string) []string {
	reached := []string{name}
	for i := 0; i < len(reached); i++ {
		for _, next := range includes[reached[i]] {
			if !slices.Contains(reached, next) {
				reached = append(reached, next)
			}
		}
	}
	return reached[1:]
}

// choose chooses the scopes of these names and no others. Those that the
// service does not name are offered too, so that nothing is lost unseen: the
// service says what it thinks of them.
func (p *scopePicker) choose(names []string) {
	p.Areas = slices.DeleteFunc(p.Areas, func(area scopeArea) bool { return area.Name == otherScopes })
	unknown := map[string]bool{}
	for _, name := range names {
		unknown[name] = true
	}
	if p.Full != nil {
		p.Full.Chosen = unknown[fullScope]
		delete(unknown, fullScope)
	}
	for _, area := range p.Areas {
		for i := range area.Scopes {
			scope := &area.Scopes[i]
			scope.Chosen = unknown[scope.Name]
			delete(unknown, scope.Name)
		}
	}
	other := scopeArea{Name: otherScopes}
	for _, name := range names {
		if unknown[name] {
			other.Scopes = append(other.Scopes, scopeChoice{Name: name, Covers: "This service does not list it", Chosen: true})
			delete(unknown, name)
		}
	}
	if other.Scopes != nil {
		p.Areas = append(p.Areas, other)
	}
}

// otherScopes is the area of scopes that the service does not name.
const otherScopes = "Other scopes"

// chosenScopes are the scopes that were sent: each in a field of its own, or
// several with spaces between them, as links have them.
func chosenScopes(sent url.Values) []string {
	if sent.Get(fieldAccess) == "full" {
		return []string{fullScope}
	}
	names := strings.Fields(strings.Join(sent[fieldScope], " "))
	if sent.Has(fieldAccess) {
		return slices.DeleteFunc(names, func(name string) bool { return name == fullScope })
	}
	return names
}

// scopeNames are the scopes of a token as the API tells them.
func scopeNames(scope string) []string { return strings.Fields(scope) }
