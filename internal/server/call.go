package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/patrolhq/patrol/internal/pat"
)

// call is one request on its way through the server, with what has been
// learnt of it so far.
type call struct {
	*http.Request
	w        http.ResponseWriter
	server   *Server
	activity pat.UUID
	started  time.Time

	query   query
	route   *route
	caller  pat.Caller
	version version
	// status is that of the answer, 0 before it is sent.
	status int
}

// setCommonHeaders sets what every answer carries.
func (c *call) setCommonHeaders() {
	h := c.w.Header()
	h.Set("ActivityId", c.activity.String())
	h.Set("X-VSS-E2EID", c.activity.String())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	if session := c.Header.Get("X-TFS-Session"); session != "" {
		if id, err := pat.ParseUUID(session); err == nil {
			h.Set("X-TFS-Session", id.String())
		}
	}
}

// identify finds the organization and the caller, as far as the route asks.
func (c *call) identify(organization string) error {
	if organization != "" {
		o, ok := c.server.Organizations.Organization(organization)
		if !ok {
			return &problem{
				status: http.StatusNotFound, typeKey: "HostDoesNotExistException",
				message: fmt.Sprintf("TF400898: The organization %q does not exist here: check its name in the URL.", printable(organization)),
			}
		}
		c.caller.Organization = o
	}
	if c.route.anonymous {
		return nil
	}
	accessToken, err := bearer(c.Header)
	if err != nil {
		return err
	}
	actor, err := c.server.Auth.Authenticate(c.Context(), accessToken)
	if err != nil {
		return fmt.Errorf("authenticating: %w", err)
	}
	c.caller.Actor = actor
	c.caller.Origin = pat.Origin{Activity: c.activity, Address: c.clientAddress(), UserAgent: printable(c.UserAgent())}
	if !c.route.global && !c.belongs() {
		return &problem{
			status: http.StatusForbidden, typeKey: "InvalidAccessException",
			message: fmt.Sprintf("You are not a member of the organization %q: ask its administrator to add you.", c.caller.Organization.Name),
		}
	}
	c.w.Header().Set("X-VSS-UserData", actor.ID.String()+":"+headerText(actor.Username))
	return nil
}

// belongs reports whether the caller may be in the organization at all: a user
// as its member, an application as one of its tenant. What an application may
// do there is for the endpoint to say.
func (c *call) belongs() bool {
	if c.caller.Application {
		return c.caller.Tenant == c.caller.Organization.Tenant
	}
	return c.caller.Organization.Has(c.caller.Actor)
}

// reply sends body as JSON. Nothing is sent before all of it is encoded.
func (c *call) reply(status int, body any) error {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	contentType := "application/json; charset=utf-8"
	if c.version != (version{}) {
		contentType += "; api-version=" + c.version.String()
	}
	c.send(status, contentType, encoded.Bytes())
	return nil
}

// send writes the answer. An error in writing means that the client has gone.
func (c *call) send(status int, contentType string, body []byte) {
	h := c.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.status = status
	c.w.WriteHeader(status)
	if c.Method != http.MethodHead {
		c.w.Write(body)
	}
}

func (c *call) routeName() string {
	if c.route == nil {
		return ""
	}
	return c.route.name()
}

// printable is what a client sent, cut short and without control characters,
// for logs and messages.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// headerText is s as far as a header may carry it.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
