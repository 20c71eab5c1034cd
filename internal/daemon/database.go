package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store"
)

// database is where tokens are kept: a SQLite file, or a PostgreSQL database by
// its URL, password included.
type database struct {
	path, url  string
	partitions int
}

// parseDatabase reads "sqlite:PATH" or "postgres://…", where a password may
// stand.
func parseDatabase(text string) (database, error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch {
	case kind == "sqlite" && rest != "":
		return database{path: rest}, nil
	case kind == "postgres", kind == "postgresql":
		return database{url: text}, nil
	}
	return database{}, fmt.Errorf("database %q: write \"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST/NAME\"", kind)
}

// prepare checks c and reads the password that it refers to.
func (c DatabaseConfig) prepare(f *faults, secrets *secrets) database {
	db := database{path: c.Path, url: c.URL, partitions: c.Partitions}
	switch {
	case c.Path == "" && c.URL == "":
		f.addf("database", "missing: name in path the file that tokens are kept in, or in url the PostgreSQL database")
	case c.Path != "" && c.URL != "":
		f.addf("database", "path and url exclude each other: tokens are kept in one place")
	case strings.Contains(c.Path, "://"):
		f.addf("database.path", "it is a URL, not a file: write it as url, without a password")
	case c.URL == "" && (c.Password != "" || c.Partitions != 0):
		f.addf("database", "password and partitions belong to url, for PostgreSQL")
	}
	if c.Partitions < 0 || c.Partitions > store.MaxPartitions {
		f.addf("database.partitions", "%d is not a number of 1 to %d", c.Partitions, store.MaxPartitions)
	}
	if c.URL == "" {
		return db
	}
	inside, err := store.CheckPostgresURL(c.URL)
	switch {
	case inside:
		f.addf("database.url", "a password must not stand in it: take it out, and write password = \"file:PATH\" or \"env:NAME\"")
		return db
	case err != nil:
		f.add("database.url", err)
		return db
	}
	if c.Password != "" {
		secret, err := secrets.read(c.Password)
		f.add("database.password", err)
		db.url = withPassword(c.URL, secret)
	}
	return db
}

// withPassword puts a password into a URL that was checked.
func withPassword(text, password string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	query := u.Query()
	query.Set("password", password)
	u.RawQuery = query.Encode()
	return u.String()
}

// open opens the database, which must not have been filled under other keys by
// the same ids. missing are the ids of keys that it was filled under and that
// the keyring lacks: the tokens of those are dead.
func (d database) open(ctx context.Context, keys *pat.Keyring, log *slog.Logger) (db *store.DB, missing []byte, err error) {
	if d.url != "" {
		db, err = store.OpenPostgres(ctx, d.url, store.PostgresOptions{Partitions: d.partitions}, log)
	} else {
		db, err = store.OpenSQLite(ctx, d.path, log)
	}
	if err != nil {
		return nil, nil, err
	}
	if missing, err = db.MatchKeys(ctx, keys.Fingerprints(), pat.Instant(time.Now())); err != nil {
		db.Close()
		return nil, nil, err
	}
	return db, missing, nil
}
