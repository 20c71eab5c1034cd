package store

import (
	"context"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// SilenceOfNode is for how long a node must not have renewed its row until that
// is deleted: longer than the node may have gone by what it knows, since no two
// clocks run alike.
const SilenceOfNode = 3300 * time.Millisecond

const (
	// selectNodes reads the nodes' rows, and beside them the number of the last
	// change: a server that has not come to a change cannot tell who knows of
	// it.
	selectNodes = `SELECT change_counter.seq, coalesce(node.epoch, ''), coalesce(node.renewal, 0), coalesce(node.applied, 0)
		FROM change_counter LEFT JOIN node ON true WHERE change_counter.id = 1 AND NOT pg_is_in_recovery()`
	// deleteSilentNode deletes the row of a node only as it was seen: a renewal
	// may be on its way.
	deleteSilentNode = `DELETE FROM node WHERE epoch = $1 AND renewal = $2`
)

// roll is the nodes' rows, as of one moment.
type roll struct {
	// seq is the number of the last change.
	seq   int64
	nodes []nodeRow
}

type nodeRow struct {
	epoch            pat.UUID
	renewal, applied int64
}

// applied is up to which change all nodes know all changes.
func (r roll) applied() int64 {
	least := r.seq
	for _, n := range r.nodes {
		least = min(least, n.applied)
	}
	return least
}

// readRoll reads the nodes' rows.
func (s *statements) readRoll(ctx context.Context) (r roll, err error) {
	r.seq = -1
	err = s.query(ctx, func(scan func(...any) error) error {
		var n nodeRow
		var epoch []byte
		if err := scan(&r.seq, &epoch, &n.renewal, &n.applied); err != nil {
			return err
		}
		if len(epoch) == 0 {
			return nil // there is no node
		}
		r.nodes = append(r.nodes, n)
		return octets(r.nodes[len(r.nodes)-1].epoch[:]).Scan(epoch)
	}, selectNodes)
	if err == nil && r.seq < 0 {
		err = errOtherServer
	}
	return r, err
}

// watch is what was seen of the nodes' rows, and since when.
type watch map[pat.UUID]sighting

type sighting struct {
	renewal int64
	since   time.Time
}

// silent are the nodes that were not renewed for too long, as of an answer that
// came at a moment. Time counts from the answer that told of the last renewal,
// since the question was asked before.
func (w watch) silent(nodes []nodeRow, answered time.Time) (silent []nodeRow) {
	for _, n := range nodes {
		seen, ok := w[n.epoch]
		switch {
		case !ok || seen.renewal != n.renewal:
			w[n.epoch] = sighting{n.renewal, answered}
		case answered.Sub(seen.since) >= SilenceOfNode:
			silent = append(silent, n)
		}
	}
	return silent
}

// bury deletes the rows of nodes that were silent for too long, unless they
// speak up.
func (s *statements) bury(ctx context.Context, silent []nodeRow) error {
	for _, n := range silent {
		if _, err := s.exec(ctx, deleteSilentNode, n.epoch[:], n.renewal); err != nil {
			return err
		}
	}
	return nil
}
