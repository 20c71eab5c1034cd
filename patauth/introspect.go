package patauth

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds the body of an answer; Patrol's have a few hundred bytes.
const maxAnswer = 64 << 10

// answer is the answer of RFC 7662, section 2.2, with Patrol's extensions.
type answer struct {
	Active       *bool  `json:"active"`
	Scope        string `json:"scope"`
	Username     string `json:"username"`
	Expires      int64  `json:"exp"`
	Issued       int64  `json:"iat"`
	Subject      string `json:"sub"`
	ID           string `json:"jti"`
	Organization string `json:"organization"`
	Tenant       string `json:"tenant"`
	// Allowed is there where an organization or scopes were asked for.
	Allowed *bool `json:"allowed"`
}

// introspect asks once. It is asked anew for each request: a yes that is kept
// outlives the token.
func (a *Authenticator) introspect(ctx context.Context, pat string, scopes []string) (answer, *Error) {
	question := url.Values{"token": {pat}}
	if a.demanded {
		question.Set("organization", a.organization)
	}
	if len(scopes) > 0 {
		question.Set("scope", strings.Join(scopes, " "))
	}
	response, err := a.send(ctx, question)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := readAnswer(response)
	if err != nil {
		return answer{}, err
	}
	return decode(body, a.demanded || len(scopes) > 0)
}

// send posts the question as RFC 7662, section 2.1, has it.
func (a *Authenticator) send(ctx context.Context, question url.Values) (*http.Response, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.config.IntrospectionURL, strings.NewReader(question.Encode()))
	if err != nil {
		return nil, unavailable("the question cannot be asked")
	}
	a.authorize(req)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// Asking changes nothing, so the transport may ask again where a
	// connection that it kept has gone. Without values nothing is sent.
	req.Header["Idempotency-Key"] = nil
	response, err := a.client.Do(req)
	if err != nil {
		return nil, noAnswer(err)
	}
	return response, nil
}

// readAnswer is the body of a success in JSON.
func readAnswer(response *http.Response) ([]byte, *Error) {
	if response.StatusCode != http.StatusOK {
		return nil, unexpectedStatus(response)
	}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, unavailable("the answer is not JSON; check that IntrospectionURL is Patrol's")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, noAnswer(err)
	case len(body) > maxAnswer:
		return nil, unavailable("the answer is too long; check that IntrospectionURL is Patrol's")
	}
	return body, nil
}

// decode reads an answer, and takes none for a yes that leaves out what
// Patrol's never do.
func decode(body []byte, demanded bool) (answer, *Error) {
	var a answer
	// The cause stays out: it may quote what was sent.
	if err := json.Unmarshal(body, &a); err != nil || a.Active == nil {
		return answer{}, unavailable("the answer is not one of RFC 7662; check that IntrospectionURL is Patrol's")
	}
	if !*a.Active {
		return a, nil
	}
	if demanded && a.Allowed == nil {
		return answer{}, unavailable(`the answer lacks "allowed", so organization and scopes were not judged; check that IntrospectionURL is Patrol's`)
	}
	if a.Subject == "" || a.ID == "" {
		return answer{}, unavailable("the answer does not say whose token it is; check that IntrospectionURL is Patrol's")
	}
	return a, nil
}

func (a answer) identity() Identity {
	return Identity{
		Subject: a.Subject, Username: a.Username, Organization: a.Organization, Tenant: a.Tenant,
		Scopes: strings.Fields(a.Scope), AuthorizationID: a.ID,
		Issued: moment(a.Issued), Expires: moment(a.Expires),
	}
}

func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
