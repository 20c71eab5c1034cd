package server

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// query reads query parameters by name in any case. One that is given twice
// is refused: which of the two counts would be anyone's guess.
type query struct{ url.Values }

// parseQuery refuses what is not wholly a query: dropping a part could turn
// one request into another.
func parseQuery(raw string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return query{}, badRequest("VssPropertyValidationException", "The query of the URL is malformed: percent-encode its values.")
	}
	return query{values}, nil
}

func (q query) has(name string) bool {
	for key := range q.Values {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// one is the value of a parameter, "" where it is absent.
func (q query) one(name string) (string, error) {
	var found []string
	for key, values := range q.Values {
		if strings.EqualFold(key, name) {
			found = append(found, values...)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", badRequest("VssPropertyValidationException", "The parameter %s came more than once: send it once.", name)
}

func (q query) boolean(name string) (bool, error) {
	value, err := q.one(name)
	if err != nil || value == "" {
		return false, err
	}
	if strings.EqualFold(value, "true") || strings.EqualFold(value, "false") {
		return strings.EqualFold(value, "true"), nil
	}
	return false, badRequest("VssPropertyValidationException", "The value '%s' is not valid for %s: use true or false.", printable(value), name)
}

func (q query) integer(name string, absent int) (int, error) {
	value, err := q.one(name)
	if err != nil || value == "" {
		return absent, err
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		return 0, badRequest("VssPropertyValidationException", "The value '%s' is not valid for %s: use a whole number.", printable(value), name)
	}
	return int(n), nil
}

// choice is a name on the wire and what it means.
type choice[T any] struct {
	name  string
	means T
}

// oneOf is the choice that a parameter names, the first where it is absent.
func oneOf[T any](q query, name string, choices []choice[T]) (T, error) {
	value, err := q.one(name)
	if err != nil || value == "" {
		return choices[0].means, err
	}
	var names []string
	for _, c := range choices {
		if strings.EqualFold(value, c.name) {
			return c.means, nil
		}
		names = append(names, c.name)
	}
	return choices[0].means, badRequest("VssPropertyValidationException",
		"The value '%s' is not valid for %s: use one of %s.", printable(value), name, strings.Join(names, ", "))
}

// authorizationID is the id that the query names.
func (q query) authorizationID() (pat.UUID, error) {
	value, err := q.one("authorizationId")
	if err != nil {
		return pat.UUID{}, err
	}
	return authorizationID(value)
}

func authorizationID(text string) (pat.UUID, error) {
	id, err := pat.ParseUUID(strings.TrimSpace(text))
	if err != nil {
		return pat.UUID{}, &pat.Error{
			Code:    pat.CodeInvalidAuthorizationID,
			Message: "the authorizationId is missing or is not a UUID: list your tokens to find it",
		}
	}
	return id, nil
}
