package server

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// newPageCipher makes the cipher of continuation tokens: encrypted because
// they hold names, authenticated because they come back from outside.
func newPageCipher(key []byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("page key: %d bytes, want 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("page key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// continuationToken is where the page after q.After begins, for this caller
// and these options only.
func (s *Server) continuationToken(caller pat.Caller, q pat.Query) string {
	position := *q.After
	var plain []byte
	plain = binary.BigEndian.AppendUint64(plain, uint64(q.At.UnixMicro()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(position.Created.UnixMicro()))
	plain = append(plain, byte(position.State))
	plain = append(plain, position.ID[:]...)
	if q.Sort == pat.SortName {
		plain = append(plain, position.Name...)
	}
	return base64.RawURLEncoding.EncodeToString(s.pages.Seal(nil, nil, plain, pageContext(caller, q)))
}

// plainPosition is the size of a continuation token before its name.
const plainPosition = 8 + 8 + 1 + 16

// resume adds to q where a continuation token says that it goes on.
func (s *Server) resume(caller pat.Caller, q pat.Query, token string) (pat.Query, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return q, errContinuation
	}
	plain, err := s.pages.Open(nil, nil, sealed, pageContext(caller, q))
	if err != nil || len(plain) < plainPosition {
		return q, errContinuation
	}
	q.At = time.UnixMicro(int64(binary.BigEndian.Uint64(plain))).UTC()
	q.After = &pat.Position{
		Created: time.UnixMicro(int64(binary.BigEndian.Uint64(plain[8:]))).UTC(),
		State:   pat.State(plain[16]),
		ID:      pat.UUID(plain[17:plainPosition]),
		Name:    string(plain[plainPosition:]),
	}
	return q, nil
}

// pageContext binds a continuation token to who asked for what.
func pageContext(caller pat.Caller, q pat.Query) []byte {
	bound := append([]byte("patrol page 1"), caller.ID[:]...)
	bound = append(bound, caller.Tenant[:]...)
	bound = append(bound, caller.Organization.ID[:]...)
	ascending := byte(0)
	if q.Ascending {
		ascending = 1
	}
	return append(bound, byte(q.Filter), byte(q.Sort), ascending)
}

var errContinuation = badRequest("InvalidContinuationTokenException",
	"The continuationToken is broken, or belongs to another user, organization, filter or sort order: repeat the options of the first page, or start over without it.")
