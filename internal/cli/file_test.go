package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, dangling := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	if err := os.WriteFile(file, []byte("before, and longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "none"), dangling); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "new"), file, link, dangling} {
		if err := writeFile(path, []byte("after "+path)); err != nil {
			t.Fatalf("writeFile(%s) = %v", path, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != "after "+path {
			t.Errorf("%s has %q, %v", path, got, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", path, info.Mode(), err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is replaced, want its target to be")
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "after "+link {
		t.Errorf("the target of the link has %q, %v", got, err)
	}
	if err := writeFile(filepath.Join(dir, "none", "file"), nil); err == nil {
		t.Error("writing into a directory that is not there = nil, want an error")
	}
	if err := writeFile(dir, []byte("x")); err == nil {
		t.Error("writing to a directory = nil, want an error")
	}
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if diff := cmp.Diff([]string{"dangling", "file", "link", "new"}, names); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
}
