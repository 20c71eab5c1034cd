package gateways_test

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
)

// TestGit clones and pushes through nginx, with git's own server behind it.
func TestGit(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	writing, writingID := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code_write"})
	reading, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code"})
	other, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging_write"})
	s := newSurroundings(t, patrol)
	home := newGit(t, s)
	repository := home.serve("widgets.git")
	g, address := startNginxWithGit(t, s)
	url := "https://" + address + "/widgets.git"

	clone := home.path("clone")
	home.must(writing, "clone", url, clone)
	home.commit(clone, 3<<20)
	home.must(writing, "-C", clone, "push", "origin", "HEAD:main")
	if got, want := home.must("", "-C", repository, "rev-parse", "main"), home.must("", "-C", clone, "rev-parse", "HEAD"); got != want {
		t.Errorf("the service has %s, want %s", got, want)
	}
	if pusher, err := os.ReadFile(filepath.Join(repository, "pusher")); err != nil || string(pusher) != "alice@contoso.example - -\n" {
		t.Errorf("hooks are told of %q, %v, want alice and neither header nor token", pusher, err)
	}

	home.must(reading, "clone", url, home.path("again"))
	home.commit(clone, 1)
	home.refused(reading, "403", "-C", clone, "push", "origin", "HEAD:main")
	home.refused(other, "403", "ls-remote", url)
	home.refused("wrong", "Authentication failed", "ls-remote", url)
	home.refused("", "could not read Username", "ls-remote", url)

	for name, header := range map[string]string{"Bearer": bearer(writing), "Basic": basic("any", writing)} {
		home.must("", "-c", "http.extraHeader=Authorization: "+header, "clone", url, home.path(name))
	}
	home.refused("", "could not read Username", "-c", "http.extraHeader=Authorization: "+bearer("wrong"), "ls-remote", url)

	revoke(t, c, writingID)
	home.refused(writing, "Authentication failed", "ls-remote", url)
	home.refused(writing, "Authentication failed", "-C", clone, "push", "origin", "HEAD:main")
	home.refused("", "could not read Username", "-c", "http.extraHeader=Authorization: "+bearer(writing), "ls-remote", url)
	for _, secret := range []string{writing, reading, other} {
		if strings.Contains(g.log(), secret) {
			t.Error("a token is in nginx's log")
		}
	}
	if !strings.Contains(g.log(), `alice@contoso.example`) || !strings.Contains(g.log(), "POST /widgets.git/git-receive-pack") {
		t.Error("nginx did not log the push and who made it")
	}
}

