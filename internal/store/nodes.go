package store

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxLeftBehind is how many rows a node remembers to take away. Those that it
// forgets are deleted by whoever waits for them.
const maxLeftBehind = 16

const (
	// nodeDialTimeout bounds how long one of the database's hosts may take to
	// accept a node's connection: where packets are lost, another may do so.
	nodeDialTimeout = time.Second
	// nodeConnectTimeout bounds how long it may then take to let the node in.
	// It may be slow, and that takes several turns.
	nodeConnectTimeout = 3 * time.Second
)

// The statements of a node. None is prepared, which would take another turn:
// the database may be slow.
const (
	insertNode = `WITH left_behind AS (DELETE FROM node WHERE epoch = ANY($2::bytea[]))
		INSERT INTO node (epoch, renewal, applied, joined_at)
		SELECT $1, 1, seq, ` + serverTime + ` FROM change_counter WHERE id = 1 RETURNING applied`
	selectChanges = `SELECT change_counter.seq, coalesce(invalidation.digest, '')
		FROM change_counter LEFT JOIN invalidation ON invalidation.seq > $1 WHERE change_counter.id = 1`
	renewNode = `UPDATE node SET renewal = renewal + 1, applied = $2 WHERE epoch = $1 RETURNING ` + serverTime
	// deleteNode is for a node that leaves, which has no lease any more.
	deleteNode = `DELETE FROM node WHERE epoch = $1`

	serverTime = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

	// lookupBeside reads a token beside the row of the node that asks: a server
	// that has no such row is not the one where the node has its lease.
	lookupBeside = `SELECT token.bucket IS NOT NULL, ` + tokenColumns + ` FROM node LEFT JOIN token ON token.bucket = $1 AND token.digest = $2
		WHERE node.epoch = $3 AND NOT pg_is_in_recovery()`
)

// Nodes is what the nodes of one service keep in their database of each other,
// as one of them uses it; it is a verify.Ledger. Its calls of a node's row go
// over one connection, from [Nodes.Join] to the next.
type Nodes struct {
	db     *DB
	config *pgx.ConnConfig
	conn   *pgx.Conn
	// epoch is the one that has a row, nil where none is known to.
	epoch atomic.Pointer[pat.UUID]
	// leftBehind are epochs of this node that have ended, or never began, and
	// whose rows may be there: nobody is to wait for them.
	leftBehind [][]byte
	// renewals are those of all nodes when [Nodes.Tidy] last looked.
	renewals map[pat.UUID]int64
}

func newNodes(db *DB, config *pgx.ConnConfig) *Nodes {
	config = config.Copy()
	config.ConnectTimeout = nodeConnectTimeout
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, nodeDialTimeout)
		defer cancel()
		return dial(ctx, network, address)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return &Nodes{db: db, config: config}
}

// Join inserts the row of a new epoch over a new connection, and deletes those
// of epochs before it. applied is the number of the last change then.
func (n *Nodes) Join(ctx context.Context, epoch pat.UUID) (applied int64, err error) {
	n.hangUp()
	if n.conn, err = pgx.ConnectConfig(ctx, n.config.Copy()); err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	if err = n.ask(ctx, insertNode, epoch[:], n.leftBehind).Scan(&applied); err != nil {
		if !isRefused(err) { // it may have been inserted
			n.leftBehind = append(n.leftBehind[max(0, len(n.leftBehind)+1-maxLeftBehind):], epoch[:])
		}
		return 0, fmt.Errorf("inserting the node's row: %w", err)
	}
	n.leftBehind = [][]byte{epoch[:]}
	n.epoch.Store(&epoch)
	return applied, nil
}

// Changes are the digests of the tokens that were changed after seq, and the
// number of the last change, as of one moment.
func (n *Nodes) Changes(ctx context.Context, seq int64) (digests []pat.Digest, upTo int64, err error) {
	rows, err := n.conn.Query(ctx, selectChanges, seq)
	if err != nil {
		return nil, 0, fmt.Errorf("reading changes: %w", err)
	}
	defer rows.Close()
	upTo = -1
	for rows.Next() {
		var digest []byte
		if err := rows.Scan(&upTo, &digest); err != nil {
			return nil, 0, fmt.Errorf("reading changes: %w", err)
		}
		if len(digest) == 0 {
			continue // there is none
		}
		digests = append(digests, pat.Digest{})
		if err := octets(digests[len(digests)-1][:]).Scan(digest); err != nil {
			return nil, 0, fmt.Errorf("reading changes: %w", err)
		}
	}
	err = rows.Err()
	if err == nil && upTo < seq {
		err = fmt.Errorf("the counter of changes went back from %d to %d", seq, upTo)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading changes: %w", err)
	}
	return digests, upTo, nil
}

