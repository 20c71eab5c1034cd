// These tests hold what docs/architecture.md promises of the whole repository.
package patrol_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/patrolhq/patrol"

// inward says for each package which others of ours it may import; its tests
// may import any. Nothing of ours but daemon knows both the domain's users and
// its storage, and the command line can do nothing that curl could not.
var inward = map[string][]string{
	"api":                         nil,
	"client":                      {"api"},
	"cmd/patrol":                  {"internal/cli"},
	"cmd/patrold":                 {"internal/daemon"},
	"internal/cli":                {"api", "client"},
	"internal/console/signin":     nil,
	"internal/console":            {"api", "client", "internal/console/signin", "internal/session"},
	"internal/daemon":             {"api", "client", "internal/console", "internal/console/signin", "internal/devidp", "internal/identity", "internal/pat", "internal/server", "internal/session", "internal/store", "internal/verify"},
	"internal/devidp":             nil,
	"internal/devidp/devidptest":  nil,
	"internal/faults":             nil,
	"internal/gateways":           nil,
	"internal/identity":           {"internal/pat"},
	"internal/pat":                nil,
	"internal/patroltest":         {"internal/daemon"},
	"internal/server":             {"api", "internal/pat"},
	"internal/server/compat":      nil,
	"internal/session":            nil,
	"internal/store":              {"internal/pat", "internal/session"},
	"internal/store/postgrestest": nil,
	"internal/store/storetest":    {"internal/pat", "internal/session"},
	"internal/verify":             {"api", "internal/pat"},
	"internal/walkthrough":        nil,
	"patauth":                     nil,
	"internal/verify/model":       nil,
}

// standardLibraryOnly are the packages that others import, or that must
// outlive any library.
var standardLibraryOnly = []string{"api", "client", "internal/pat", "internal/session", "patauth"}

// owners says for each library which packages may import it. Tests may import
// each of them; those that nobody owns are for tests alone.
var owners = map[string][]string{
	"charm.land/lipgloss/v2": {"internal/cli"},

	"github.com/Azure/azure-sdk-for-go":                          {"internal/daemon"},
	"github.com/AzureAD/microsoft-authentication-library-for-go": {"internal/cli", "internal/console/signin"},
	"github.com/charmbracelet/colorprofile":                      {"internal/cli"},
	"github.com/charmbracelet/x/ansi":                            {"internal/cli"},
	"github.com/cli/browser":                                     {"internal/cli"},
	"github.com/coreos/go-oidc/v3":                               {"internal/cli", "internal/console/signin"},
	"github.com/go-jose/go-jose/v4":                              {"internal/console/signin", "internal/devidp", "internal/identity"},
	"github.com/google/uuid":                                     {"internal/devidp"},
	"github.com/jackc/pgx/v5":                                    {"internal/store", "internal/store/postgrestest"},
	"github.com/pelletier/go-toml/v2":                            {"internal/cli", "internal/daemon"},
	"github.com/pressly/goose/v3":                                {"internal/store"},
	"github.com/prometheus/client_golang":                        {"internal/daemon"},
	"github.com/rogpeppe/go-internal":                            {"internal/cli"},
	"github.com/spf13/cobra":                                     {"cmd/patrold", "internal/cli"},
	"github.com/zalando/go-keyring":                              {"internal/cli"},
	"go.opentelemetry.io/otel":                                   {"internal/daemon"},
	"go.opentelemetry.io/proto":                                  {"internal/daemon"},
	"golang.org/x/net":                                           {"internal/devidp/devidptest"},
	"golang.org/x/oauth2":                                        {"internal/cli", "internal/console/signin"},
	"golang.org/x/sys":                                           {"internal/store"},
	"golang.org/x/term":                                          {"internal/cli"},
	"golang.org/x/time":                                          {"internal/identity"},
	"google.golang.org/protobuf":                                 {"internal/daemon"},
	"modernc.org/sqlite":                                         {"internal/store"},

	"github.com/chromedp/cdproto":              nil,
	"github.com/chromedp/chromedp":             nil,
	"github.com/anishathalye/porcupine":        {"internal/store/storetest"},
	"github.com/getkin/kin-openapi":            nil,
	"github.com/google/go-cmp":                 {"internal/store/storetest"},
	"github.com/microsoft/azure-devops-go-api": nil,
	"github.com/oasdiff/yaml3":                 nil,
	"github.com/prometheus/client_model":       nil,
	"github.com/prometheus/common":             nil,
	"go.uber.org/goleak":                       nil,
	"pgregory.net/rapid":                       {"internal/store/storetest"},
}

