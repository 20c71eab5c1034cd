package patroltest_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/pat"
)

// seed is a data directory with a database of tokens whose secrets are known.
type seed struct {
	data string
	info daemon.DevInfo
	// secrets is a file with a secret a line.
	secrets string
}

// newSeed makes a data directory of n tokens of ten thousand owners, each with
// a real secret, but without the events that creates write.
func newSeed(b *testing.B, n int) seed {
	b.Helper()
	s := seed{data: filepath.Join(b.TempDir(), "data")}
	ctx, stop := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: s.data})
	if err != nil {
		b.Fatal(err)
	}
	s.info = dev.Info
	stop()
	if err := dev.Wait(ctx); err != nil {
		b.Fatal(err)
	}
	s.secrets = filepath.Join(s.data, "secrets")
	s.fill(b, n)
	return s
}

func (s seed) fill(b *testing.B, n int) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "patrol.db")+"?_pragma=synchronous(OFF)&_pragma=cache_size(-262144)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	rows := &rowsOfTokens{b: b}
	file, err := os.OpenFile(s.secrets, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	secrets := bufio.NewWriter(file)
	service := s.service(b, rows)
	const perTransaction = 50_000
	for i := range n {
		if i%perTransaction == 0 {
			rows.begin(db)
		}
		_, secret, err := service.Create(b.Context(), s.owner(b, i%10_000), pat.Creation{DisplayName: "seed", Scope: "vso.code"})
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintln(secrets, secret.Reveal())
		if i%perTransaction == perTransaction-1 || i == n-1 {
			rows.commit()
		}
	}
	if err := secrets.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

// service makes tokens that a patrold with the same directory knows.
func (s seed) service(b *testing.B, store pat.Store) *pat.Service {
	b.Helper()
	var material struct{ ServerKey []byte }
	encoded, err := os.ReadFile(filepath.Join(s.data, "material.json"))
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &material); err != nil {
		b.Fatal(err)
	}
	keys, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: material.ServerKey})
	if err != nil {
		b.Fatal(err)
	}
	scopes, err := pat.NewCatalogue([]pat.ScopeDefinition{{Name: "vso.code"}})
	if err != nil {
		b.Fatal(err)
	}
	return &pat.Service{
		Store: store, Keys: keys, Scopes: scopes,
		Policy: func(context.Context, pat.Organization) (pat.Policy, error) { return pat.Policy{}, nil },
	}
}

// owner is the i-th owner of tokens, in contoso.
func (s seed) owner(b *testing.B, i int) pat.Caller {
	b.Helper()
	id := func(text string) pat.UUID {
		parsed, err := pat.ParseUUID(text)
		if err != nil {
			b.Fatal(err)
		}
		return parsed
	}
	name := fmt.Sprintf("user%d@contoso.example", i)
	return pat.Caller{
		Actor:        pat.Actor{ID: pat.HashUUID(name), Tenant: id(s.info.Tenant), Username: name, Permissions: pat.ManageTokens},
		Organization: pat.Organization{ID: id(s.info.Organizations[0].ID), Name: "contoso", Tenant: id(s.info.Tenant)},
	}
}

// rowsOfTokens is a store that does nothing but insert rows.
type rowsOfTokens struct {
	pat.Store
	b    *testing.B
	tx   *sql.Tx
	stmt *sql.Stmt
}

// tokenColumns are those that Create fills.
var tokenColumns = []string{
	"bucket", "id", "owner", "tenant", "owner_name", "organization", "target", "display_name", "scope",
	"valid_from", "valid_to", "revoked_at", "state", "key_id", "digest", "seal", "c3id", "version",
}

func insertOfToken() string {
	var places []string
	for i := range tokenColumns {
		places = append(places, fmt.Sprintf("$%d", i+1))
	}
	return "INSERT INTO token (" + strings.Join(tokenColumns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
}

func (r *rowsOfTokens) begin(db *sql.DB) {
	r.b.Helper()
	var err error
	if r.tx, err = db.BeginTx(context.Background(), nil); err != nil {
		r.b.Fatal(err)
	}
	if r.stmt, err = r.tx.PrepareContext(context.Background(), insertOfToken()); err != nil {
		r.b.Fatal(err)
	}
}

func (r *rowsOfTokens) commit() {
	r.b.Helper()
	if err := r.tx.Commit(); err != nil {
		r.b.Fatal(err)
	}
}

func (r *rowsOfTokens) Create(_ context.Context, t pat.Token, _ pat.Event) error {
	_, err := r.stmt.Exec(int64(t.ID.Bucket()), t.ID[:], t.Owner[:], t.Tenant[:], t.OwnerName, t.Organization[:], t.Organization[:], t.DisplayName, string(t.Scope),
		t.ValidFrom.UnixMicro(), t.ValidTo.UnixMicro(), 0, 0, int64(t.KeyID), t.Digest[:], t.Seal[:], t.C3ID[:], t.Version)
	return err
}

// everyLine is a file with what change makes of each line of the file at path,
// at most n of them.
func everyLine(b *testing.B, path string, n int, change func(string) string) string {
	b.Helper()
	in, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.CreateTemp(b.TempDir(), "lines")
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	buffered := bufio.NewWriter(out)
	lines := bufio.NewScanner(in)
	for i := 0; i < n && lines.Scan(); i++ {
		fmt.Fprintln(buffered, change(lines.Text()))
	}
	if err := buffered.Flush(); err != nil {
		b.Fatal(err)
	}
	return out.Name()
}

func firstLine(b *testing.B, path string) string {
	b.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// discard is a store that keeps nothing.
type discard struct{ pat.Store }

func (discard) Create(context.Context, pat.Token, pat.Event) error { return nil }
