package store

import (
	"context"
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"time"
)

// MatchKeys compares the server keys that a process has, by id, with those
// under which the database was filled, and records new ones. missing are the
// ids that the database knows and the process lacks, in order: tokens of those
// keys cannot be verified. A key that differs from the one of its id is an
// error, and nothing is recorded.
func (db *DB) MatchKeys(ctx context.Context, fingerprints map[byte][32]byte, now time.Time) (missing []byte, err error) {
	err = db.writer.do(ctx, func(s *session) error {
		missing = nil
		for _, id := range slices.Sorted(maps.Keys(fingerprints)) { // first, since another process may do the same
			fingerprint := fingerprints[id]
			_, err := s.exec(`INSERT INTO server_key (id, fingerprint, first_seen) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				int64(id), fingerprint[:], now.UnixMicro())
			if err != nil {
				return fmt.Errorf("recording server key %c: %w", id, err)
			}
		}
		known, err := s.serverKeys(context.Background())
		if err != nil {
			return fmt.Errorf("reading server keys: %w", err)
		}
		for _, id := range slices.Sorted(maps.Keys(known)) {
			have, ok := fingerprints[id]
			if !ok {
				missing = append(missing, id)
				continue
			}
			if want := known[id]; subtle.ConstantTimeCompare(have[:], want[:]) == 0 {
				return fmt.Errorf("the database was filled under another key %c: give this program that key, or another database", id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return missing, nil
}

// serverKeys are the fingerprints that were recorded.
func (s *session) serverKeys(ctx context.Context) (map[byte][32]byte, error) {
	known := map[byte][32]byte{}
	err := s.query(ctx, func(scan func(...any) error) error {
		var id int64
		var fingerprint [32]byte
		if err := scan(&id, octets(fingerprint[:])); err != nil {
			return err
		}
		known[byte(id)] = fingerprint
		return nil
	}, `SELECT id, fingerprint FROM server_key`)
	return known, err
}
