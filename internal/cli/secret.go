package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// secretSink is where the secret of a new token goes, which is shown only once.
type secretSink struct {
	p *program
	// file is the path of --output; empty for standard output.
	file string
	json bool
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
	if _, _, err := destination(os.Geteuid(), s.file); err != nil {
		return fail(exitUsage, "--output: %w", err).with("name a file of your own, in a directory that others cannot write to")
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
