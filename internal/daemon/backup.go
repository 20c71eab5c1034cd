package daemon

import (
	"context"
	"errors"
	"strings"

	"github.com/patrolhq/patrol/internal/store"
)

// Backup copies a SQLite database, the file at a path or "sqlite:PATH", to a
// new file at output, while the service runs or not.
func Backup(ctx context.Context, database, output string) (store.Backup, error) {
	path := strings.TrimPrefix(database, "sqlite:")
	switch {
	case database == "":
		return store.Backup{}, errors.New("which database? name its file with --database, or the service's configuration with --config")
	case output == "":
		return store.Backup{}, errors.New("where to? name a new file with --output")
	case strings.Contains(path, "://"):
		return store.Backup{}, errors.New("this copies SQLite databases; PostgreSQL has tools of its own, which docs/operations.md names")
	}
	return store.BackupSQLite(ctx, path, output)
}
