package pat

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestCodeOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want Code
	}{
		{"nothing", nil, ""},
		{"a fault", errors.New("disk full"), ""},
		{"an unknown outcome", ErrUnknown, ""},
		{"a refusal", NotFound(), CodeTokenNotFound},
		{"a wrapped refusal", fmt.Errorf("reading a token: %w", NotFound()), CodeTokenNotFound},
		{"a refusal with its cause", errors.Join(NotFound(), errors.New("disk full")), CodeTokenNotFound},
	}
	for _, tt := range tests {
		if got := CodeOf(tt.err); got != tt.want {
			t.Errorf("CodeOf of %s = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Whoever answers codes walks Codes, so none may be missing there.
func TestCodesListsEveryCode(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	checked, err := config.Check("pat", files, []*ast.File{file}, &info)
	if err != nil {
		t.Fatal(err)
	}
	var want []Code
	for _, name := range checked.Scope().Names() {
		if c, ok := checked.Scope().Lookup(name).(*types.Const); ok && types.TypeString(c.Type(), nil) == "pat.Code" {
			want = append(want, Code(constant.StringVal(c.Val())))
		}
	}
	got := Codes()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || len(slices.Compact(got)) != len(want) {
		t.Errorf("Codes = %v, want each of %v once", Codes(), want)
	}
}

// Messages are for people: one sentence without a full stop that says what to
// do after a colon. The one about service principals is Azure DevOps' own.
func TestMessages(t *testing.T) {
	t.Parallel()
	_, noName := parseName("")
	_, badName := parseName("a\nb")
	_, longName := parseName(strings.Repeat("x", 256))
	bound := Policy{Creation: CreationRestriction{Restriction: Restriction{On: true}}, Global: Restriction{On: true}, FullScope: Restriction{On: true}}
	_, creation := bound.AdmitNew(Actor{}, Terms{}, testTime)
	_, global := bound.AdmitChange(Actor{}, Terms{}, Terms{AllOrgs: true}, testTime)
	_, full := bound.AdmitChange(Actor{}, Terms{}, Terms{Scope: FullScope}, testTime)
	for _, err := range []error{
		noName, badName, longName, creation, global, full, NotFound(), errNotSecret, errNotUUID, ErrUnavailable, ErrUnknown,
		Limits{}.checkEnd(testTime, testTime, testTime), Limits{}.checkEnd(testTime.Add(400*day), testTime, testTime),
		Limits{Global: GlobalBlocked}.checkGlobal(true, false), Actor{}.may(ReadTokens), Actor{Permissions: ReadTokens}.may(ManageTokens),
	} {
		text := err.Error()
		if first := []rune(text)[0]; unicode.IsUpper(first) || strings.HasSuffix(text, ".") || !strings.Contains(text, ": ") {
			t.Errorf("%q: want it in lower case, without a full stop, and with what to do after a colon", text)
		}
	}
}
