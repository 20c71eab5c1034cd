package main

import (
	"cmp"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestCopyToPostgres moves a service from SQLite to PostgreSQL: what was minted
// before is good after, and what was revoked is not.
func TestCopyToPostgres(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	database := postgrestest.Database(t)
	from := "sqlite:" + filepath.Join(data, "patrol.db")
	p := startProcess(t, data)
	c := p.client(t)
	create := func(name string) api.PatToken {
		t.Helper()
		created, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code"})
		if err != nil {
			t.Fatal(err)
		}
		return created
	}
	live, dead := create("live 🐛"), create("dead")
	if err := c.Revoke(t.Context(), dead.AuthorizationID); err != nil {
		t.Fatal(err)
	}
	copying := []string{"migrate", "--from", from, "--to", database, "--partitions", "2"}
	if output, err := runCommand(t, copying...); err == nil || !strings.Contains(output, "another process has it open") {
		t.Errorf("patrold migrate while the service runs = %v, %s, want it refused", err, output)
	}
	c.HTTP.CloseIdleConnections()
	p.kill()
	output, err := runCommand(t, copying...)
	if err != nil || !strings.Contains(output, "the copy is complete") || strings.Contains(output, passwordOf(t, database)) {
		t.Fatalf("patrold migrate = %v, %s", err, output)
	}
	if output, err := runCommand(t, copying...); err == nil || !strings.Contains(output, "overwrites nothing") {
		t.Errorf("patrold migrate once more = %v, %s, want it refused", err, output)
	}
	p = startProcess(t, data, "--database", database)
	defer p.kill()
	for secret, want := range map[*string]int{live.Token: http.StatusOK, dead.Token: http.StatusUnauthorized} {
		if got := p.verify(t, *secret); got != want {
			t.Errorf("on PostgreSQL /verify answers %d, want %d", got, want)
		}
	}
	c = p.client(t)
	if err := c.Revoke(t.Context(), live.AuthorizationID); err != nil {
		t.Errorf("on PostgreSQL Revoke = %v", err)
	}
	if got := p.verify(t, *live.Token); got != http.StatusUnauthorized {
		t.Errorf("once it is revoked /verify answers %d, want 401", got)
	}
	c.HTTP.CloseIdleConnections()
}

// verify asks about a token for a scope, and returns the status.
func (p *process) verify(t *testing.T, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.info.Verify.URL+"/contoso/vso.code", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func passwordOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return cmp.Or(password, "none is needed")
}

// TestMigrate makes a schema and finds it there, by the names that there are
// for a database.
func TestMigrate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := postgrestest.Database(t)
	bare, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	bare.User = url.User(bare.User.Username())
	secret, config := filepath.Join(dir, "password"), filepath.Join(dir, "patrold.toml")
	for path, content := range map[string]string{
		secret: passwordOf(t, database),
		config: "[database]\nurl = \"" + bare.String() + "\"\npassword = \"file:" + secret + "\"\npartitions = 5\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(dir, "none.db")
	for _, step := range []struct {
		arguments []string
		want      string
		fails     bool
	}{
		{[]string{"--config", config}, "from version 0 to 2", false},
		{[]string{"--database", database}, "version 2, which is the newest", false},
		{[]string{"--database", "sqlite:" + missing}, "no such file", true},
		{[]string{"--config", config, "--database", database}, "named twice", true},
		{nil, "which database?", true},
		{[]string{"--database", "mysql://u:s3cret@host/x"}, "postgres://", true},
		{[]string{"--to", database}, "--from", true},
		{[]string{"--from", database, "--to", database}, "from SQLite to PostgreSQL", true},
		{[]string{"--from", "sqlite:" + missing, "--config", config}, "no such file", true},
	} {
		output, err := runCommand(t, append([]string{"migrate"}, step.arguments...)...)
		if (err != nil) != step.fails || !strings.Contains(output, step.want) || strings.Contains(output, "s3cret") || strings.Contains(output, passwordOf(t, database)) {
			t.Errorf("patrold migrate %q = %v, %s, want %q", step.arguments, err, output, step.want)
		}
	}
}