// Renew renews the row of an epoch, and fails where there is none. now is the
// server's time.
func (n *Nodes) Renew(ctx context.Context, epoch pat.UUID, applied int64) (now time.Time, err error) {
	var micros int64
	if err := n.ask(ctx, renewNode, epoch[:], applied).Scan(&micros); err != nil {
		return time.Time{}, fmt.Errorf("renewing the node's row: %w", err)
	}
	return moment(micros), nil
}

// Leave deletes the row of an epoch that has ended.
func (n *Nodes) Leave(ctx context.Context, epoch pat.UUID) error {
	n.hangUp()
	if _, err := n.db.readers.ExecContext(ctx, deleteNode, epoch[:]); err != nil {
		return fmt.Errorf("deleting the node's row: %w", err)
	}
	return nil
}

// Drop closes every connection to the database server.
func (n *Nodes) Drop() {
	n.hangUp()
	n.db.Reconnect()
}

// hangUp ends the connection that there is, and the epoch with it.
func (n *Nodes) hangUp() {
	n.epoch.Store(nil)
	if n.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = n.conn.Close(ctx) // it may be lost
	n.conn = nil
}

// ask runs a statement that commits by itself and yields one row. A commit that
// is on one machine alone does not count.
func (n *Nodes) ask(ctx context.Context, text string, arguments ...any) row {
	return func(into ...any) error {
		if err := n.conn.QueryRow(ctx, text, arguments...).Scan(into...); err != nil {
			return err
		}
		if code := takeWarning(n.conn.PgConn()); code != nil {
			return fmt.Errorf("the server committed with the warning %v, perhaps without its standby", code)
		}
		return nil
	}
}

// hintPause is how long after its connection was lost a node listens again.
const hintPause = 250 * time.Millisecond

// Hints tell, until ctx ends, that others may have made changes.
func (n *Nodes) Hints(ctx context.Context) <-chan struct{} {
	hints := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			_ = n.listen(ctx, hints) // hints may be missing
			select {
			case <-ctx.Done():
			case <-time.After(hintPause):
			}
		}
	}()
	return hints
}

// listen listens until its connection is lost.
func (n *Nodes) listen(ctx context.Context, hints chan<- struct{}) error {
	conn, err := pgx.ConnectConfig(ctx, n.config.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `LISTEN `+changeChannel); err != nil {
		return err
	}
	for {
		select {
		case hints <- struct{}{}: // one for what was missed, too
		default:
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// unread are columns of a token that is not there.
var unread = slices.Repeat([]any{nowhere{}}, 1+strings.Count(tokenColumns, ","))

type nowhere struct{}

// Scan reads nothing.
func (nowhere) Scan(any) error { return nil }

// errNotJoined is a look-up while the node has no row.
var errNotJoined = fmt.Errorf("%w: this node has no row in the database", pat.ErrUnavailable)

// Lookup is [DB.Lookup] for a node that answers by its lease. A connection that
// leads to a server where the node has no row is not believed, and all are
// closed: they may be those of a primary that is one no longer.
func (n *Nodes) Lookup(ctx context.Context, bucket pat.Bucket, digest pat.Digest) (pat.Token, error) {
	epoch := n.epoch.Load()
	if epoch == nil {
		return pat.Token{}, errNotJoined
	}
	var r tokenRow
	var found, joined bool
	err := n.db.reading.query(ctx, func(scan func(...any) error) error {
		joined = true
		if err := scan(append([]any{&found}, unread...)...); err != nil || !found {
			return err
		}
		return r.scan(func(into ...any) error { return scan(append([]any{&found}, into...)...) })
	}, lookupBeside, int64(bucket), digest[:], epoch[:])
	switch {
	case err != nil:
		return pat.Token{}, n.db.readFault(ctx, err)
	case !joined && n.epoch.CompareAndSwap(epoch, nil):
		n.db.Reconnect()
		return pat.Token{}, errNotJoined
	case !joined:
		return pat.Token{}, errNotJoined
	case !found:
		return pat.Token{}, pat.NotFound()
	}
	return r.Token, nil
}
