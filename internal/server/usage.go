package server

import (
	"net/http"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// getUsage tells of the tokens of a page what the contract has no place for:
// their states, and when they were last used.
func (s *Server) getUsage(c *call) error {
	ids, err := c.query.authorizationIDs()
	if err != nil {
		return err
	}
	found, err := s.Service.Usage(c.Context(), c.caller, ids)
	if err != nil {
		return err
	}
	usages := make([]api.TokenUsage, len(found))
	for i, u := range found {
		usages[i] = api.TokenUsage{
			AuthorizationID: u.Token.String(), State: api.TokenState(u.State.String()),
			Address: u.Address, Client: u.Agent, Scope: u.Scope,
		}
		if !u.At.IsZero() {
			usages[i].LastUsed = &api.Time{Time: u.At}
		}
	}
	return c.reply(http.StatusOK, api.Collect(usages))
}

// authorizationIDs are the ids that the query names, separated by commas: one
// at least.
func (q query) authorizationIDs() ([]pat.UUID, error) {
	value, err := q.one("authorizationIds")
	if err != nil {
		return nil, err
	}
	var ids []pat.UUID
	for text := range strings.SplitSeq(value, ",") {
		id, err := authorizationID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
