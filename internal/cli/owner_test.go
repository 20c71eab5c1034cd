//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stranger is a user that is not there.
const stranger = 54321

// notMine makes what is at the paths another user's, and returns who the writer
// then is: only root can give files away, everybody else takes another name.
func notMine(t *testing.T, paths ...string) (user int) {
	t.Helper()
	if os.Geteuid() != 0 {
		return stranger
	}
	for _, path := range paths {
		if err := os.Lchown(path, stranger, -1); err != nil {
			t.Fatal(err)
		}
	}
	return 0
}

// TestWriteFileOfAnother has another user wait in a shared directory for secrets.
func TestWriteFileOfAnother(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		// plant puts something at path that is not the writer's.
		plant func(t *testing.T, path, victim string) (user int)
	}{
		{"file", func(t *testing.T, path, _ string) int {
			if err := os.WriteFile(path, []byte("theirs"), 0o666); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path)
		}},
		{"pipe", func(t *testing.T, path, _ string) int {
			if err := syscall.Mkfifo(path, 0o666); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path)
		}},
		{"link", func(t *testing.T, path, victim string) int {
			if err := os.Symlink(victim, path); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path)
		}},
		{"link to nothing", func(t *testing.T, path, victim string) int {
			if err := os.Symlink(victim+"2", path); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path)
		}},
		{"link to a device", func(t *testing.T, path, _ string) int {
			if err := os.Symlink(os.DevNull, path); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path)
		}},
		{"link to a link", func(t *testing.T, path, victim string) int {
			if err := errors.Join(os.Symlink(victim, path+"2"), os.Symlink(filepath.Base(path)+"2", path)); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path+"2")
		}},
		{"link to a pipe", func(t *testing.T, path, _ string) int {
			if err := errors.Join(syscall.Mkfifo(path+"2", 0o666), os.Symlink(path+"2", path)); err != nil {
				t.Fatal(err)
			}
			return notMine(t, path+"2")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, victim := filepath.Join(dir, "secret"), filepath.Join(dir, "victim")
			if err := os.WriteFile(victim, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			user := test.plant(t, path, victim)
			for _, other := range []string{path, path + "2"} { // so that a writer of pipes does not wait
				if info, err := os.Lstat(other); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
					reader, err := os.OpenFile(other, os.O_RDONLY|syscall.O_NONBLOCK, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer func() {
						if n, _ := reader.Read(make([]byte, 16)); n > 0 {
							t.Error("the pipe got the secret")
						}
						reader.Close()
					}()
				}
			}
			if err := writeFileAs(user, path, []byte("secret")); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
				t.Errorf("writeFileAs = %v, want a refusal", err)
			}
			if got, err := os.ReadFile(victim); err != nil || string(got) != "before" {
				t.Errorf("the victim has %q, %v, want it unchanged", got, err)
			}
		})
	}
}

// TestWriteIntoReplaced replaces a pipe after it was found to be the user's.
func TestWriteIntoReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	user := os.Geteuid()
	file, special, err := destination(user, path)
	if err != nil || special == nil {
		t.Fatalf("destination = %v, %v, want the pipe", special, err)
	}
	if err := errors.Join(os.Rename(path, path+"2"), os.WriteFile(path, []byte("before"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := writeInto(user, file, special, []byte("secret")); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("writeInto = %v, want a refusal", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "before" {
		t.Errorf("the file has %q, %v, want it unchanged", got, err)
	}
	if err := writeInto(notMine(t, path), file, special, []byte("secret")); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("writeInto = %v, want a refusal", err)
	}
}

func TestWriteFileToDevice(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{os.DevNull, link} {
		if err := writeFile(path, []byte("x")); err != nil {
			t.Errorf("writeFile(%s) = %v", path, err)
		}
	}
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Fatalf("%s is %v, %v, want the device", os.DevNull, info.Mode(), err)
	}
}

func TestTrusts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		user, owner int
		mode        fs.FileMode
		want        bool
	}{
		{"own file", 1000, 1000, 0, true},
		{"own pipe", 1000, 1000, fs.ModeNamedPipe, true},
		{"device of root", 1000, 0, fs.ModeDevice | fs.ModeCharDevice, true},
		{"link of root", 1000, 0, fs.ModeSymlink, true},
		{"file of root", 1000, 0, 0, false},
		{"file of another", 1000, 1001, 0, false},
		{"pipe of another", 1000, 1001, fs.ModeNamedPipe, false},
		{"link of another", 1000, 1001, fs.ModeSymlink, false},
		{"terminal of another", 1000, 1001, fs.ModeDevice | fs.ModeCharDevice, false},
		{"pipe of another for root", 0, 1001, fs.ModeNamedPipe, false},
	} {
		if got := trusts(test.user, test.owner, test.mode); got != test.want {
			t.Errorf("%s: trusts = %t, want %t", test.name, got, test.want)
		}
	}
}
