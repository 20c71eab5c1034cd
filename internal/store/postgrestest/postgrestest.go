// Package postgrestest runs PostgreSQL for tests: a throw-away cluster for each
// test binary, with a database of its own for each test, and clusters that a
// test may stop, kill and start as it likes.
//
// A test binary that uses it runs its [Tests] in its TestMain. Where the
// environment has PATROL_TEST_POSTGRES, the URL of a superuser, databases are
// made on that server instead.
package postgrestest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// shared is the cluster of this test binary, started when it is first needed.
var shared struct {
	sync.Mutex
	server    string // its URL, "" until then
	cluster   *Cluster
	templates map[string]*template
}

// template is a database that others are copied from.
type template struct {
	once sync.Once
	name string
	err  error
}

// Tests are the tests of a binary.
type Tests struct{ M *testing.M }

// Run runs them and stops the cluster that they shared. It returns what
// TestMain is to exit with.
func (t Tests) Run() int {
	defer func() {
		if shared.cluster != nil {
			shared.cluster.remove()
		}
	}()
	return t.M.Run()
}

// Server is the URL of the shared cluster, whose user is a superuser.
func Server(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != "" {
		return shared.server
	}
	if server := os.Getenv("PATROL_TEST_POSTGRES"); server != "" {
		shared.server = server
		return server
	}
	cluster, err := newCluster()
	if err != nil {
		t.Fatal(err)
	}
	shared.cluster, shared.server = cluster, cluster.URL("postgres")
	return shared.server
}

// Database makes an empty database on the shared cluster, which ends with the
// test, and returns its URL.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, Server(t), "template0")
}

// Copy is Database with what fill has put in. fill runs once for all tests that
// give it the same name, and must leave no connection open.
func Copy(t testing.TB, name string, fill func(url string) error) string {
	t.Helper()
	server := Server(t)
	shared.Lock()
	if shared.templates == nil {
		shared.templates = map[string]*template{}
	}
	if shared.templates[name] == nil {
		shared.templates[name] = &template{name: "template_" + strings.ToLower(rand.Text())}
	}
	from := shared.templates[name]
	shared.Unlock()
	from.once.Do(func() {
		if from.err = execute(server, `CREATE DATABASE `+from.name+` TEMPLATE template0`); from.err == nil {
			from.err = fill(withDatabase(server, from.name))
		}
	})
	if from.err != nil {
		t.Fatalf("filling the template %s: %v", name, from.err)
	}
	return create(t, server, from.name)
}

// create makes a database from a template.
func create(t testing.TB, server, template string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	if err := execute(server, `CREATE DATABASE `+name+` TEMPLATE `+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(server, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("dropping a test's database: %v", err)
		}
	})
	return withDatabase(server, name)
}

// withDatabase is the URL of another database on the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // whose use tells what is wrong
	}
	u.Path = "/" + name
	return u.String()
}

// execute runs a statement on a server by itself.
func execute(server, statement string) error {
	pool, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.ExecContext(context.Background(), statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
