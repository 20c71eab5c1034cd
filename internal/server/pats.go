package server

import (
	"net/http"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// getOrListPats is List, or Get where the query names an authorizationId,
// whatever else it says.
func (s *Server) getOrListPats(c *call) error {
	if c.query.has("authorizationId") {
		return s.getPat(c)
	}
	return s.listPats(c)
}

func (s *Server) getPat(c *call) error {
	id, err := c.query.authorizationID()
	if err != nil {
		return err
	}
	t, err := s.Service.Get(c.Context(), c.caller, id)
	if err != nil {
		return err
	}
	return c.replyResult(new(wireToken(t)), nil)
}

func (s *Server) listPats(c *call) error {
	selection, err := s.selection(c.caller, c.query)
	if err != nil {
		return err
	}
	tokens, at, next, err := s.Service.List(c.Context(), c.caller, selection)
	if err != nil {
		return err
	}
	page := api.PagedPatTokens{PatTokens: make([]api.PatToken, len(tokens))}
	for i, t := range tokens {
		page.PatTokens[i] = wireToken(t)
	}
	if next != nil {
		selection.At, selection.After = at, next
		page.ContinuationToken = s.continuationToken(c.caller, selection)
	}
	return c.reply(http.StatusOK, page)
}

// selection is what the query parameters of List ask for.
func (s *Server) selection(caller pat.Caller, q query) (selection pat.Query, err error) {
	if selection.Filter, err = oneOf(q, "displayFilterOption", filters); err != nil {
		return selection, err
	}
	if selection.Sort, err = oneOf(q, "sortByOption", sorts); err != nil {
		return selection, err
	}
	if selection.Ascending, err = q.boolean("isSortAscending"); err != nil {
		return selection, err
	}
	if selection.Limit, err = q.integer("$top", pat.MaxPage); err != nil {
		return selection, err
	}
	token, err := q.one("continuationToken")
	if err != nil || token == "" {
		return selection, err
	}
	return s.resume(caller, selection, token)
}

// filters and sorts are the wire's names; the first of each is the default.
var filters = []choice[pat.Filter]{
	{string(api.FilterActive), pat.FilterActive},
	{string(api.FilterRevoked), pat.FilterRevoked},
	{string(api.FilterExpired), pat.FilterExpired},
	{string(api.FilterAll), pat.FilterAll},
}

var sorts = []choice[pat.Sort]{
	{string(api.SortDisplayDate), pat.SortCreated},
	{string(api.SortDisplayName), pat.SortName},
	{string(api.SortStatus), pat.SortState},
}

func (s *Server) createPat(c *call) error {
	var body createBody
	if err := c.decode(&body); err != nil {
		return err
	}
	asked := pat.Creation{
		DisplayName: orZero(body.DisplayName), Scope: orZero(body.Scope), AllOrgs: bool(orZero(body.AllOrgs)),
	}
	var err error
	if asked.ValidTo, err = moment(body.ValidTo); err != nil {
		return err
	}
	t, secret, err := s.Service.Create(c.Context(), c.caller, asked)
	if err != nil {
		return err
	}
	created := wireToken(t)
	created.Token = new(secret.Reveal())
	return c.replyResult(&created, nil)
}

func (s *Server) updatePat(c *call) error {
	var body updateBody
	if err := c.decode(&body); err != nil {
		return err
	}
	id, err := authorizationID(orZero(body.AuthorizationID))
	if err != nil {
		return err
	}
	asked := pat.Change{DisplayName: body.DisplayName, Scope: body.Scope, AllOrgs: (*bool)(body.AllOrgs)}
	if asked.ValidTo, err = moment(body.ValidTo); err != nil {
		return err
	}
	t, err := s.Service.Update(c.Context(), c.caller, id, asked)
	if err != nil {
		return err
	}
	return c.replyResult(new(wireToken(t)), nil)
}

func (s *Server) revokePat(c *call) error {
	id, err := c.query.authorizationID()
	if err != nil {
		return err
	}
	if err := s.Service.Revoke(c.Context(), c.caller, id); err != nil {
		return err
	}
	c.send(http.StatusNoContent, "", nil)
	return nil
}

func orZero[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// moment reads a validTo as sent; empty means absent.
func moment(text *string) (*time.Time, error) {
	if orZero(text) == "" {
		return nil, nil
	}
	t, err := parseDate(*text)
	if err != nil {
		return nil, err
	}
	return &t, nil
}
