package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// creator keeps new tokens on PostgreSQL: those that wait go there together, in
// one statement that is its own transaction. Nobody can have presented a new
// token before, so a create tells no other node.
type creator struct {
	engine  engine
	pool    *sql.DB
	session *session
	// used is when the session was used last.
	used  time.Time
	queue *queue[*creation]

	tally tally
}

// creation is a token that is to be kept, with its event.
type creation struct {
	token, event []any
	outcome      chan error
}

// createMany keeps tokens and their events from arrays, one for each column.
// Owners are in order, so that two nodes never wait for each other's.
const createMany = `WITH created AS (
	` + intoToken + `SELECT * FROM unnest($1::integer[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], $7::bytea[], $8::text[], $9::text[],
		$10::bigint[], $11::bigint[], $12::bigint[], $13::integer[], $14::integer[], $15::bytea[], $16::bytea[], $17::bytea[], $18::bigint[])
), placed AS (
	INSERT INTO owner_bucket (owner, bucket) SELECT DISTINCT * FROM unnest($3::bytea[], $1::integer[]) AS place (owner, bucket)
	ORDER BY owner, bucket ON CONFLICT DO NOTHING
) ` + intoEvent + `SELECT * FROM unnest($19::integer[], $20::bytea[], $21::bigint[], $22::text[], $23::bytea[], $24::bytea[], $25::bytea[], $26::bytea[],
	$27::bytea[], $28::text[], $29::bytea[], $30::text[], $31::text[], $32::text[])`

func newCreator(e engine, pool *sql.DB) *creator {
	c := &creator{engine: e, pool: pool, queue: newQueue[*creation]()}
	go c.queue.serve(c.serve)
	return c
}

// stop ends the goroutine after the tokens that it is at.
func (c *creator) stop() {
	c.queue.stop()
	c.discard()
}

// create returns nil once a token and its event are durable. A caller whose
// context ends before the token was taken leaves without having created
// anything; after that it waits for the outcome.
func (c *creator) create(ctx context.Context, token, event []any) error {
	n := &creation{token: token, event: event, outcome: make(chan error, 1)}
	if err := c.queue.enter(ctx, n); err != nil {
		return err
	}
	return <-n.outcome
}

// serve keeps first and all that join it.
func (c *creator) serve(first *creation) {
	group := []*creation{first}
	c.queue.pace.begin()
	for c.queue.join(&group) {
		continue
	}
	c.answer(group)
}

// answer keeps a group and tells each its outcome. Where one of them is at
// fault, each goes by itself.
func (c *creator) answer(group []*creation) {
	err := c.keep(group)
	if v := c.engine.judge(err); err != nil && len(group) > 1 && (v == spoilt || v == undone) {
		for _, n := range group {
			n.outcome <- c.keep([]*creation{n})
		}
		return
	}
	for _, n := range group {
		n.outcome <- err
	}
}

// keep runs the statement, and once more where it certainly did nothing
// because a deadlock undid it or because the connection had been lost before.
func (c *creator) keep(group []*creation) error {
	err := c.try(group)
	if c.engine.judge(err) == undone || errors.Is(err, errNotSent) {
		err = c.try(group)
	}
	if err == nil || c.engine.judge(err) == spoilt {
		return err
	}
	c.tally.failed.Add(1)
	if errors.Is(err, pat.ErrUnknown) {
		return err
	}
	return c.engine.notDone("creating tokens", err)
}

// errNotSent is an error of a connection that was lost before it was used.
var errNotSent = errors.New("the connection was lost before it was used")

func (c *creator) try(group []*creation) error {
	ctx := context.Background() // a caller's end must not end the others
	fresh, err := c.connect(ctx)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	started := time.Now()
	err = c.run(ctx, group)
	c.used = time.Now()
	if err == nil {
		c.queue.committed(len(group), time.Since(started))
		c.tally.committed(len(group))
		return nil
	}
	if c.engine.judge(err) == spoilt {
		return fmt.Errorf("inserting tokens: %w", err)
	}
	c.discard()
	switch {
	case isRefused(err):
		return err
	case isUnsent(err) && !fresh:
		return errors.Join(errNotSent, err)
	case isUnsent(err):
		return err
	}
	return fmt.Errorf("%w: inserting tokens: %w", pat.ErrUnknown, err)
}

// connect sees to it that there is a connection. One that was idle is tried
// first: where it broke meanwhile, nobody could tell later whether it did so
// before the statement was done.
func (c *creator) connect(ctx context.Context) (fresh bool, err error) {
	if c.session != nil && time.Since(c.used) > time.Second && c.session.control(ctx, `SELECT`) != nil {
		c.discard()
	}
	if c.session != nil {
		return false, nil
	}
	c.session, err = openSession(ctx, c.pool, c.engine.patience)
	return true, err
}

// run runs the statement on the connection that there is.
func (c *creator) run(ctx context.Context, group []*creation) error {
	if err := c.session.prepare(ctx, createMany); err != nil {
		return errors.Join(errNotSent, err)
	}
	tokens, events := make([][]any, len(group)), make([][]any, len(group))
	for i, n := range group {
		tokens[i], events[i] = n.token, n.event
	}
	_, err := c.session.exec(createMany, append(columns(tokens), columns(events)...)...)
	if err == nil {
		err = warned(c.session)
	}
	return err
}

func (c *creator) discard() {
	if c.session != nil {
		c.session.close()
		c.session = nil
	}
}

// columns turns rows of arguments into arrays of columns.
func columns(rows [][]any) []any {
	arrays := make([]any, len(rows[0]))
	for i, first := range rows[0] {
		switch first.(type) {
		case int64:
			arrays[i] = column[int64](rows, i)
		case []byte:
			arrays[i] = column[[]byte](rows, i)
		default:
			arrays[i] = column[string](rows, i)
		}
	}
	return arrays
}

func column[T any](rows [][]any, i int) []T {
	values := make([]T, len(rows))
	for j, row := range rows {
		values[j] = row[i].(T)
	}
	return values
}
