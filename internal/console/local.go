package console

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
)

// Local is a transport that carries calls of the API to a handler in this
// process. The handler sees the address of the visitor for whom a call is made.
type Local struct{ Handler http.Handler }

// addressKey is of the context value that has the visitor's address.
type addressKey struct{}

func withAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// RoundTrip has the handler answer r.
func (l Local) RoundTrip(r *http.Request) (*http.Response, error) {
	call := r.Clone(r.Context())
	call.RequestURI = r.URL.RequestURI()
	call.Host = r.URL.Host
	if call.Body == nil {
		call.Body = http.NoBody
	}
	if address, ok := r.Context().Value(addressKey{}).(string); ok {
		call.RemoteAddr = net.JoinHostPort(address, "0")
	}
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	l.Handler.ServeHTTP(answer, call)
	if err := call.Body.Close(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: answer.status, Status: http.StatusText(answer.status), Proto: r.Proto, ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: io.NopCloser(&answer.body), ContentLength: int64(answer.body.Len()), Request: r,
	}, nil
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

// Header is what the handler sets.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the first status.
func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

// Write keeps the body.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
