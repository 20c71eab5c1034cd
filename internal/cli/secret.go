package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// secretSink is where the secret of a new token goes, which is shown only once.
type secretSink struct {
	p *program
	// file is the path of --output; empty for standard output.
	file string
	json bool
	// keepFile forbids to replace a file that is there.
	keepFile bool
}

// check fails before a token is made whose secret would be lost.
func (s secretSink) check() error {
	if s.file != "" && s.json {
		return exclusive("--output", "--json")
	}
	if s.file != "" {
		return s.checkFile()
	}
	f, ok := s.p.out.w.(*os.File)
	if !ok {
		return nil
	}
	to, err := f.Stat()
	if err != nil {
		return fail(exitFailed, "standard output cannot be written: %w", err)
	}
	if null, err := os.Stat(os.DevNull); err == nil && os.SameFile(to, null) {
		return fail(exitUsage, "the secret would be lost: standard output leads nowhere").with("name a file with --output")
	}
	return nil
}

// checkFile fails where --output names what the secret must not go to. Writing
// checks that again.
func (s secretSink) checkFile() error {
	file, special, err := destination(os.Geteuid(), s.file)
	if err != nil {
		return fail(exitUsage, "--output: %w", err).with("name a file of your own, in a directory that others cannot write to")
	}
	if special != nil {
		return nil
	}
	if _, err := os.Stat(file); err == nil && s.keepFile {
		return fail(exitUsage, "%s exists: name another file, or add --force", s.file)
	}
	directory, err := os.Stat(filepath.Dir(file))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !directory.IsDir() {
		return fail(exitUsage, "cannot write to %s: no such directory; nothing was created", s.file).with("name a file in a directory that is there")
	}
	return nil
}

// keep writes the secret and returns once it is where it belongs.
func (s secretSink) keep(_ context.Context, token api.PatToken) error {
	if token.Token == nil || *token.Token == "" {
		return errors.New("the service sent no secret")
	}
	if s.file != "" {
		if err := writeFile(s.file, []byte(*token.Token+"\n")); err != nil {
			return fmt.Errorf("writing the secret: %w", err)
		}
		return nil
	}
	if err := s.print(token); err != nil {
		return err
	}
	return s.flush()
}

func (s secretSink) print(token api.PatToken) error {
	if s.json {
		return s.p.out.json(token)
	}
	if s.p.out.isTerminal && strings.ContainsFunc(*token.Token, notASCII) {
		return errors.New("the secret is not printable ASCII, which a terminal might act on: write it to a file with --output")
	}
	return s.p.out.write(*token.Token + "\n")
}

// notASCII reports whether a rune is none that ASCII prints.
func notASCII(r rune) bool { return r < ' ' || r > '~' }

// flush brings a file that standard output was redirected to onto the disk.
func (s secretSink) flush() error {
	f, ok := s.p.out.w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing the secret: %w", err)
	}
	return nil
}

// note says where the secret is, beside it.
func (s secretSink) note() {
	switch {
	case s.file != "":
		s.p.notes.printf("the secret is in %s\n", printable(s.file))
	case s.p.out.isTerminal:
		s.p.notes.printf("%s copy the secret now: it is never shown again\n", s.p.notes.warn("note:"))
	}
}
