package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// List is at most q.Limit tokens, in q's order.
func (db *DB) List(ctx context.Context, q pat.Query) ([]pat.Token, error) {
	buckets, err := db.buckets(ctx, q.Owner)
	if err != nil {
		return nil, db.readFault(ctx, fmt.Errorf("reading an owner's buckets: %w", err))
	}
	var page []pat.Token
	for _, r := range stretches(q) {
		if len(page) >= q.Limit {
			break
		}
		tokens, err := db.stretch(ctx, q, r, buckets, q.Limit-len(page))
		if err != nil {
			return nil, db.readFault(ctx, fmt.Errorf("reading a list: %w", err))
		}
		page = append(page, tokens...)
	}
	return page, nil
}

// buckets are where an owner's tokens lie: one, unless tokens of others were
// handed over.
func (db *DB) buckets(ctx context.Context, owner pat.UUID) (buckets []int64, err error) {
	err = db.reading.query(ctx, func(scan func(...any) error) error {
		buckets = append(buckets, 0)
		return scan(&buckets[len(buckets)-1])
	}, `SELECT bucket FROM owner_bucket WHERE owner = $1`, owner[:])
	return buckets, err
}

// stretch is a part of a list that one statement reads from each bucket: the
// rows beyond a bound.
type stretch struct {
	selection
	bound []any
}

// stretches are the parts of q's list, in order. By state, each state is a part
// that is ordered by id alone; all other lists have one part.
func stretches(q pat.Query) []stretch {
	everything := selection{key: byID, ascending: q.Ascending, filter: q.Filter}
	switch q.Sort {
	case pat.SortCreated:
		everything.key = byCreated
	case pat.SortName:
		everything.key = byName
	case pat.SortState:
		return stretchesByState(q)
	}
	return []stretch{{everything, everything.bound(q.After)}}
}

func stretchesByState(q pat.Query) (parts []stretch) {
	for _, state := range q.Filter.States() {
		part := selection{key: byID, ascending: q.Ascending, filter: pat.Filter(state)}
		after := q.After
		if after != nil && after.State != state {
			if (after.State < state) != q.Ascending {
				continue // before the page
			}
			after = nil
		}
		parts = append(parts, stretch{part, part.bound(after)})
	}
	if !q.Ascending {
		slices.Reverse(parts)
	}
	return parts
}

// Bounds before and after every row, so that first pages need no statements of
// their own. No id has 17 bytes, and no name 256 characters.
var (
	lowestID, highestID = []byte{}, bytes.Repeat([]byte{0xff}, 17)
	highestName         = strings.Repeat("\U0010ffff", 256)
)

// bound is the arguments for the place after which s begins: of the id, then
// of the key if there is another.
func (s selection) bound(after *pat.Position) []any {
	switch {
	case after == nil && s.ascending:
		return [...][]any{byCreated: {lowestID, int64(math.MinInt64)}, byName: {lowestID, ""}, byID: {lowestID}}[s.key]
	case after == nil:
		return [...][]any{byCreated: {highestID, int64(math.MaxInt64)}, byName: {highestID, highestName}, byID: {highestID}}[s.key]
	}
	return [...][]any{
		byCreated: {after.ID[:], after.Created.UnixMicro()}, byName: {after.ID[:], after.Name}, byID: {after.ID[:]},
	}[s.key]
}

// stretch reads at most limit rows of a part.
func (db *DB) stretch(ctx context.Context, q pat.Query, r stretch, buckets []int64, limit int) ([]pat.Token, error) {
	page := make([]pat.Token, 0, limit)
	for _, bucket := range buckets {
		err := db.reading.query(ctx, func(scan func(...any) error) error {
			var found tokenRow
			err := found.scan(scan)
			page = append(page, found.Token)
			return err
		}, db.lists[r.selection], r.arguments(q, bucket, limit)...)
		if err != nil {
			return nil, err
		}
	}
	if len(buckets) > 1 {
		slices.SortFunc(page, r.compare)
	}
	return page[:min(len(page), limit)], nil
}

// arguments are those of r's statement.
func (r stretch) arguments(q pat.Query, bucket int64, limit int) []any {
	var zero pat.UUID
	arguments := append([]any{bucket, q.Owner[:], q.Organization[:], zero[:], int64(limit)}, r.bound...)
	if r.judges() {
		arguments = append(arguments, q.At.UnixMicro())
	}
	return arguments
}

// compare orders tokens as s does.
func (s selection) compare(a, b pat.Token) int {
	order := 0
	switch s.key {
	case byCreated:
		order = a.ValidFrom.Compare(b.ValidFrom)
	case byName:
		order = strings.Compare(a.DisplayName, b.DisplayName)
	}
	order = cmp.Or(order, bytes.Compare(a.ID[:], b.ID[:]))
	if !s.ascending {
		return -order
	}
	return order
}
