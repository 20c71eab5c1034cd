package pat

import (
	"context"
	"fmt"
	"time"
)

// Usage is the last known use of a token.
type Usage struct {
	Token UUID
	// At is when the token was last accepted; it may be up to a minute behind.
	At time.Time
	// Address is the client's IP address, "" where it was not known.
	Address string
	// Agent is the kind of client, such as "git" or "npm"; "" where it did not
	// say.
	Agent string
	// Scope is a scope that was asked of the token then, "" where none was.
	Scope string
}

// TokenUsage is a token with its last known use, which is zero where it was
// never used.
type TokenUsage struct {
	Usage
	Of Token
}

// Standing is where a token stands: its state, and its last known use, which
// has no moment where it was never used.
type Standing struct {
	State State
	Usage
}

// Usage is where those of the caller's tokens among ids stand now, in the order
// of ids and once each. ids are at most [MaxPage]; others' and unknown ones are
// passed over.
func (s *Service) Usage(ctx context.Context, c Caller, ids []UUID) ([]Standing, error) {
	if err := c.may(ReadTokens); err != nil {
		return nil, err
	}
	if len(ids) > MaxPage {
		return nil, refuse(CodeInvalidAuthorizationID, fmt.Sprintf("too many ids: ask for at most %d at once", MaxPage))
	}
	found, err := s.Store.Usage(ctx, c.ID, ids)
	if err != nil {
		return nil, fmt.Errorf("reading the usage of tokens: %w", err)
	}
	now := s.now()
	standings := make(map[UUID]Standing, len(found))
	for _, u := range found {
		if c.manages(u.Of) {
			standings[u.Of.ID] = Standing{State: u.Of.StateAt(now), Usage: u.Usage}
		}
	}
	asked := make([]Standing, 0, len(standings))
	for _, id := range ids {
		if standing, ok := standings[id]; ok {
			asked = append(asked, standing)
			delete(standings, id)
		}
	}
	return asked, nil
}
