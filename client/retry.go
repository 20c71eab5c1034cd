package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"time"
)

// replay says after which failures a request may be sent again.
type replay int

const (
	// ifRefused: only where the service certainly did nothing: it was never
	// reached, or throttled the request (429).
	ifRefused replay = iota
	// ifUnavailable: also when the service says that it is unavailable (503).
	ifUnavailable
	// always: also when no answer came, or a gateway gave up waiting for one.
	always
)

const (
	// defaultAttempts is what Client.Attempts means where it is 0.
	defaultAttempts = 4
	// firstWait is doubled from wait to wait, up to longestWait.
	firstWait   = 250 * time.Millisecond
	longestWait = 8 * time.Second
	// patience is the longest Retry-After that is waited out; beyond it the
	// caller gets the error at once and decides.
	patience = time.Minute
	// maxRetryAfter bounds what Error.RetryAfter says.
	maxRetryAfter = 24 * time.Hour
)

// do sends r until it is answered, may not be sent again, or the attempts are
// used up. The answer belongs to the last attempt.
func (c *Client) do(ctx context.Context, r request) (answer, error) {
	attempts := cmp.Or(c.Attempts, defaultAttempts)
	for n := 1; ; n++ {
		a, err := c.attempt(ctx, r)
		if err == nil {
			return a, nil
		}
		if n >= attempts || !r.mayRepeat(a, err) || !sleep(ctx, wait(n, err.RetryAfter)) {
			return a, err
		}
	}
}

// mayRepeat reports whether r may be sent again after err.
func (r request) mayRepeat(a answer, err *Error) bool {
	if err.RetryAfter > patience {
		return false
	}
	switch err.Kind {
	case KindThrottled:
		return true
	case KindTransport:
		return (!a.sent || r.replay == always) && mayPass(err.Err)
	case KindUnavailable:
		switch err.Status {
		case http.StatusServiceUnavailable:
			return r.replay >= ifUnavailable
		case http.StatusBadGateway, http.StatusGatewayTimeout:
			return r.replay == always
		}
	}
	return false
}

// mayPass reports whether another attempt can end otherwise: names that do not
// exist and certificates that are not trusted stay so.
func mayPass(err error) bool {
	if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
		return false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return !plain
}

// wait is the pause after the nth attempt: what the service asked for and up
// to a tenth more, else exponential with jitter of a half.
func wait(n int, retryAfter time.Duration) time.Duration {
	if retryAfter > 0 {
		return retryAfter + jitter(retryAfter/10)
	}
	full := min(firstWait<<min(n-1, 10), longestWait)
	return full/2 + jitter(full/2)
}

// jitter is a random duration from 0 to most.
func jitter(most time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most)+1))
	if err != nil {
		return most
	}
	return time.Duration(n.Int64())
}

// sleep reports whether d passed within ctx. Where the deadline comes earlier
// it does not even start.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds
// or a date.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(maxRetryAfter/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return min(max(time.Until(date), 0), maxRetryAfter)
	}
	return 0
}
