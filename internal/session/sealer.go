package session

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// ErrSealed is the error of all that cannot be opened, whatever is wrong with
// it.
var ErrSealed = errors.New("not sealed here for this, or too long ago")

// Sealer seals small things that a browser carries for the service, such as the
// state of a sign-in or the draft of a form. The browser can neither read nor
// change them, but send them again until they end. It is safe for concurrent
// use.
//
// It does not compress: how short something gets tells of a secret that lies
// beside what an attacker chose. Callers who know of neither may.
type Sealer struct {
	Keys *Keys
	// Now is the time; nil means [time.Now].
	Now func() time.Time
}

// Seal seals plain for a while, in base64url. It can be opened only for the same
// purpose, which has a key of its own, and with the same binding, such as the id
// of the session that it belongs to.
func (s *Sealer) Seal(purpose, binding string, life time.Duration, plain []byte) string {
	ends := s.now().Add(life).UnixMicro()
	lasting := append(binary.BigEndian.AppendUint64(nil, uint64(ends)), plain...)
	return base64.RawURLEncoding.EncodeToString(s.Keys.seal(nil, "sealer/"+purpose, lasting, []byte(binding)))
}

// Open is what was sealed for a purpose with a binding, or [ErrSealed].
func (s *Sealer) Open(purpose, binding, sealed string) ([]byte, error) {
	decoded, ok := decode(sealed)
	if !ok {
		return nil, ErrSealed
	}
	lasting, ok := s.Keys.open(nil, "sealer/"+purpose, decoded, []byte(binding))
	if !ok || len(lasting) < 8 || s.now().UnixMicro() >= int64(binary.BigEndian.Uint64(lasting)) {
		return nil, ErrSealed
	}
	return lasting[8:], nil
}

func (s *Sealer) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
