package verify

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// form is what a request for introspection says in its body. organization and
// scope are Patrol's own.
type form struct {
	token, clientID, clientSecret, organization, scope parameter
	repeated                                           bool
}

// parameter is one that may come once.
type parameter struct {
	value string
	came  bool
}

// maxForm bounds the body of a request, in bytes.
const maxForm = 16 << 10

// readForm reads a form. Its other parameters, token_type_hint among them, say
// nothing.
func readForm(r *http.Request, s *scratch) (*form, *oauthFault) {
	if r.Method != http.MethodPost {
		return nil, invalidRequest(http.StatusMethodNotAllowed, "only POST is answered here")
	}
	contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(contentType), "application/x-www-form-urlencoded") {
		return nil, invalidRequest(http.StatusUnsupportedMediaType, "the body must be application/x-www-form-urlencoded")
	}
	if r.ContentLength > maxForm {
		return nil, invalidRequest(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	var err error
	if s.buffer, err = appendAll(s.buffer[:0], r.Body, maxForm+1); err != nil {
		return nil, invalidRequest(http.StatusBadRequest, "the body cannot be read")
	}
	if len(s.buffer) > maxForm {
		return nil, invalidRequest(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	f := &s.form
	*f = form{}
	if !eachPair(string(s.buffer), f.take) {
		return nil, invalidRequest(http.StatusBadRequest, "the body is not a well-formed form")
	}
	return f, nil
}

// appendAll appends to b what r has, up to limit bytes.
func appendAll(b []byte, r io.Reader, limit int) ([]byte, error) {
	b = slices.Grow(b, 512)
	for len(b) < limit {
		if len(b) == cap(b) {
			b = slices.Grow(b, cap(b))
		}
		n, err := r.Read(b[len(b):min(cap(b), limit)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// take notes a parameter.
func (f *form) take(name, value string) {
	var p *parameter
	switch name {
	case "token":
		p = &f.token
	case "client_id":
		p = &f.clientID
	case "client_secret":
		p = &f.clientSecret
	case "organization":
		p = &f.organization
	case "scope":
		p = &f.scope
	default:
		return
	}
	f.repeated = f.repeated || p.came
	*p = parameter{value, true}
}

// check refuses a form that does not say what it is about.
func (f *form) check() *oauthFault {
	switch {
	case f.repeated:
		return invalidRequest(http.StatusBadRequest, "a parameter came more than once")
	case f.token.value == "":
		return invalidRequest(http.StatusBadRequest, "the token is missing")
	case f.organization.came && f.organization.value == "", f.scope.came && strings.Trim(f.scope.value, " ") == "":
		return invalidRequest(http.StatusBadRequest, "organization and scope must not be empty: leave out what is not asked for")
	}
	return nil
}

// asks reports whether more is asked than what the token is.
func (f *form) asks() bool { return f.organization.came || f.scope.came }
