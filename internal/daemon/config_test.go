package daemon

import (
	"encoding/base64"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// writeConfig writes text to a file and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patrold.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// goodConfig is the example of the documentation, with a key that exists.
func goodConfig(t *testing.T) Config {
	t.Helper()
	example, err := os.ReadFile("../../docs/patrold.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := ReadConfig(writeConfig(t, strings.NewReplacer(
		"/etc/patrol/key-a", key, "/etc/patrol/registry-secret", key, "/etc/patrol/console-secret", key, // long enough for clients, too
	).Replace(string(example))))
	if err != nil {
		t.Fatalf("ReadConfig of the example = %v", err)
	}
	return config
}

func TestExampleIsGood(t *testing.T) {
	t.Parallel()
	config := goodConfig(t)
	s, err := config.prepare(newSecrets(t.Context()))
	if err != nil {
		t.Fatalf("the example configuration has faults: %v", err)
	}
	contoso, ok := s.directory.Organization("Contoso")
	if !ok {
		t.Fatal("contoso is not found in another case")
	}
	policy, _ := s.policy(t.Context(), contoso)
	if want := 90 * 24 * time.Hour; policy.Lifespan.Max != want || !policy.FullScope.On {
		t.Errorf("policy of contoso = %+v, want the common one with a lifespan of %v", policy, want)
	}
	fabrikam, _ := s.directory.Organization("fabrikam")
	if policy, _ := s.policy(t.Context(), fabrikam); !policy.Creation.On || policy.FullScope.On {
		t.Errorf("policy of fabrikam = %+v, want its own instead of the common one", policy)
	}
	if !s.catalogue.Grants("acme.deploy", "vso.profile") {
		t.Error("a scope of the deployment does not include what it says")
	}
	if v := s.verify; v.cacheSize != 64<<20 || v.realm != "Contoso" || len(v.clients) != 1 || v.clients[0].ID != "package-registry" {
		t.Errorf("verification = %+v, want what the example says", v)
	}
	if s.console.provider == nil {
		t.Error("there is no console")
	}
	if want := "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555"; s.signIn.Authority != want {
		t.Errorf("sign-in authority = %s, want %s", s.signIn.Authority, want)
	}
}

func TestConfigFaultsAllAtOnce(t *testing.T) {
	t.Parallel()
	config := goodConfig(t)
	config.Listen = "nowhere"
	config.Issuers[0].Audiences = nil
	config.Organizations[1].Members = []string{}
	config.PublicURL = "http://pats.example.com"
	config.TLS.Certificate = "only.crt"
	config.Database.Path = ""
	config.Metrics.Listen = "9464"
	config.Log.Level = "loud"
	config.Limits.GlobalPATs = "maybe"
	config.Keys[0].Secret = "hunter2-in-clear"
	config.Issuers[0].URL = "http://login.example.com"
	config.Organizations[0].ID = "not-a-uuid"
	config.Organizations[1].Tenant = pat.RandomUUID().String()
	config.Scopes[0].Includes = []string{"vso.nothing"}
	config.Verify.Realm = `"quoted"`
	_ = config.Verify.Cache.UnmarshalText([]byte("plenty"))
	config.IntrospectionClients = append(config.IntrospectionClients,
		IntrospectionClientConfig{ID: config.IntrospectionClients[0].ID, Secret: "hunter2-too", Organizations: []string{}},
		IntrospectionClientConfig{Secret: config.IntrospectionClients[0].Secret, Organizations: []string{"nowhere"}},
	)
	err := config.Check(t.Context())
	if err == nil {
		t.Fatal("Check found nothing")
	}
	for _, want := range []string{
		"listen:", "public_url:", "tls:", "metrics.listen:", "database:", "log:", "limits.global_pats:", "keys[0].secret:",
		"issuers[0].url:", "issuers[0].audiences:", "organizations[0].id:", "organizations[1].members:", "organizations[1].tenant:", "scopes:",
		"verify.realm:", "verify.cache:", "introspection_clients[1].id:", "introspection_clients[1].secret:", "introspection_clients[1].organizations:",
		"introspection_clients[2].id:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check says nothing of %s\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("Check repeats a secret that stands in the configuration")
	}
}

func TestDatabaseConfig(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("hunter2 @/:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		config DatabaseConfig
		fault  string
	}{
		"a file":                {DatabaseConfig{Path: "x.db"}, ""},
		"a server":              {DatabaseConfig{URL: "postgres://patrol@db.example/patrol"}, ""},
		"with everything":       {DatabaseConfig{URL: "postgres://patrol@db.example/patrol?sslmode=require", Password: SecretRef("file:" + secret), Partitions: 64}, ""},
		"nothing":               {DatabaseConfig{}, "database: missing"},
		"both":                  {DatabaseConfig{Path: "x.db", URL: "postgres://db.example/patrol"}, "exclude each other"},
		"another kind":          {DatabaseConfig{URL: "mysql://db.example/patrol"}, "database.url: "},
		"a URL as a file":       {DatabaseConfig{Path: "postgres://patrol:hunter2@db.example/patrol"}, "database.path: "},
		"a password in it":      {DatabaseConfig{URL: "postgres://patrol:hunter2@db.example/patrol"}, "a password must not stand in it"},
		"a password as a query": {DatabaseConfig{URL: "postgres://db.example/patrol?password=hunter2"}, "a password must not stand in it"},
		"a password in clear":   {DatabaseConfig{URL: "postgres://db.example/patrol", Password: "hunter2"}, "database.password: a secret must not stand"},
		"a wrong parameter":     {DatabaseConfig{URL: "postgres://db.example/patrol?sslmode=perhaps"}, "sslmode"},
		"a file's password":     {DatabaseConfig{Path: "x.db", Password: SecretRef("file:" + secret)}, "belong to url"},
		"a file's partitions":   {DatabaseConfig{Path: "x.db", Partitions: 8}, "belong to url"},
		"too many partitions":   {DatabaseConfig{URL: "postgres://db.example/patrol", Partitions: 100_000}, "database.partitions:"},
	} {
		var f faults
		db := tt.config.prepare(&f, newSecrets(t.Context()))
		err := errors.Join(f...)
		if (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the faults are %v, want %q and no password", name, err, tt.fault)
		}
		if tt.fault == "" && tt.config.Password != "" && !strings.Contains(db.url, url.QueryEscape("hunter2 @/:")) {
			t.Errorf("%s: the password did not reach the URL", name)
		}
	}
}

