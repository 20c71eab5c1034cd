package server

import (
	"net/http"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// The ids by which the Azure DevOps SDKs find resources.
const (
	tokensID         = "55967393-20ef-45c6-a96c-b5d5d5986a9a"
	resourceAreasID  = "e81700f7-3be2-46de-8624-2eb35882fcaa"
	connectionDataID = "00d9565f-ed9c-4a06-9a50-00e7896ccab4"
)

// getResourceAreas tells SDKs on which host each area is served: here.
func (s *Server) getResourceAreas(c *call) error {
	return c.reply(http.StatusOK, api.Collect([]api.ResourceArea{s.tokensArea(c)}))
}

func (s *Server) getTokensArea(c *call) error {
	return c.reply(http.StatusOK, s.tokensArea(c))
}

func (s *Server) tokensArea(c *call) api.ResourceArea {
	return api.ResourceArea{ID: tokensID, Name: "tokens", LocationURL: s.PublicURL + "/" + c.caller.Organization.Name + "/"}
}

// locateAll tells SDKs where every resource is.
func (s *Server) locateAll(c *call) error { return s.locate(c, "") }

// locateArea is locateAll for one area.
func (s *Server) locateArea(area string) func(*call) error {
	return func(c *call) error { return s.locate(c, area) }
}

func (s *Server) locate(c *call, area string) error {
	var found []api.ResourceLocation
	for _, rt := range s.listed {
		if rt.id != "" && (area == "" || strings.EqualFold(area, rt.area)) {
			found = append(found, rt.location())
		}
	}
	return c.reply(http.StatusOK, api.Collect(found))
}

// getConnectionData tells a client who it is.
func (s *Server) getConnectionData(c *call) error {
	who := c.caller
	identity := api.Identity{
		ID: who.ID.String(), Descriptor: who.Descriptor(), SubjectDescriptor: who.Descriptor(),
		ProviderDisplayName: who.Name, IsActive: true,
		Properties: map[string]api.Property{"Account": {Type: "System.String", Value: who.Username}},
	}
	organization := who.Organization.ID.String()
	return c.reply(http.StatusOK, api.ConnectionData{
		AuthenticatedUser: identity, AuthorizedUser: identity,
		InstanceID: organization, DeploymentID: organization, DeploymentType: "hosted",
	})
}

// getScopes lists the catalogue.
func (s *Server) getScopes(c *call) error {
	return c.reply(http.StatusOK, api.Collect(s.Scopes))
}

// getSignIn tells a client how to sign in before it can.
func (s *Server) getSignIn(c *call) error {
	return c.reply(http.StatusOK, s.SignIn)
}
