package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/patrolhq/patrol/client"
)

// The exit codes, documented by "patrol help exit-codes".
const (
	exitOK             = 0
	exitFailed         = 1
	exitUsage          = 2
	exitAuthentication = 3
	exitNotFound       = 4
	exitUnavailable    = 5
	exitInterrupted    = 130
	exitPipe           = 141
)

const exitCodesHelp = `patrol ends with one of these codes:

  0    it is done
  1    the service refused, or something here failed
  2    the command line or the configuration is wrong
  3    not signed in, or the access token was not accepted
  4    there is no such token, organization or service
  5    the service cannot be reached or is busy: try again later
  130  interrupted
  141  whoever reads the output has gone, as "head" does

A list without results is no failure. Where a command takes several tokens and
some fail, the code is that of the first failure.`

// failure is an error with the exit code it ends the program with, and what the
// user can do about it.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail makes a failure; format is as that of [fmt.Errorf].
func fail(code int, format string, args ...any) *failure {
	return &failure{code: code, err: fmt.Errorf(format, args...)}
}

// with adds the hint.
func (f *failure) with(format string, args ...any) *failure {
	f.hint = fmt.Sprintf(format, args...)
	return f
}

// exclusive is the failure where two flags contradict each other.
func exclusive(flag, other string) error {
	return fail(exitUsage, "%s and %s exclude each other", flag, other).with("leave one of them out")
}

// report prints err, the only place that does, and returns the exit code.
func (p *program) report(err error) int {
	f := p.explain(err)
	if e, ok := f.err.(*writeError); ok && errors.Is(e, syscall.EPIPE) { //nolint:errorlint // alone: nothing else is to be said
		return exitPipe // whoever read the result has seen enough
	}
	p.notes.printf("%s %s\n", p.notes.bad("patrol:"), indented(f.Error()))
	if f.hint != "" {
		p.notes.printf("%s %s\n", p.notes.dim("hint:"), indented(f.hint))
	}
	return f.code
}

// indented sets off the lines after the first, so that no text from elsewhere
// looks like a line of ours.
func indented(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n  ")
}

// explain finds the exit code and the hint of an error.
func (p *program) explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if !p.started {
		return &failure{exitUsage, err, "see \"patrol help\""}
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return &failure{exitCodeOf(e.Kind), err, p.hintFor(e)}
	}
	return &failure{exitFailed, err, ""}
}

func exitCodeOf(kind client.Kind) int {
	switch kind {
	case client.KindAuthentication:
		return exitAuthentication
	case client.KindNotFound:
		return exitNotFound
	case client.KindThrottled, client.KindUnavailable, client.KindTransport:
		return exitUnavailable
	}
	return exitFailed
}

// hintFor is what a user can do about an error of the service.
func (p *program) hintFor(e *client.Error) string {
	if e.Uncertain {
		return "the token may have been created: look for it with \"patrol list\" before you try again"
	}
	if hint, ok := codeHints[e.Code]; ok {
		return hint
	}
	switch e.Kind {
	case client.KindAuthentication:
		if p.givenToken() != "" {
			return "PATROL_TOKEN must be an access token of a user that has not expired; a personal access token is none"
		}
		return "sign in again with \"patrol login\""
	case client.KindPolicy:
		return "an administrator of the organization can change the policy"
	case client.KindNotFound:
		return "\"patrol list --status all\" shows your tokens; check --organization, too"
	case client.KindThrottled, client.KindUnavailable:
		if e.RetryAfter > 0 {
			return "try again in " + e.RetryAfter.Round(time.Second).String()
		}
		return "try again later"
	case client.KindTransport:
		return transportHint(e)
	case client.KindProtocol:
		return "check --server: it must be the address of Patrol or of Azure DevOps"
	}
	return ""
}

// codeHints are for refusals that flags can do something about.
var codeHints = map[string]string{
	"displayNameRequired":        "add --name",
	"invalidDisplayName":         "choose another --name, of 255 characters at most",
	"invalidValidTo":             "choose another --for or --until",
	"invalidScope":               "\"patrol scopes\" lists the scopes",
	"globalPatPolicyViolation":   "leave out --all-organizations",
	"globalPATCreationBlocked":   "leave out --all-organizations",
	"patLifespanPolicyViolation": "choose an earlier --for or --until",
	"expiredPatCannotBeExtended": "make another one with \"patrol rotate\" or \"patrol create\"",
}

func transportHint(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "if the server has its own certificate authority, name its file with --ca-file"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the server took too long: try again later"
	}
	return "check --server and the network"
}
