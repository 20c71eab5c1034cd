//go:build linux

package faults

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// answer is what a node says of a presented token: a status, and for 200 what
// the token may do and until when.
type answer struct {
	status         int
	scope, expires string
}

// known reports whether the node answered the question.
func (a answer) known() bool {
	return a.status == http.StatusOK || a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
}

func (a answer) String() string {
	if a.status == http.StatusOK {
		return fmt.Sprintf("200 (%s until %s)", a.scope, a.expires)
	}
	return fmt.Sprint(a.status)
}

// verify presents a secret to a node, which is asked for a scope.
func (n *node) verify(ctx context.Context, secret, scope string) (answer, error) {
	l, err := n.current()
	if err != nil {
		return answer{}, err
	}
	req, err := l.question(ctx, secret, scope)
	if err != nil {
		return answer{}, err
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	return answerOf(resp)
}

func (l *life) question(ctx context.Context, secret, scope string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.info.API+"/verify/"+organization+"/"+scope, nil)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("git", secret)
	return req, nil
}

func answerOf(resp *http.Response) (answer, error) {
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.Header.Get("X-Patrol-Scopes"), resp.Header.Get("X-Patrol-Expires")}, nil
}

// enqueue writes the question into the node's socket, whether or not the node
// runs. read reads the answer.
func (n *node) enqueue(secret, scope string) (read func() (answer, error), err error) {
	l, err := n.current()
	if err != nil {
		return nil, err
	}
	req, err := l.question(context.Background(), secret, scope)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(l.info.API, "http://"), callTimeout)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if err := req.Write(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return func() (answer, error) {
		defer conn.Close()
		resp, err := http.ReadResponse(bufio.NewReader(conn), req)
		if err != nil {
			return answer{}, err
		}
		return answerOf(resp)
	}, nil
}

// callTimeout bounds a call, whatever state the service is in. It is longer
// than a revoke waits for a node that does not answer, and than a statement may
// take.
const callTimeout = 15 * time.Second
