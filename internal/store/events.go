package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	intoEvent = `INSERT INTO event (bucket, id, at, action, token, owner, tenant, organization,
	actor, actor_name, activity, address, user_agent, data) `
	insertEvent = intoEvent + `VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
)

// eventArguments are those of insertEvent. An event lies in its token's bucket.
func eventArguments(e pat.Event) ([]any, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return nil, fmt.Errorf("encoding an event: %w", err)
	}
	if e.Data == nil {
		data = []byte(`{}`)
	}
	return []any{
		int64(e.Token.Bucket()), e.ID[:], e.At.UnixMicro(), string(e.Action), e.Token[:], e.Owner[:], e.Tenant[:], e.Organization[:],
		e.Actor[:], text(e.ActorName), e.Origin.Activity[:], text(e.Origin.Address), text(e.Origin.UserAgent), string(data),
	}, nil
}

func (s *session) insertEvent(arguments []any) error {
	if _, err := s.exec(insertEvent, arguments...); err != nil {
		return fmt.Errorf("inserting an event: %w", err)
	}
	return nil
}

// text is what a client said of itself, as far as every database keeps it:
// PostgreSQL takes neither NUL nor broken UTF-8.
func text(said string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(said, "\ufffd"), "\x00", "\ufffd")
}
