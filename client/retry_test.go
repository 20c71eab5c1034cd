package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// failThen fails with failures, one after the other, and then succeeds.
func failThen(success string, failures ...func() (*http.Response, error)) *transport {
	return &transport{answer: func(n int, _ *http.Request) (*http.Response, error) {
		if n <= len(failures) {
			return failures[n-1]()
		}
		return reply(http.StatusOK, success), nil
	}}
}

func answering(status int, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return reply(status, "", header...), nil }
}

func failing(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

// cut is an answer whose body breaks off.
func cut() (*http.Response, error) {
	r := reply(http.StatusOK, "")
	r.Body = brokenBody{}
	return r, nil
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errBroken }
func (brokenBody) Close() error             { return nil }

// calls are the operations, by what may be repeated.
var calls = []struct {
	name string
	call func(context.Context, *client.Client) error
}{
	{"Get", func(ctx context.Context, c *client.Client) error {
		_, err := c.Get(ctx, tokenID)
		return err
	}},
	{"Revoke", func(ctx context.Context, c *client.Client) error { return c.Revoke(ctx, tokenID) }},
	{"Update", func(ctx context.Context, c *client.Client) error {
		_, err := c.Update(ctx, api.PatTokenUpdateRequest{AuthorizationID: tokenID})
		return err
	}},
	{"Create", func(ctx context.Context, c *client.Client) error {
		_, err := c.Create(ctx, api.PatTokenCreateRequest{DisplayName: "nightly"})
		return err
	}},
}

// TestWhatIsRepeated is the table of the package's documentation.
func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure func() (*http.Response, error)
		want    map[string]bool
	}{
		{"429", answering(429), map[string]bool{"Get": true, "Revoke": true, "Update": true, "Create": true}},
		{"no connection", failing(errUnreached), map[string]bool{"Get": true, "Revoke": true, "Update": true, "Create": true}},
		{"503", answering(503), map[string]bool{"Get": true, "Revoke": true, "Update": true}},
		{"502", answering(502), map[string]bool{"Get": true, "Revoke": true}},
		{"504", answering(504), map[string]bool{"Get": true, "Revoke": true}},
		{"broken connection", failing(errBroken), map[string]bool{"Get": true, "Revoke": true}},
		{"broken answer", cut, map[string]bool{"Get": true, "Revoke": true}},
		{"unknown host", failing(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}), nil},
		{"unknown certificate", failing(&tls.CertificateVerificationError{Err: errors.New("self-signed")}), nil},
		{"plain HTTP", failing(tls.RecordHeaderError{Msg: "not TLS"}), nil},
		{"500", answering(500), nil},
		{"400", answering(400), nil},
		{"401", answering(401), nil},
		{"203", answering(203), nil},
		{"302", answering(302), nil},
		{"empty answer", answering(200), map[string]bool{}},
	}
	for _, tt := range tests {
		for _, op := range calls {
			t.Run(tt.name+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					transport := failThen(testdata(t, "create.json"), tt.failure)
					c := newClient(transport)
					c.Attempts = 0
					err := op.call(t.Context(), c)
					want := 1
					if tt.want[op.name] {
						want = 2
					}
					if len(transport.sent) != want {
						t.Errorf("sent %d requests, want %d (%v)", len(transport.sent), want, err)
					}
					if tt.want[op.name] && err != nil {
						t.Errorf("error = %v, want none after the second attempt", err)
					}
					for _, sent := range transport.sent[1:] {
						if failed := transport.sent[0]; sent.URL != failed.URL || sent.Method != failed.Method {
							t.Errorf("repeated %s %s as %s %s", failed.Method, failed.URL, sent.Method, sent.URL)
						}
					}
				})
			})
		}
	}
}

func TestBodyIsRepeatedWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(testdata(t, "create.json"), answering(429), answering(429))
		c := newClient(transport)
		c.Attempts = 3
		if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "nightly"}); err != nil {
			t.Fatal(err)
		}
		for i, sent := range transport.sent {
			if want := `{"displayName":"nightly","scope":"","allOrgs":false}`; sent.Body != want {
				t.Errorf("body %d = %s, want %s", i, sent.Body, want)
			}
		}
	})
}

