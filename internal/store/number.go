package store

import (
	"context"

	"github.com/patrolhq/patrol/internal/pat"
)

// changeChannel is where nodes are told that there are changes.
const changeChannel = "patrol_change"

const (
	// numberChanges numbers the changes of a transaction. It locks the counter
	// until that has ended, so that the order of commits is the order of
	// numbers. The notification goes out with the commit, and is no more than
	// a hint.
	numberChanges = `WITH change AS (UPDATE change_counter SET seq = seq + 1 WHERE id = 1 RETURNING seq),
	noted AS (INSERT INTO invalidation (seq, digest)
		SELECT change.seq, changed.digest FROM change, (SELECT DISTINCT unnest($1::bytea[]) AS digest) AS changed)
	SELECT change.seq FROM change, pg_notify('` + changeChannel + `', '')`
	selectNumber = `SELECT seq FROM change_counter WHERE id = 1`
)

// numberPostgres gives a transaction that changed tokens its number, as its
// last statement. One that found a change done already, and so wrote nothing,
// gets the number of the last change that it can have seen.
func numberPostgres(s *session, changed []pat.Digest) (change int64, err error) {
	if len(changed) == 0 {
		err = s.row(context.Background(), selectNumber).Scan(&change)
		return change, err
	}
	digests := make([][]byte, len(changed))
	for i := range changed {
		digests[i] = changed[i][:]
	}
	err = s.row(context.Background(), numberChanges, digests).Scan(&change)
	return change, err
}
