package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

// migrate brings the schema up to date.
func migrate(ctx context.Context, dialect goose.Dialect, pool *sql.DB, migrations fs.FS, log *slog.Logger) error {
	provider, err := goose.NewProvider(dialect, pool, migrations, goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reading the schema's version: %w", err)
	case have > want:
		return fmt.Errorf("its schema has version %d, this program knows %d: run the newer program that changed it", have, want)
	case have == want:
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	log.Info("database migrated", "from", have, "to", want)
	return nil
}
