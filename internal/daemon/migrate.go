package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/patrolhq/patrol/internal/store"
)

// MigrateOptions say which database patrold migrate is about.
type MigrateOptions struct {
	// Config names the database, or Database does, "sqlite:PATH" or
	// "postgres://…", where a password may stand.
	Config   *Config
	Database string
	// From is the SQLite database, "sqlite:PATH", whose rows are copied into it.
	From string
	// Partitions is how many parts the big tables get where the schema is made;
	// by default what Config says, or 8.
	Partitions int
	// Progress is told how far a copy is.
	Progress func(doing, table string, rows, of int64)
	// Log receives what happens.
	Log *slog.Logger
}

// target is the database that is migrated.
func (o MigrateOptions) target(ctx context.Context) (db database, err error) {
	switch {
	case o.Config != nil && o.Database != "":
		return db, errors.New("the database is named twice: by the configuration, and beside it")
	case o.Config != nil:
		var f faults
		db = o.Config.Database.prepare(&f, newSecrets(ctx))
		if err := errors.Join(f...); err != nil {
			return db, fmt.Errorf("the configuration has faults:\n%w", err)
		}
	case o.Database != "":
		if db, err = parseDatabase(o.Database); err != nil {
			return db, err
		}
	default:
		return db, errors.New("which database? name it with --database, or the service's configuration with --config")
	}
	if o.Partitions != 0 {
		db.partitions = o.Partitions
	}
	if db.url == "" && o.Partitions != 0 {
		return db, errors.New("only PostgreSQL has partitions")
	}
	return db, nil
}

// Migrate brings the schema of a database up to date.
func Migrate(ctx context.Context, o MigrateOptions) (store.Migration, error) {
	db, err := o.target(ctx)
	if err != nil {
		return store.Migration{}, err
	}
	if db.url == "" {
		return store.MigrateSQLite(ctx, db.path, o.Log)
	}
	return store.MigratePostgres(ctx, db.url, store.PostgresOptions{Partitions: db.partitions}, o.Log)
}

// Copy copies every row of a SQLite database that no service uses into an empty
// PostgreSQL database.
func Copy(ctx context.Context, o MigrateOptions) ([]store.Copied, error) {
	from, err := parseDatabase(o.From)
	if err != nil {
		return nil, err
	}
	to, err := o.target(ctx)
	switch {
	case err != nil:
		return nil, err
	case from.url != "" || to.url == "":
		return nil, errors.New("rows are copied from SQLite to PostgreSQL: write --from sqlite:PATH --to postgres://USER@HOST/NAME")
	}
	return store.CopySQLite(ctx, from.path, to.url, store.CopyOptions{
		PostgresOptions: store.PostgresOptions{Partitions: to.partitions}, Progress: o.Progress,
	}, o.Log)
}