// jsonElsewhere are the files and packages outside api that have json tags of
// their own, with what they are for. Bodies of our API never are.
var jsonElsewhere = map[string]string{
	"client/answer.go":        "whether a list is there at all",
	"client/failure.go":       "errors of any shape",
	"internal/cli":            "what it prints with --json and keeps, and what issuers answer",
	"internal/console/signin": "claims, and what providers answer",
	"internal/daemon":         "dev.json and what it is made from",
	"internal/devidp":         "OAuth and OpenID Connect",
	"internal/identity":       "claims and key sets",
	"internal/patroltest":     "answers of OAuth",
	"internal/server/wire.go": "enums as numbers, for callers who ask for them",
	"patauth/introspect.go":   "answers to introspection, and what they leave out",
}

func TestImportsPointInward(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		allowed, known := inward[f.pkg]
		if !known && f.pkg != "." {
			t.Errorf("%s: package %s is not in the import table: say there what it may import, and draw it in docs/architecture.md", f.name, f.pkg)
			continue
		}
		for _, imported := range f.imports {
			ours, ok := strings.CutPrefix(imported, module+"/")
			if ok && !f.test && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s: package %s may import %s of ours", f.name, ours, f.pkg, list(allowed))
			}
		}
	}
}

func TestLibrariesAreOwned(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		for _, imported := range f.imports {
			if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") || imported == module || strings.HasPrefix(imported, module+"/") {
				continue
			}
			owned, library := owner(imported)
			switch {
			case library == "":
				t.Errorf("%s imports %s, a library without an owner: name one in the table, or do without", f.name, imported)
			case f.test:
			case slices.Contains(standardLibraryOnly, f.pkg):
				t.Errorf("%s imports %s: package %s gets by with the standard library", f.name, imported, f.pkg)
			case !slices.Contains(owned, f.pkg):
				t.Errorf("%s imports %s: outside of tests it is imported by %s", f.name, imported, list(owned))
			}
		}
	}
}

// owner is the entry of the table that imported belongs to.
func owner(imported string) (owned []string, library string) {
	for library, owned := range owners {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			return owned, library
		}
	}
	return nil, ""
}

func list(packages []string) string {
	if len(packages) == 0 {
		return "nothing"
	}
	return strings.Join(packages, ", ")
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		docs[f.pkg] = append(docs[f.pkg], "")
		if f.syntax.Doc == nil {
			continue
		}
		docs[f.pkg][len(docs[f.pkg])-1] = f.name
		want := "Package " + f.syntax.Name.Name + " "
		if f.syntax.Name.Name == "main" {
			want = "Command " + path.Base(f.pkg) + " "
		}
		if text := f.syntax.Doc.Text(); !strings.HasPrefix(text, want) {
			t.Errorf("%s: the doc begins with %.30q, want %q", f.name, text, want)
		}
	}
	for pkg, files := range docs {
		files = slices.DeleteFunc(files, func(name string) bool { return name == "" })
		switch len(files) {
		case 0:
			t.Errorf("package %s has no doc: say in its main file what it is for", pkg)
		case 1:
		default:
			t.Errorf("package %s has %d docs, in %s: keep one", pkg, len(files), strings.Join(files, ", "))
		}
	}
}

func TestBodiesAreInAPI(t *testing.T) {
	t.Parallel()
	for _, f := range sources(t) {
		if f.test || f.pkg == "api" || jsonElsewhere[f.pkg] != "" || jsonElsewhere[f.name] != "" {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil && strings.Contains(field.Tag.Value, `json:"`) {
				t.Errorf("%s has a json tag: bodies of the API belong in package api", f.files.Position(field.Pos()))
			}
			return true
		})
	}
}

func TestTablesAreCurrent(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	for _, f := range sources(t) {
		exists[f.pkg], exists[f.name] = true, true
	}
	for pkg := range inward {
		if !exists[pkg] {
			t.Errorf("the import table names %s, which does not exist: take it out", pkg)
		}
	}
	for name := range jsonElsewhere {
		if !exists[name] {
			t.Errorf("the table of json tags names %s, which does not exist: take it out", name)
		}
	}
}

// source is one Go file of the repository.
type source struct {
	name, pkg string // by path from the root, with slashes
	test      bool
	imports   []string
	files     *token.FileSet
	syntax    *ast.File
}

// sources are all Go files, whatever systems they are for.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"bin", "node_modules", "testdata"}, base)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f := source{name: filepath.ToSlash(name), test: strings.HasSuffix(name, "_test.go"), files: token.NewFileSet()}
		f.pkg = path.Dir(f.name)
		if f.syntax, err = parser.ParseFile(f.files, name, nil, parser.ParseComments); err != nil {
			return err
		}
		for _, spec := range f.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found %d Go files: this test runs in the root of the repository", len(all))
	}
	return all
}

// TestDocumentsLink: what the documents link to in this repository exists.
func TestDocumentsLink(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, document := range []string{
		"README.md", "CONTRIBUTING.md",
		"docs/architecture.md", "docs/gateways.md", "docs/operations.md", "docs/performance.md", "docs/postgresql.md",
	} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), found[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", document, found[1])
			}
		}
	}
}