func TestReadConfigIsStrict(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string
	}{
		"wrong type": {"listen = 5\n", []string{"line 1"}},
		"not TOML":   {"listen: x\n", []string{"line 1"}},
		"unknown keys and bad durations, beside all else": {
			"listen = \"x\"\nlisten_on = \"y\"\n[limits]\nmax_lifetime = \"soon\"\n[policy]\nmax_lifespan = \"-3d\"\n",
			[]string{"line 2: unknown key \"listen_on\"", "limits.max_lifetime:", "policy.max_lifespan:", "public_url:", "keys:"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, err := ReadConfig(writeConfig(t, test.text))
			if err == nil {
				err = config.Check(t.Context())
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the faults are %v, want %q among them", err, want)
				}
			}
		})
	}
}

// TestPolicyConfigBinds: every key of a policy reaches the domain.
func TestPolicyConfigBinds(t *testing.T) {
	t.Parallel()
	fields := reflect.TypeFor[PolicyConfig]()
	for i := range fields.NumField() {
		var config PolicyConfig
		switch field := reflect.ValueOf(&config).Elem().Field(i).Addr().Interface().(type) {
		case *bool:
			*field = true
		case *[]string:
			*field = []string{"somebody"}
		case *Duration:
			field.Duration = time.Hour
		default:
			t.Fatalf("%s is of a type that this test does not know", fields.Field(i).Name)
		}
		if reflect.DeepEqual(config.policy(), PolicyConfig{}.policy()) {
			t.Errorf("%s changes nothing: PolicyConfig.policy leaves it out", fields.Field(i).Name)
		}
	}
}

func TestSecretRef(t *testing.T) {
	t.Setenv("PATROL_TEST_SECRET", "from the environment\n")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[SecretRef]string{
		"env:PATROL_TEST_SECRET":  "from the environment",
		SecretRef("file:" + file): "from a file",
	} {
		if got, err := newSecrets(t.Context()).read(ref); err != nil || got != want {
			t.Errorf("%s reads %q, %v, want %q", ref, got, err, want)
		}
	}
	for _, ref := range []SecretRef{"", "plain", "env:PATROL_TEST_UNSET", SecretRef("file:" + file + "-missing")} {
		if got, err := newSecrets(t.Context()).read(ref); err == nil {
			t.Errorf("%s reads %q, want an error", ref, got)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "30m": 30 * time.Minute} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.fault != nil || d.Duration != want {
			t.Errorf("%s reads %v, %v, want %v", text, d.Duration, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "0h", "90", "1e9d", "870000d", "36501d", "forever"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.fault == nil {
			t.Errorf("%q reads %v, want a fault", text, d.Duration)
		}
	}
}

func TestListenInClear(t *testing.T) {
	t.Parallel()
	config := goodConfig(t)
	config.Listen = "0.0.0.0:8080"
	if err := config.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "plain_http") {
		t.Errorf("Check of plain HTTP for other machines = %v, want a fault", err)
	}
	config.PlainHTTP = true
	if err := config.Check(t.Context()); err != nil {
		t.Errorf("Check of plain HTTP behind a proxy = %v", err)
	}
}

func TestMetricsListenOnTheirOwn(t *testing.T) {
	t.Parallel()
	config := goodConfig(t)
	config.Metrics.Listen = "0.0.0.0:8080"
	if err := config.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "metrics.listen: port 8080 is the API's") {
		t.Errorf("Check of metrics on the API's port = %v, want a fault", err)
	}
}

func TestSecretFileIsPrivate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := newSecrets(t.Context()).read(SecretRef("file:" + file)); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a secret that everybody can read = %v, want an error that says what to do", err)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"1MB": 1 << 20, "64MB": 64 << 20, "2GB": 2 << 30,
		"": 0, "MB": 0, "0MB": 0, "64": 0, "64 MB": 0, "64mb": 0, "-1MB": 0, "1.5GB": 0, "64KB": 0, "65GB": 0, "65536MB": 0, "9999999999GB": 0,
	} {
		var size Size
		if err := size.UnmarshalText([]byte(text)); err != nil || size.bytes != want || (size.fault == nil) != (want != 0) {
			t.Errorf("size %q = %d, %v, want %d", text, size.bytes, size.fault, want)
		}
	}
}

// TestClientsAreBound: a client that names an organization that does not exist
// is a fault, not a client that is bound to none.
func TestClientsAreBound(t *testing.T) {
	t.Parallel()
	config := goodConfig(t)
	config.IntrospectionClients[0].Organizations = []string{"contoso", "nowhere"}
	if err := config.Check(t.Context()); err == nil || !strings.Contains(err.Error(), `introspection_clients[0].organizations: there is no organization "nowhere"`) {
		t.Errorf("Check = %v, want the organization that does not exist", err)
	}
	secret := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(secret, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	config = goodConfig(t)
	config.IntrospectionClients[0].Secret = SecretRef("file:" + secret)
	if err := config.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "introspection_clients[0].secret: the secret is shorter") {
		t.Errorf("Check = %v, want the secret that is too short", err)
	}
}
