package postgrestest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
)

// Standby starts a standby of c, which from then on acknowledges no commit that
// the standby has not got. It ends with the test.
func (c *Cluster) Standby(t testing.TB) *Cluster {
	t.Helper()
	standby, err := c.standby()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(standby.remove)
	if err := c.replicate(t.Context()); err != nil {
		t.Fatalf("waiting for the standby: %v", err)
	}
	return standby
}

// standby is a copy of c that follows it.
func (c *Cluster) standby() (standby *Cluster, err error) {
	standby = &Cluster{bin: c.bin, password: c.password, settings: c.settings, account: c.account}
	if standby.dir, err = os.MkdirTemp("", "patrol-postgres-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			standby.remove()
		}
	}()
	if c.account != nil {
		if err := os.Chown(standby.dir, c.account.uid, c.account.gid); err != nil {
			return nil, err
		}
	}
	copying := standby.command("pg_basebackup", "--dbname", c.URL("postgres"), "--pgdata", standby.data(),
		"--checkpoint", "fast", "--wal-method", "stream", "--write-recovery-conf")
	if out, err := copying.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w\n%s", err, out)
	}
	return standby, standby.Start()
}

// replicate has commits wait for a standby, and returns once there is one.
func (c *Cluster) replicate(ctx context.Context) error {
	pool, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer pool.Close()
	for _, text := range []string{`ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`} {
		if _, err := pool.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	for synchronous := false; !synchronous; {
		err := pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')`).Scan(&synchronous)
		if err != nil {
			return err
		}
	}
	return nil
}

// Promote makes a standby the primary. The old one lives on, answers reads, and
// waits for ever in each commit.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	pool, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var promoted bool
	if err := pool.QueryRowContext(t.Context(), `SELECT pg_promote()`).Scan(&promoted); err != nil || !promoted {
		t.Fatalf("promoting the standby: %v, %v", promoted, err)
	}
}
