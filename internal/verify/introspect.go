package verify

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

const introspectionPath = "/oauth2/introspect"

// answerIntrospection answers a service that asks about a token (RFC 7662).
// Beyond that, it may ask whether the token is good for an organization and for
// scopes, so that it need not know which scope includes which.
func (f *Front) answerIntrospection(w http.ResponseWriter, r *http.Request, s *scratch) Outcome {
	form, fault := readForm(r, s)
	if fault != nil {
		return f.fault(w, fault)
	}
	client, fault := f.clientOf(r, form, s)
	if fault != nil {
		return f.fault(w, fault)
	}
	if fault := form.check(); fault != nil {
		return f.fault(w, fault)
	}
	outcome, active, err := f.introspect(r.Context(), form, client, s)
	if err != nil {
		f.complain(r, err)
		return f.fault(w, unavailableNow)
	}
	s.buffer = s.buffer[:0]
	if active {
		s.buffer = appendActive(s.buffer, &s.found, form.asks(), outcome == Accepted)
	} else {
		s.buffer = append(s.buffer, `{"active":false}`...)
	}
	sendJSON(w, http.StatusOK, s.buffer)
	return outcome
}

// anywhere is the demand for no organization in particular.
var anywhere = []pat.Organization{{}}

// introspect judges the token of form for client, and leaves in s.found what
// there is to say of one that is active. It is active to a client that is bound
// to organizations where it is good in one of them.
func (f *Front) introspect(ctx context.Context, form *form, client Client, s *scratch) (o Outcome, active bool, err error) {
	places := client.organizations
	if len(places) == 0 {
		places = anywhere
	}
	o = BadRequest
	if f.asker.askByForm(form, &s.question) && client.mayAsk(s.question.demand.Organization.ID) {
		wanted := places
		if form.organization.came {
			wanted = []pat.Organization{s.question.demand.Organization}
		}
		verdict, err := f.judgeIn(ctx, form, wanted, s.question.demand.Scopes, s)
		switch {
		case err != nil:
			return Unavailable, false, err
		case verdict == pat.Good:
			f.Verifier.Used(&s.found, Use{Scope: s.question.scope})
			return Accepted, true, nil
		case verdict == pat.MissingScope:
			return RefusedScope, true, nil
		case verdict == pat.Dead:
			return Refused, false, nil
		}
		o = RefusedOrganization
	}
	verdict, err := f.judgeIn(ctx, form, places, pat.ScopeSet{}, s)
	switch {
	case err != nil:
		return Unavailable, false, err
	case verdict != pat.Good:
		return Refused, false, nil
	}
	return o, true, nil
}

// judgeIn judges the token of form in the first of some organizations where it
// is good.
func (f *Front) judgeIn(ctx context.Context, form *form, places []pat.Organization, scopes pat.ScopeSet, s *scratch) (verdict pat.Verdict, err error) {
	for i := range places {
		s.question.demand = pat.Demand{Organization: places[i], Scopes: scopes}
		verdict, err = f.Verifier.Verify(ctx, form.token.value, &s.question.demand, &s.found)
		if err != nil || verdict != pat.WrongOrganization {
			return verdict, err
		}
	}
	return verdict, nil
}

// askByForm reads the question of a form, and reports false for an organization
// or a scope that is not known here.
func (a asker) askByForm(form *form, q *question) bool {
	*q = question{scope: -1}
	if form.organization.came && !a.demandOrganization(form.organization.value, q) {
		return false
	}
	return !form.scope.came || a.demandScopes(form.scope.value, q)
}

// appendActive appends what is said of an active token: an [api.Introspection].
func appendActive(b []byte, found *Found, asked, allowed bool) []byte {
	claim := &found.Claim
	b = append(b, `{"active":true`...)
	if asked {
		b = append(b, `,"allowed":`...)
		b = strconv.AppendBool(b, allowed)
	}
	b = append(b, `,"scope":`...)
	b = appendText(b, found.Scope)
	if len(found.OwnerName) > 0 {
		b = append(b, `,"username":`...)
		b = appendText(b, found.OwnerName)
	}
	b = append(b, `,"token_type":"`+api.TokenTypeBearer+`","exp":`...)
	b = strconv.AppendInt(b, claim.ValidTo/1e6, 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, claim.ValidFrom/1e6, 10)
	b = append(b, `,"sub":"`...)
	b, _ = claim.Owner.AppendText(b)
	b = append(b, `","jti":"`...)
	b, _ = claim.ID.AppendText(b)
	b = append(b, `","organization":"`...)
	b = append(b, found.At.Name...) // letters, digits and hyphens
	b = append(b, `","tenant":"`...)
	b, _ = claim.Tenant.AppendText(b)
	return append(b, `"}`...)
}

// appendText appends text as JSON.
func appendText(b, text []byte) []byte {
	if slices.ContainsFunc(text, func(c byte) bool {
		return c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&'
	}) {
		encoded, _ := json.Marshal(string(text)) // a string always encodes
		return append(b, encoded...)
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// oauthFault is an answer other than 200.
type oauthFault struct {
	status int
	api.OAuthError
}

func invalidRequest(status int, description string) *oauthFault {
	return &oauthFault{status, api.OAuthError{Error: "invalid_request", Description: description}}
}

var (
	invalidClient = &oauthFault{http.StatusUnauthorized, api.OAuthError{
		Error: "invalid_client", Description: "an id and secret of a client of this service are needed, by Basic or as client_id and client_secret",
	}}
	unavailableNow = &oauthFault{http.StatusServiceUnavailable, api.OAuthError{
		Error: "temporarily_unavailable", Description: "it cannot be known now whether the token is active: try again in a moment",
	}}
)

// fault answers with an error.
func (f *Front) fault(w http.ResponseWriter, fault *oauthFault) Outcome {
	outcome := BadRequest
	switch fault.status {
	case http.StatusUnauthorized:
		w.Header()["Www-Authenticate"] = f.challenge
	case http.StatusMethodNotAllowed:
		w.Header()["Allow"] = onlyPost
	case http.StatusServiceUnavailable:
		w.Header()["Retry-After"] = soon
		outcome = Unavailable
	}
	body, _ := json.Marshal(fault.OAuthError) // strings always encode
	sendJSON(w, fault.status, body)
	return outcome
}

func sendJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Cache-Control"], h["Content-Type"] = noStore, inJSON
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone
}
