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

// TokenUsage is a usage with the token that was used.
type TokenUsage struct {
	Usage
	Of Token
}

// Usage is the last known use of those of the caller's tokens among ids that
// were used at all, in the order of ids and once each. ids are at most
// [MaxPage]; others' and unknown ones are passed over.
func (s *Service) Usage(ctx context.Context, c Caller, ids []UUID) ([]Usage, error) {
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
	last := make(map[UUID]Usage, len(found))
	for _, u := range found {
		if c.manages(u.Of) {
			last[u.Token] = u.Usage
		}
	}
	usages := make([]Usage, 0, len(last))
	for _, id := range ids {
		if u, ok := last[id]; ok {
			usages = append(usages, u)
			delete(last, id)
		}
	}
	return usages, nil
}
