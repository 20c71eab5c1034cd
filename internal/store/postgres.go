package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/patrolhq/patrol/internal/pat"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

const (
	// postgresReaders bounds the connections that read.
	postgresReaders = 8
	// postgresWriters are the writer's, the creator's and the settlement's.
	postgresWriters = 3
	// oldestPostgres is the oldest version, as PostgreSQL numbers them.
	oldestPostgres = 140000
	// migrationLock is the advisory lock under which schemas are changed. It
	// is there for good: a program of another version must take the same.
	migrationLock = 0x7061_7472_6f6c
)

// The partitions of the big tables.
const (
	DefaultPartitions = 8
	MaxPartitions     = 1024
)

// PostgresOptions are what may be said of a PostgreSQL database besides its
// URL. The zero value is usable.
type PostgresOptions struct {
	// Partitions is how many each big table is made of where the schema is
	// made; DefaultPartitions by default. It does not change a schema that is
	// there.
	Partitions int
}

// OpenPostgres opens the PostgreSQL database at a URL, postgres://user@host/name
// with the parameters of libpq. It brings the schema up to date, under a lock,
// so that many may start at once, and refuses a database that a newer program
// has changed. Its errors never tell the URL's password.
func OpenPostgres(ctx context.Context, url string, o PostgresOptions, log *slog.Logger) (_ *DB, err error) {
	links := &links{open: map[*link]struct{}{}}
	config, err := postgresConfig(url, links)
	if err != nil {
		return nil, err
	}
	if _, err := preparePostgres(ctx, config, o, log); err != nil {
		return nil, fmt.Errorf("database %s on %s: %w", config.Database, config.Host, err)
	}
	readers, writers := stdlib.OpenDB(*config), stdlib.OpenDB(*config)
	readers.SetMaxOpenConns(postgresReaders)
	readers.SetMaxIdleConns(postgresReaders)
	readers.SetConnMaxIdleTime(5 * time.Minute)
	writers.SetMaxOpenConns(postgresWriters)
	settlement := newSettlement(writers)
	engine := engine{
		begin: `BEGIN ISOLATION LEVEL READ COMMITTED`, commit: commitPostgres, judge: judgePostgres, severed: severedPostgres,
		patience: statementTimeout + 2*time.Second, recordUses: recordUsesPostgres, usages: usagesPostgres, cut: links.cut,
		number: numberPostgres, settle: settlement.settle,
	}
	db := newDB(engine, readers, writers, io.NopCloser(nil), log)
	db.creator, db.settlement, db.nodes = newCreator(engine, writers), settlement, newNodes(db, config)
	return db, nil
}

// preparePostgres checks the server and brings the schema up to date.
func preparePostgres(ctx context.Context, config *pgx.ConnConfig, o PostgresOptions, log *slog.Logger) (done Migration, err error) {
	partitions := o.Partitions
	if partitions == 0 {
		partitions = DefaultPartitions
	}
	if partitions < 1 || partitions > MaxPartitions {
		return done, fmt.Errorf("%d partitions: it must be 1 to %d", partitions, MaxPartitions)
	}
	config = patient(config) // others migrate first, and old tables are big
	config.RuntimeParams["patrol.partitions"] = strconv.Itoa(partitions)
	pool := stdlib.OpenDB(*config)
	defer pool.Close() // which gives back the lock
	lock, err := pool.Conn(ctx)
	if err != nil {
		return done, err
	}
	defer lock.Close()
	if err := checkServer(ctx, lock, log); err != nil {
		return done, err
	}
	if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return done, fmt.Errorf("waiting for others that migrate: %w", err)
	}
	migrations, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		return done, err
	}
	done, err = migrate(ctx, goose.DialectPostgres, pool, migrations, log)
	if isForbidden(err) {
		return done, fmt.Errorf("%w; this role may not: run \"patrold migrate\" as the role that owns the schema", err)
	} else if err != nil {
		return done, err
	}
	var have int
	if err := lock.QueryRowContext(ctx, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'token'::regclass`).Scan(&have); err != nil {
		return done, fmt.Errorf("counting partitions: %w", err)
	}
	if o.Partitions != 0 && o.Partitions != have {
		log.Warn("the schema was made with another number of partitions, which stays", "partitions", have, "configured", o.Partitions)
	}
	return done, nil
}

// patient is config without timeouts.
func patient(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	for _, timeout := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[timeout] = "0"
	}
	return config
}

// checkServer refuses a server that cannot keep what we write.
func checkServer(ctx context.Context, conn *sql.Conn, log *slog.Logger) error {
	var version int
	var encoding, fsync string
	err := conn.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), current_setting('fsync')`).
		Scan(&version, &encoding, &fsync)
	switch {
	case err != nil:
		return fmt.Errorf("asking for the server's settings: %w", err)
	case version < oldestPostgres:
		return fmt.Errorf("the server is PostgreSQL %d, which is too old: use %d or newer", version/10000, oldestPostgres/10000)
	case encoding != "UTF8":
		return fmt.Errorf("the database is encoded in %s: create one with ENCODING 'UTF8' TEMPLATE template0", encoding)
	case fsync != "on":
		log.Warn("the server runs with fsync off: it loses tokens, and revocations, when its machine fails")
	}
	return nil
}

