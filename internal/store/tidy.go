package store

import (
	"context"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// deleteApplied deletes the oldest invalidations of those that every node has
// applied. A node that is joining has not read anything yet, and needs none of
// them.
const deleteApplied = `DELETE FROM invalidation WHERE seq < (SELECT min(seq) FROM invalidation) + 10000
	AND seq <= (SELECT least(seq, (SELECT min(applied) FROM node)) FROM change_counter WHERE id = 1)`

// Tidy deletes what the nodes need no more: the rows of those that died, and
// the invalidations that all others have applied. It is called from time to
// time, by one goroutine; where a node may have died it waits for as long as
// one may be silent.
func (n *Nodes) Tidy(ctx context.Context) error {
	s, err := openSession(ctx, n.db.readers, lookTimeout)
	if err != nil {
		return fmt.Errorf("tidying up after nodes: %w", err)
	}
	defer s.close()
	if err := n.buryDead(ctx, s); err != nil {
		return fmt.Errorf("deleting rows of dead nodes: %w", err)
	}
	for {
		deleted, err := s.statements.exec(ctx, deleteApplied)
		if err != nil {
			return fmt.Errorf("deleting invalidations: %w", err)
		}
		if deleted == 0 {
			return nil
		}
	}
}

// buryDead deletes the rows that stay unchanged, if there are any that are as
// they were the last time.
func (n *Nodes) buryDead(ctx context.Context, s *session) error {
	roll, err := s.readRoll(ctx)
	if err != nil {
		return err
	}
	seen := watch{}
	seen.silent(roll.nodes, time.Now())
	suspect := false
	renewals := map[pat.UUID]int64{}
	for _, node := range roll.nodes {
		before, ok := n.renewals[node.epoch]
		suspect = suspect || ok && before == node.renewal
		renewals[node.epoch] = node.renewal
	}
	n.renewals = renewals
	if !suspect {
		return nil
	}
	select {
	case <-time.After(SilenceOfNode):
	case <-ctx.Done():
		return ctx.Err()
	}
	if roll, err = s.readRoll(ctx); err != nil {
		return err
	}
	return s.bury(ctx, seen.silent(roll.nodes, time.Now()))
}
