package server

import (
	"net/http"

	"github.com/patrolhq/patrol/api"
)

// getOrganizations tells in which organizations the caller can have tokens. It
// stands outside of them, where SDKs do not look resources up.
func (s *Server) getOrganizations(c *call) error {
	found, err := s.Organizations.Of(c.caller.Actor)
	if err != nil {
		return err
	}
	organizations := make([]api.Organization, len(found))
	for i, o := range found {
		organizations[i] = api.Organization{ID: o.ID.String(), Name: o.Name}
	}
	return c.reply(http.StatusOK, api.Collect(organizations))
}