func TestWaits(t *testing.T) {
	t.Parallel()
	type bounds struct{ least, most time.Duration }
	const ms = time.Millisecond
	tests := []struct {
		name    string
		header  []string
		timeout time.Duration // of the context; 0 is none
		want    []bounds      // between attempts; one attempt more than these
		after   time.Duration
	}{
		{"exponential", nil, 0, []bounds{{125 * ms, 250 * ms}, {250 * ms, 500 * ms}, {500 * ms, 1000 * ms}}, 0},
		{"seconds", []string{"Retry-After", "5"}, 0, []bounds{{5000 * ms, 5500 * ms}, {5000 * ms, 5500 * ms}, {5000 * ms, 5500 * ms}}, 5 * time.Second},
		{"date", []string{"Retry-After", "Sat, 01 Jan 2000 00:00:30 GMT"}, 0, []bounds{{30 * time.Second, 33 * time.Second}, {125 * ms, 500 * ms}, {250 * ms, 1000 * ms}}, 0},
		{"nonsense", []string{"Retry-After", "soon"}, 0, []bounds{{125 * ms, 250 * ms}, {250 * ms, 500 * ms}, {500 * ms, 1000 * ms}}, 0},
		{"too long to wait", []string{"Retry-After", "61"}, 0, nil, 61 * time.Second},
		{"longer than the deadline", []string{"Retry-After", "5"}, 4 * time.Second, nil, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.timeout)
					defer cancel()
				}
				transport := always(http.StatusServiceUnavailable, "", tt.header...)
				c := newClient(transport)
				c.Attempts = 0
				_, err := c.Get(ctx, tokenID)
				if e := asError(t, err); e.Kind != client.KindUnavailable || e.RetryAfter != tt.after {
					t.Errorf("Get = %v with RetryAfter %v, want kind unavailable and %v", e, e.RetryAfter, tt.after)
				}
				if len(transport.sent) != len(tt.want)+1 {
					t.Fatalf("sent %d requests, want %d", len(transport.sent), len(tt.want)+1)
				}
				for i, want := range tt.want {
					if got := transport.sent[i+1].At.Sub(transport.sent[i].At); got < want.least || got > want.most {
						t.Errorf("wait %d = %v, want between %v and %v", i, got, want.least, want.most)
					}
				}
				if end := transport.sent[len(transport.sent)-1].At; !time.Now().Equal(end) {
					t.Errorf("waited %v after the last attempt", time.Since(end))
				}
			})
		})
	}
}

func TestCancellationEndsAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		transport := always(http.StatusTooManyRequests, "", "Retry-After", "30")
		c := newClient(transport)
		c.Attempts = 0
		start := time.Now()
		_, err := c.Create(ctx, api.PatTokenCreateRequest{})
		if client.KindOf(err) != client.KindThrottled || time.Since(start) != 2*time.Second || len(transport.sent) != 1 {
			t.Errorf("Create = %v after %v and %d attempts, want kind throttled after 2s and 1", err, time.Since(start), len(transport.sent))
		}
	})
}

func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]int{-1: 1, 0: 4, 1: 1, 9: 9} {
		synctest.Test(t, func(t *testing.T) {
			transport := always(http.StatusTooManyRequests, "")
			c := newClient(transport)
			c.Attempts = attempts
			if err := c.Revoke(t.Context(), tokenID); client.KindOf(err) != client.KindThrottled || len(transport.sent) != want {
				t.Errorf("Attempts %d: %v after %d requests, want kind throttled after %d", attempts, err, len(transport.sent), want)
			}
		})
	}
}

// TestSilentServiceTimesOut: a caller without a deadline is not left hanging.
func TestSilentServiceTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := newClient(roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		_, err := c.Get(t.Context(), tokenID)
		if client.KindOf(err) != client.KindTransport || time.Since(start) != 30*time.Second {
			t.Errorf("Get = %v after %v, want kind transport after 30s", err, time.Since(start))
		}
	})
}

// TestEachAttemptAsksForTheToken: one that expired meanwhile is not sent.
func TestEachAttemptAsksForTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := failThen(testdata(t, "get.json"), answering(503))
		c := newClient(transport)
		c.Attempts = 2
		tokens := []string{"first", "second"}
		c.Token = func(context.Context) (string, error) {
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}
		if _, err := c.Get(t.Context(), tokenID); err != nil {
			t.Fatal(err)
		}
		if got := transport.sent[1].Header.Get("Authorization"); got != "Bearer second" {
			t.Errorf("second attempt has %q, want the second token", got)
		}
	})
}

// TestUnreadBodyIsSealed: a transport that gave up may not send the creation
// afterwards, because it was reported as certain not to have happened.
func TestUnreadBodyIsSealed(t *testing.T) {
	t.Parallel()
	var late *http.Request
	c := newClient(roundTrip(func(r *http.Request) (*http.Response, error) {
		late = r
		return nil, errUnreached
	}))
	_, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "nightly"})
	if asError(t, err).Uncertain {
		t.Errorf("Create = %v, want certain", err)
	}
	if n, err := late.Body.Read(make([]byte, 100)); n > 0 || err == nil {
		t.Errorf("late Read = %d, %v, want an error", n, err)
	}
	if late.GetBody != nil {
		t.Error("the request has GetBody, by which net/http may replay a creation")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
