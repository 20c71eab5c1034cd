package server

import (
	_ "embed"
	"net/http"
)

// getHealth says that the process lives.
func (s *Server) getHealth(c *call) error {
	c.send(http.StatusOK, plainText, []byte("ok\n"))
	return nil
}

// getReadiness says whether requests can be served now. Why not is nobody's
// business.
func (s *Server) getReadiness(c *call) error {
	if err := s.Ready(c.Context()); err != nil {
		c.send(http.StatusServiceUnavailable, plainText, []byte("not ready\n"))
		return nil
	}
	c.send(http.StatusOK, plainText, []byte("ready\n"))
	return nil
}

const plainText = "text/plain; charset=utf-8"

//go:embed openapi.yaml
var openAPI []byte

// getOpenAPI serves the description of this API.
func (s *Server) getOpenAPI(c *call) error {
	c.send(http.StatusOK, "application/yaml", openAPI)
	return nil
}
