package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/pressly/goose/v3"
)

// Migration is what became of a schema: the versions before and after.
type Migration struct{ From, To int64 }

// MigrateSQLite brings the schema of the SQLite database at path, which must
// exist and not be in use, up to date.
func MigrateSQLite(ctx context.Context, path string, log *slog.Logger) (Migration, error) {
	if _, err := os.Stat(path); err != nil {
		return Migration{}, fmt.Errorf("database: %w", err)
	}
	db, err := OpenSQLite(ctx, path, log)
	if err != nil {
		return Migration{}, err
	}
	return db.migration, db.Close()
}

// MigratePostgres makes the schema of the PostgreSQL database at a URL, or
// brings it up to date, as [OpenPostgres] does.
func MigratePostgres(ctx context.Context, url string, o PostgresOptions, log *slog.Logger) (Migration, error) {
	config, err := postgresConfig(url, &links{open: map[*link]struct{}{}})
	if err != nil {
		return Migration{}, err
	}
	done, err := preparePostgres(ctx, config, o, log)
	if err != nil {
		return Migration{}, fmt.Errorf("database %s on %s: %w", config.Database, config.Host, err)
	}
	return done, nil
}

// migrate brings the schema up to date.
func migrate(ctx context.Context, dialect goose.Dialect, pool *sql.DB, migrations fs.FS, log *slog.Logger) (Migration, error) {
	provider, err := goose.NewProvider(dialect, pool, migrations, goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
	if err != nil {
		return Migration{}, fmt.Errorf("reading migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return Migration{}, fmt.Errorf("reading the schema's version: %w", err)
	case have > want:
		return Migration{}, fmt.Errorf("its schema has version %d, this program knows %d: run the newer program that changed it", have, want)
	case have == want:
		return Migration{have, want}, nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return Migration{}, fmt.Errorf("migrating from version %d to %d: %w", have, want, err)
	}
	log.Info("database migrated", "from", have, "to", want)
	return Migration{have, want}, nil
}
