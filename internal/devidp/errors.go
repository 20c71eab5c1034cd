package devidp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// refusal is an answer that the OAuth 2.0 specifications or Entra have a word
// for. The numbers are those of Entra's list of AADSTS error codes.
type refusal struct {
	Status      int
	OAuth       string // the "error" of RFC 6749
	Number      int    // the digits after AADSTS
	Description string
	Suberror    string // what kind of invalid_grant it is, in Entra's words
	Claims      string // the challenge that an authorization request can satisfy
}

func (e *refusal) Error() string {
	return fmt.Sprintf("AADSTS%d: %s", e.Number, e.Description)
}

func refuse(status int, oauth string, number int, format string, args ...any) *refusal {
	return &refusal{Status: status, OAuth: oauth, Number: number, Description: fmt.Sprintf(format, args...)}
}

func invalidRequest(number int, format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "invalid_request", number, format, args...)
}

func invalidGrant(number int, format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "invalid_grant", number, format, args...)
}

func invalidScope(number int, format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "invalid_scope", number, format, args...)
}

func malformed(what string) *refusal {
	return invalidRequest(9002313, "Invalid request. Request is malformed or invalid: %s.", what)
}

func missing(parameter string) *refusal {
	return invalidRequest(900144, "The request body must contain the following parameter: '%s'.", parameter)
}

// errorBody is the JSON body of a refused request, as Entra writes it.
type errorBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	Suberror      string `json:"suberror,omitempty"`
	Claims        string `json:"claims,omitempty"`
}

// describe turns an error into the refusal that is told, and into its body. What
// is no refusal is logged here and told to nobody.
func (p *Provider) describe(r *http.Request, err error) (*refusal, errorBody) {
	body := errorBody{
		Timestamp:     p.cfg.Now().UTC().Format("2006-01-02 15:04:05Z"),
		TraceID:       uuid.NewString(),
		CorrelationID: correlationID(r),
	}
	ref, ok := errors.AsType[*refusal](err)
	if !ok {
		p.cfg.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "trace", body.TraceID, "error", err)
		ref = refuse(http.StatusInternalServerError, "server_error", 90033, "A transient error has occurred. Please try again.")
	} else {
		p.cfg.Log.DebugContext(r.Context(), "request refused", "path", r.URL.Path, "trace", body.TraceID, "aadsts", ref.Number)
	}
	body.Error, body.Suberror, body.Claims = ref.OAuth, ref.Suberror, ref.Claims
	body.Codes = []int{ref.Number}
	body.Description = fmt.Sprintf("%v Trace ID: %s Correlation ID: %s Timestamp: %s",
		ref, body.TraceID, body.CorrelationID, body.Timestamp)
	return ref, body
}

// correlationID is the caller's own id of its request when it sent a UUID.
func correlationID(r *http.Request) string {
	for _, id := range []string{r.Header.Get("client-request-id"), r.URL.Query().Get("client-request-id")} {
		if uuid.Validate(id) == nil {
			return id
		}
	}
	return uuid.NewString()
}

func (p *Provider) failJSON(w http.ResponseWriter, r *http.Request, err error) {
	ref, body := p.describe(r, err)
	if ref.Status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		scheme := "Basic"
		if strings.HasSuffix(r.URL.Path, "/userinfo") {
			scheme = "Bearer"
		}
		w.Header().Set("WWW-Authenticate", scheme+` realm="devidp"`)
	}
	if err := writeJSON(w, ref.Status, body); err != nil {
		http.Error(w, "encoding the answer failed", http.StatusInternalServerError)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return fmt.Errorf("encoding answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that went away is nobody's fault
	return nil
}
