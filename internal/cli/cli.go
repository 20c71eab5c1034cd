// Package cli is patrol, the command line. It has a file per command; what
// they share is in root.go (commands, flags, errors), term.go (output),
// profile.go (which server and organization), credentials.go and tokensource.go
// (whose access token), signin.go, entra.go and oidc.go (how to get one), and
// signinpolicy.go, consent.go and address.go (what a server may ask of a user).
//
// To add a command, write a file with a method of program that returns it, and
// name it in program.root. The command talks to the service through
// program.connect alone, prints results on program.out and everything else on
// program.notes, and returns errors instead of printing them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cli/browser"
)

// program is one run of patrol with all that it takes from its surroundings.
type program struct {
	args []string
	in   input
	// out is for results, notes for everything that is said besides.
	out, notes output
	env        func(string) string
	// dir is where the configuration and the credentials are.
	dir     string
	keyring keyring
	// open shows an address in the user's browser.
	open func(address string) error
	now  func() time.Time

	flags globalFlags
	// started is set once the command line has been understood.
	started bool
}

// Main runs patrol with the arguments, environment and terminal of the process
// and returns the exit code.
func Main() int {
	// A closed pipe must be an error of the write, not the end of the process:
	// a rotation has to clean up.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second interrupt ends the process at once
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	p := &program{
		args: os.Args[1:],
		in:   stdin(os.Stdin), out: stdout(os.Stdout), notes: stdout(os.Stderr),
		env: os.Getenv, keyring: osKeyring{}, open: browser.OpenURL, now: time.Now,
	}
	return p.run(ctx)
}

// run executes the command line, prints its error, and returns the exit code.
func (p *program) run(ctx context.Context) int {
	err := p.execute(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		return p.report(&failure{code: exitInterrupted, err: interruption(err)})
	}
	return p.report(err)
}

// interruption leaves out that err comes from the interruption alone.
func interruption(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return fmt.Errorf("interrupted: %w", err)
}

func (p *program) execute(ctx context.Context) error {
	if p.dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return fail(exitFailed, "there is no directory for the configuration: %w", err).with("set HOME")
		}
		p.dir = filepath.Join(base, "patrol")
	}
	root := p.root()
	root.SetArgs(p.args)
	root.SetIn(p.in.r)
	root.SetOut(p.out.w)
	root.SetErr(p.notes.w)
	return root.ExecuteContext(ctx)
}
