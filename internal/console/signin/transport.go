package signin

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	timeout      = 20 * time.Second // for an answer, where the client that was given has no limit
	maxAnswer    = 1 << 20
	maxRedirects = 10
)

// answerError is an answer to a question that has only one good status.
type answerError struct {
	status int
	body   []byte
}

func (e *answerError) Error() string { return fmt.Sprintf("answered with status %d", e.status) }

var errTooLong = errors.New("the answer is longer than 1 MB")

// guarded is hc for what the libraries ask. Secrets go to web addresses only,
// and do not follow a redirect.
func guarded(hc *http.Client) *http.Client {
	if hc == nil {
		hc = &http.Client{}
	}
	next := hc.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return &http.Client{
		Transport: transport{next},
		Timeout:   cmp.Or(hc.Timeout, timeout),
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if via[0].Method != http.MethodGet {
				return http.ErrUseLastResponse
			}
			if len(via) >= maxRedirects {
				return errors.New("too many redirects")
			}
			return nil
		},
	}
}

// transport reads each answer whole, so that what is wrong with one is known by
// its type before a library makes text of it.
type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := checkWebAddress(r.URL.String()); err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, &Error{Reason: ReasonOther, Err: fmt.Errorf("signing in: the provider names an address that is not used: %w", err)}
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, errTooLong
	case r.Method == http.MethodGet && resp.StatusCode >= http.StatusBadRequest:
		return nil, &answerError{resp.StatusCode, body}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