// TestGitTricks: no path makes a token for reading write.
func TestGitTricks(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	reading, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code"})
	writing, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code_write"})
	s := newSurroundings(t, patrol)
	home := newGit(t, s)
	repository := home.serve("widgets.git")
	_, address := startNginxWithGit(t, s)
	body := createBranch("evil", home.must("", "-C", repository, "rev-parse", "main"))
	push := func(target, token string) (status int, written bool) {
		status = exchange(t, address, &tls.Config{RootCAs: s.roots}, "POST "+target+" HTTP/1.1\r\nHost: "+address+"\r\nAuthorization: "+bearer(token)+
			"\r\nContent-Type: application/x-git-receive-pack-request\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
		_, err := home.try("", "-C", repository, "rev-parse", "--verify", "-q", "refs/heads/evil")
		return status, err == nil
	}
	for _, target := range []string{
		"/widgets.git/git-receive-pack",
		"/widgets.git/git-receive-pack?service=git-upload-pack",
		"/widgets.git/git-receive-pack?/info/refs",
		"/widgets.git/git-receive-pack?/git-upload-pack",
		"/widgets.git/git-receive-pack%3F/info/refs",
		"/widgets.git/git-receive-pack%0A/info/refs",
		"/widgets.git/git-receive-pack%00/info/refs",
		"/widgets.git/git-receive-pack/info/refs",
		"/widgets.git/git-receive-pack/info/refs/..%2f..",
		"/widgets.git/git-receive-pack/x/../../info/refs",
		"/widgets.git/git-receive-pack#/info/refs",
		"/widgets.git/info/refs/../../git-receive-pack",
		"/widgets.git/info/refs/%2e%2e/%2e%2e/git-receive-pack",
		"/widgets.git/git-upload-pack/../git-receive-pack",
		"/info/refs/../../widgets.git/git%2dreceive%2dpack",
		"//widgets.git//git-receive-pack",
		"/widgets.git/GIT-RECEIVE-PACK",
	} {
		if status, written := push(target, reading); written {
			t.Fatalf("%s: status %d, and a token for reading wrote", target, status)
		}
	}
	if status, written := push("/widgets.git/git-receive-pack", writing); !written {
		t.Errorf("status %d, and a token for writing did not write: nothing is proved by the others", status)
	}
}

// createBranch is a push that makes a branch of an object which is there
// already, so its pack is empty.
func createBranch(name, object string) string {
	command := strings.Repeat("0", len(object)) + " " + object + " refs/heads/" + name + "\x00 report-status\n"
	pack := "PACK\x00\x00\x00\x02\x00\x00\x00\x00"
	sum := sha1.Sum([]byte(pack))
	return fmt.Sprintf("%04x%s0000%s%s", len(command)+4, command, pack, sum[:])
}

// TestGitWithoutPatrol: nothing is served while Patrol is away.
func TestGitWithoutPatrol(t *testing.T) {
	t.Parallel()
	s := newSurroundings(t, standIn(t, answering(503, "Retry-After", "1")))
	home := newGit(t, s)
	home.serve("widgets.git")
	_, address := startNginxWithGit(t, s)
	home.refused("any", "503", "ls-remote", "https://"+address+"/widgets.git")
}

// git runs git in a home of its own.
type git struct {
	t   *testing.T
	dir string
	env []string
}

func newGit(t *testing.T, s *surroundings) *git {
	t.Helper()
	dir := t.TempDir()
	s.repositories = filepath.Join(dir, "repositories")
	g := &git{t: t, dir: dir, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_SSL_CAINFO=" + s.certificate,
		"GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@contoso.example", "GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@contoso.example",
	}}
	program(t, "git")
	return g
}

func (g *git) path(name string) string { return filepath.Join(g.dir, name) }

// serve makes a repository with a commit, whose hook notes who pushes.
func (g *git) serve(name string) (repository string) {
	g.t.Helper()
	repository = filepath.Join(g.dir, "repositories", name)
	g.must("", "init", "-q", "--bare", "--initial-branch=main", repository)
	hook := "#!/bin/sh\necho \"$REMOTE_USER ${HTTP_AUTHORIZATION:--} ${HTTP_X_PATROL_USER:--}\" >pusher\n"
	writeFile(g.t, hook, repository, "hooks", "post-receive")
	if err := os.Chmod(filepath.Join(repository, "hooks", "post-receive"), 0o700); err != nil {
		g.t.Fatal(err)
	}
	first := g.path("first")
	g.must("", "init", "-q", "--initial-branch=main", first)
	g.commit(first, 1)
	g.must("", "-C", first, "push", "-q", repository, "main")
	return repository
}

// commit adds a file of noise, which does not compress.
func (g *git) commit(clone string, size int) {
	g.t.Helper()
	noise := make([]byte, size)
	rand.Read(noise)
	writeFile(g.t, string(noise), clone, "noise")
	g.must("", "-C", clone, "add", "noise")
	g.must("", "-C", clone, "commit", "-q", "-m", "Add noise")
}

// try runs git. Asked for a password, it gives the token, if there is one.
func (g *git) try(token string, arguments ...string) (out string, err error) {
	g.t.Helper()
	if token != "" {
		arguments = append([]string{"-c", `credential.helper=!f() { echo username=any; echo "password=$PAT"; }; f`}, arguments...)
	}
	cmd := exec.Command("git", arguments...)
	cmd.Dir, cmd.Env = g.dir, append(g.env, "PAT="+token)
	text, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(text)), err
}

func (g *git) must(token string, arguments ...string) (out string) {
	g.t.Helper()
	out, err := g.try(token, arguments...)
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", arguments[len(arguments)-1], err, out)
	}
	return out
}

// refused expects git to fail and to say why.
func (g *git) refused(token, why string, arguments ...string) {
	g.t.Helper()
	out, err := g.try(token, arguments...)
	if err == nil || !strings.Contains(out, why) {
		g.t.Errorf("git %s: %v, want it refused with %q\n%s", arguments[len(arguments)-1], err, why, out)
	}
}
