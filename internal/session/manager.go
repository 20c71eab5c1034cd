package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of sessions, where the [Manager] sets none.
const (
	DefaultIdle = 8 * time.Hour
	DefaultLife = 7 * 24 * time.Hour
)

// The bounds of what a session holds. Texts from the browser are cut.
const (
	MaxData    = 64 << 10
	maxOwner   = 1024
	maxAgent   = 256
	maxAddress = 64
)

// maxSessions is how many sessions a person has at once.
const maxSessions = 50

// Noting that a session is used costs a commit. So it happens once in
// noteEvery, and the request waits no longer for it than notePatience.
const (
	noteEvery    = time.Minute
	notePatience = time.Second
)

// Manager starts, resumes, saves and ends sessions. It is safe for concurrent
// use, and many may share a store.
type Manager struct {
	Store Store
	Keys  *Keys
	// Idle is how long a session lasts without being used, and Life how long one
	// that starts lasts at all. 0 means [DefaultIdle] and [DefaultLife].
	Idle, Life time.Duration
	// Now is the time; nil means [time.Now].
	Now func() time.Time
}

// Start starts a session of owner that holds data, and returns the secret to
// give to the browser, of which agent and address are told in lists. A person
// who has too many sessions loses those that were used longest ago.
func (m *Manager) Start(ctx context.Context, owner, agent, address string, data []byte) (string, *Session, error) {
	if owner == "" || len(owner) > maxOwner || !utf8.ValidString(owner) || strings.ContainsRune(owner, 0) {
		return "", nil, fmt.Errorf("starting a session: an owner of %d bytes: expected up to %d of text", len(owner), maxOwner)
	}
	if err := fits(data); err != nil {
		return "", nil, fmt.Errorf("starting a session: %w", err)
	}
	if err := m.makeRoom(ctx, owner); err != nil {
		return "", nil, fmt.Errorf("starting a session: %w", err)
	}
	secret, now := newSecret(), m.now()
	s := &Session{
		ID: secret.id(), Owner: owner, Created: now, Seen: now, Ends: now.Add(m.life()),
		Agent: clean(agent, maxAgent), Address: clean(address, maxAddress), Data: data,
		version: 1, secret: secret,
	}
	if err := m.Store.AddSession(ctx, s.record(m.Keys, data)); err != nil {
		return "", nil, fmt.Errorf("starting a session: %w", err)
	}
	return secret.text(), s, nil
}

// makeRoom ends the owner's sessions that are over, and so many others that
// there is room for one more.
func (m *Manager) makeRoom(ctx context.Context, owner string) error {
	records, err := m.Store.SessionsOf(ctx, owner)
	if err != nil {
		return err
	}
	now, kept := m.now(), 0
	var surplus []ID
	for _, r := range records {
		if kept < maxSessions-1 && m.live(r, now) {
			kept++
			continue
		}
		surplus = append(surplus, r.ID)
	}
	if len(surplus) == 0 {
		return nil
	}
	_, err = m.Store.EndSessions(ctx, owner, surplus...)
	return err
}

// Resume is the session of which a browser sent the secret. It is [ErrNone]
// where there is none, or none any more, or it cannot be opened.
func (m *Manager) Resume(ctx context.Context, secret string) (*Session, error) {
	of, ok := parseSecret(secret)
	if !ok {
		return nil, ErrNone
	}
	r, err := m.Store.Session(ctx, of.id())
	if err != nil {
		return nil, fmt.Errorf("resuming a session: %w", err)
	}
	now := m.now()
	if !m.live(r, now) {
		return nil, ErrNone
	}
	s, ok := openRecord(m.Keys, r, of)
	if !ok {
		return nil, ErrNone
	}
	if now.Sub(r.Seen).Abs() >= min(noteEvery, m.idle()/4) {
		m.note(ctx, r.ID, now)
	}
	s.Seen = now
	return s, nil
}

// note notes that a session is used. A session that is not noted ends early,
// which is no reason to refuse the request.
func (m *Manager) note(ctx context.Context, id ID, at time.Time) {
	ctx, cancel := context.WithTimeout(ctx, notePatience)
	defer cancel()
	_ = m.Store.SeeSession(ctx, id, at)
}

// Save replaces what s holds. It is [ErrChanged] where another request did so
// since s was resumed, and [ErrNone] where the session was ended: then nothing
// was saved.
func (m *Manager) Save(ctx context.Context, s *Session, data []byte) error {
	if err := fits(data); err != nil {
		return fmt.Errorf("saving a session: %w", err)
	}
	s.Seen = m.now()
	if err := m.Store.SaveSession(ctx, s.record(m.Keys, data)); err != nil {
		return fmt.Errorf("saving a session: %w", err)
	}
	s.version++
	s.Data = data
	return nil
}

// End ends those of the owner's sessions that have these ids, and returns how
// many there were. Once it has returned none of them is resumed or saved.
func (m *Manager) End(ctx context.Context, owner string, ids ...ID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	ended, err := m.Store.EndSessions(ctx, owner, ids...)
	if err != nil {
		return 0, fmt.Errorf("ending sessions: %w", err)
	}
	return ended, nil
}

// Of are the owner's sessions that go on, without Data, the last used first.
func (m *Manager) Of(ctx context.Context, owner string) ([]Record, error) {
	records, err := m.Store.SessionsOf(ctx, owner)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	now := m.now()
	var live []Record
	for _, r := range records {
		if m.live(r, now) {
			live = append(live, r)
		}
	}
	return live, nil
}

// Sweep deletes the sessions that are over. It is called from time to time.
func (m *Manager) Sweep(ctx context.Context) error {
	now := m.now()
	if _, err := m.Store.SweepSessions(ctx, now.Add(-m.idle()), now); err != nil {
		return fmt.Errorf("sweeping sessions: %w", err)
	}
	return nil
}

// live tells whether a session goes on. One that was seen in the future, by a
// clock that was wrong, is judged like one that was seen as long ago.
func (m *Manager) live(r Record, now time.Time) bool {
	return now.Before(r.Ends) && now.Sub(r.Seen).Abs() < m.idle()
}

func (m *Manager) idle() time.Duration {
	if m.Idle == 0 {
		return DefaultIdle
	}
	return m.Idle
}

func (m *Manager) life() time.Duration {
	if m.Life == 0 {
		return DefaultLife
	}
	return m.Life
}

// now is the time as a record keeps it.
func (m *Manager) now() time.Time {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	return now().UTC().Truncate(time.Microsecond)
}

func fits(data []byte) error {
	if len(data) > MaxData {
		return errors.New("it would hold more than a session may")
	}
	return nil
}
