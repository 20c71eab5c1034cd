package cli

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// refreshAhead is how long before its end an access token is replaced.
const refreshAhead = 2 * time.Minute

// tokenSource gives out the access token of a profile and renews it in time.
type tokenSource struct {
	vault   vault
	profile string
	server  string
	http    *http.Client
	now     func() time.Time
}

// token returns an access token that is good for a while.
func (s *tokenSource) token(ctx context.Context) (string, error) {
	c, _, err := s.load()
	if err != nil {
		return "", err
	}
	if s.fresh(c) {
		return c.AccessToken, nil
	}
	unlock, err := s.vault.lock(s.profile)
	if err != nil {
		return "", err
	}
	defer unlock()
	c, key, err := s.load() // another patrol may have renewed them
	if err != nil {
		return "", err
	}
	if s.fresh(c) {
		return c.AccessToken, nil
	}
	method, err := newMethod(c.SignIn, s.http)
	if err != nil {
		return "", err
	}
	renewed, err := method.refresh(ctx, c)
	if reason, ok := errors.AsType[refusal](err); ok {
		return "", fail(exitAuthentication, "your sign-in is no longer valid: %w", reason).
			with("run \"patrol login --profile %s\"", s.profile)
	}
	if err != nil {
		return "", err
	}
	renewed.Server, renewed.SignIn = c.Server, c.SignIn
	if err := s.vault.save(s.profile, renewed, key); err != nil {
		return "", err
	}
	return renewed.AccessToken, nil
}

func (s *tokenSource) fresh(c credentials) bool {
	return c.AccessToken != "" && (c.Expires.IsZero() || s.now().Before(c.Expires.Add(-refreshAhead)))
}

// load reads the credentials, which must be those for the server.
func (s *tokenSource) load() (credentials, []byte, error) {
	c, key, err := s.vault.load(s.profile)
	if errors.Is(err, errSignedOut) || err == nil && c.Server != s.server {
		return c, nil, signedOut(s.server)
	}
	return c, key, err
}

func signedOut(server string) error {
	return fail(exitAuthentication, "not signed in to %s", server).
		with("run \"patrol login --server %s\", or set PATROL_TOKEN", server)
}
