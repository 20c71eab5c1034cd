package daemon_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// run starts a development service on data; stop ends it.
func run(t *testing.T, o daemon.DevOptions) (s *patroltest.Server, stop func()) {
	t.Helper()
	for _, address := range []*string{&o.Listen, &o.IDPListen} {
		if *address == "" {
			*address = "127.0.0.1:0"
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, o)
	if err != nil {
		cancel()
		t.Fatalf("StartDev = %v", err)
	}
	s = patroltest.Attach(t, dev)
	return s, func() {
		s.HTTP.CloseIdleConnections()
		cancel()
		if err := dev.Wait(ctx); err != nil {
			t.Errorf("Wait = %v", err)
		}
	}
}

// withKeysOf is a new directory with the ids and keys of another, and no
// database.
func withKeysOf(t *testing.T, data string) string {
	t.Helper()
	copied := t.TempDir()
	material, err := os.ReadFile(filepath.Join(data, "material.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(copied, "material.json"), material, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// alice is an SDK client of alice's.
func alice(t *testing.T, s *patroltest.Server) *client.Client {
	t.Helper()
	token := s.Token(t, "alice")
	return &client.Client{
		BaseURL: s.API, Organization: "contoso", HTTP: s.HTTP,
		Token: func(context.Context) (string, error) { return token, nil },
	}
}

// TestDevFile holds the shape of dev.json, on which tools rely.
func TestDevFile(t *testing.T) {
	t.Parallel()
	s, stop := run(t, daemon.DevOptions{Data: t.TempDir()})
	defer stop()
	encoded, err := os.ReadFile(filepath.Join(s.Data, "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(encoded, &file); err != nil {
		t.Fatal(err)
	}
	text := func(path string) string {
		t.Helper()
		var at any = file
		for key := range strings.SplitSeq(path, ".") {
			object, ok := at.(map[string]any)
			if !ok {
				t.Fatalf("dev.json has no %s", path)
			}
			at = object[key]
		}
		value, ok := at.(string)
		if !ok {
			t.Fatalf("dev.json has no text at %s", path)
		}
		return value
	}
	for path, want := range map[string]string{
		"console":                      text("api") + "/",
		"authority":                    text("idp") + "/" + text("tenant"),
		"audience":                     "499b84ac-1321-427f-aa17-267ca6975798",
		"clients.console.redirect_uri": text("api") + "/getAToken",
		"ca_file":                      "",
		"verify.url":                   text("api") + "/verify",
		"verify.introspect":            text("api") + "/oauth2/introspect",
	} {
		if got := text(path); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{
		"clients.cli.id", "clients.console.id", "clients.console.secret", "clients.automation.id",
		"clients.automation.secret", "verify.client.id", "verify.client.secret",
	} {
		if text(path) == "" {
			t.Errorf("%s is empty", path)
		}
	}
	var names []string
	for _, o := range s.Organizations {
		names = append(names, o.Name)
	}
	for _, user := range s.Users {
		names = append(names, user.Username)
		if user.Password == "" || user.ObjectID == "" || !strings.HasPrefix(user.Descriptor, "aad.") {
			t.Errorf("user %s lacks a password, an object id or a descriptor", user.Username)
		}
	}
	want := []string{"contoso", "fabrikam", "alice@contoso.example", "bob@contoso.example", "carol@contoso.example"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("organizations and users (-want +got):\n%s", diff)
	}
	if mode := fileMode(t, filepath.Join(s.Data, "dev.json")); mode != 0o600 {
		t.Errorf("dev.json has mode %o, want 600: it holds passwords", mode)
	}
}

func fileMode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestDevKeeps restarts a service, without the file that it only writes, and
// expects the same people, ids and tokens.
func TestDevKeeps(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first, stop := run(t, daemon.DevOptions{Data: data})
	created, err := alice(t, first).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "kept", Scope: "vso.code"})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := os.Remove(filepath.Join(data, "dev.json")); err != nil {
		t.Fatal(err)
	}
	second, stop := run(t, daemon.DevOptions{Data: data})
	defer stop()
	type lasting struct{ Tenant, Organizations, Users, CLI, Automation any }
	keep := func(s *patroltest.Server) lasting {
		return lasting{s.Tenant, s.Organizations, s.Users, s.Clients.CLI, s.Clients.Automation}
	}
	before, _ := json.Marshal(keep(first))
	after, _ := json.Marshal(keep(second))
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if _, err := alice(t, second).Get(t.Context(), created.AuthorizationID); err != nil {
		t.Errorf("the token is gone after a restart: %v", err)
	}
}

func TestDevRefusesWhatIsInUse(t *testing.T) {
	t.Parallel()
	s, stop := run(t, daemon.DevOptions{Data: t.TempDir()})
	defer stop()
	_, err := daemon.StartDev(t.Context(), daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: s.Data})
	if err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("StartDev on a directory in use = %v, want a sentence that says so", err)
	}
}

func TestDevRefusesDatabaseOfOtherKeys(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	_, stop := run(t, daemon.DevOptions{Data: data})
	stop()
	if err := os.Remove(filepath.Join(data, "material.json")); err != nil {
		t.Fatal(err)
	}
	_, err := daemon.StartDev(t.Context(), daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: data})
	if err == nil || !strings.Contains(err.Error(), "another") || !strings.Contains(err.Error(), "key") {
		t.Errorf("StartDev with other keys = %v, want a sentence that says so", err)
	}
}

func TestDevDatabaseElsewhere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "elsewhere.db")
	_, stop := run(t, daemon.DevOptions{Data: t.TempDir(), Database: "sqlite:" + path})
	stop()
	if mode := fileMode(t, path); mode != 0o600 {
		t.Errorf("the database has mode %o, want 600", mode)
	}
	_, err := daemon.StartDev(t.Context(), daemon.DevOptions{
		Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: t.TempDir(), Database: "mysql://user:hunter2@host/db",
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("StartDev with a database that is not supported = %v, want a sentence without its password", err)
	}
}