// recordUsesPostgres records uses by one statement, in the order of keys, so
// that two nodes never wait for each other.
func recordUsesPostgres(s *session, uses []pat.Usage) error {
	rows := make([][]any, len(uses))
	for i, u := range uses {
		rows[i] = useArguments(u)
	}
	_, err := s.exec(recordUses, columns(rows)...)
	return err
}

const recordUses = intoUsage + `SELECT DISTINCT ON (bucket, token) *
	FROM unnest($1::integer[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::text[]) AS used (bucket, token, at, address, agent, scope)
	ORDER BY bucket, token, at DESC` + keepLatest

// usagesPostgres takes the ids as an array. Each limit keeps planners from
// reading a bucket instead of the rows that are asked for.
var usagesPostgres = usageQuery{
	text: `SELECT ` + usageColumns + ` FROM (SELECT DISTINCT unnest($3::bytea[])) AS wanted (id),
	LATERAL (SELECT * FROM token WHERE bucket = $1 AND owner = $2 AND id = wanted.id LIMIT 1) AS token
	LEFT JOIN LATERAL (SELECT * FROM token_usage WHERE bucket = $1 AND token = wanted.id LIMIT 1) AS u ON true`,
	ids: func(ids []pat.UUID) []any {
		list := make([][]byte, len(ids))
		for i := range ids {
			list[i] = ids[i][:]
		}
		return []any{list}
	},
}

// commitPostgres believes no success that is none. PostgreSQL answers the
// COMMIT of a spoilt transaction with ROLLBACK; and it reports the success of
// one whose wait for the standby was cancelled, with a warning. By pgx's simple
// protocol a COMMIT that was sent can look like one that was not, so it goes by
// the other.
func commitPostgres(ctx context.Context, s *session) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	var result *pgconn.Result
	err := s.conn.Raw(func(conn any) error {
		result = conn.(*stdlib.Conn).Conn().PgConn().ExecParams(ctx, `COMMIT`, nil, nil, nil, nil).Read()
		return result.Err
	})
	switch {
	case isRefused(err):
		return err
	case err != nil:
		return fmt.Errorf("%w: committing: %w", pat.ErrUnknown, err)
	case result.CommandTag.String() != "COMMIT":
		return errors.New("the server rolled the transaction back")
	}
	return warned(s)
}

// warning is where a connection keeps the SQLSTATE of the last warning.
const warning = "warning"

// keepWarning is told what the server has to say besides its answers.
func keepWarning(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.SeverityUnlocalized == "WARNING" {
		conn.CustomData()[warning] = notice.Code
	}
}

// forgetWarnings forgets what was said while connecting.
func forgetWarnings(_ context.Context, conn *pgconn.PgConn) error {
	delete(conn.CustomData(), warning)
	return nil
}

// warned is [pat.ErrUnknown] if the server warned since it was asked last. It
// has no reason to but that a commit may be on one machine alone.
func warned(s *session) error {
	var code any
	err := s.conn.Raw(func(conn any) error {
		code = takeWarning(conn.(*stdlib.Conn).Conn().PgConn())
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", pat.ErrUnknown, err)
	case code != nil:
		return fmt.Errorf("%w: the server committed with the warning %v, perhaps without its standby", pat.ErrUnknown, code)
	}
	return nil
}

// takeWarning is the SQLSTATE of what the server warned of since it was asked
// last, nil where it did not.
func takeWarning(conn *pgconn.PgConn) any {
	code := conn.CustomData()[warning]
	delete(conn.CustomData(), warning)
	return code
}