// TestDevPostgres runs two services that share a directory's keys on one
// database: what one created the other knows.
func TestDevPostgres(t *testing.T) {
	t.Parallel()
	database, data := postgrestest.Database(t), t.TempDir()
	one, stop := run(t, daemon.DevOptions{Data: data, Database: database})
	defer stop()
	created, err := alice(t, one).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.code"})
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	other, stopOther := run(t, daemon.DevOptions{Data: withKeysOf(t, data), Database: database})
	defer stopOther()
	if got, err := alice(t, other).Get(t.Context(), created.AuthorizationID); err != nil || got.DisplayName != "ci" {
		t.Errorf("Get from the other = %+v, %v, want the token", got, err)
	}
	if err := alice(t, other).Revoke(t.Context(), created.AuthorizationID); err != nil {
		t.Errorf("Revoke by the other = %v", err)
	}
	_, err = daemon.StartDev(t.Context(), daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: t.TempDir(), Database: database})
	if err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("StartDev with other keys = %v, want a sentence that says so", err)
	}
}

func TestDevTLS(t *testing.T) {
	t.Parallel()
	s, stop := run(t, daemon.DevOptions{Data: t.TempDir(), TLS: true})
	defer stop()
	if _, err := alice(t, s).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "over TLS", Scope: "vso.code"}); err != nil {
		t.Errorf("Create over TLS = %v", err)
	}
	signIn, err := client.SignIn(t.Context(), s.HTTP, s.API)
	want := api.SignIn{Kind: api.SignInEntra, Authority: s.Authority, Scope: s.Audience + "/.default", ClientID: s.Clients.CLI.ID}
	if err != nil || signIn != want {
		t.Errorf("SignIn = %+v, %v, want %+v", signIn, err, want)
	}
}

func TestDevRegistersRedirects(t *testing.T) {
	t.Parallel()
	const mine = "https://app.example/getAToken"
	s, stop := run(t, daemon.DevOptions{Data: t.TempDir(), RegisterRedirects: []string{mine}})
	defer stop()
	for redirect, want := range map[string]int{mine: http.StatusOK, "https://evil.example/": http.StatusBadRequest} {
		resp, err := s.HTTP.Get(s.Authority + "/oauth2/v2.0/authorize?response_type=code&client_id=" + s.Clients.Console.ID +
			"&scope=openid&redirect_uri=" + redirect)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("authorize for %s = %d, want %d", redirect, resp.StatusCode, want)
		}
	}
}

// forget takes a key out of a JSON file.
func forget(t *testing.T, path, key string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	if object[key] == nil {
		t.Fatalf("%s has no %s", path, key)
	}
	delete(object, key)
	if text, err = json.Marshal(object); err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
