package gateways_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nginxMain stands around the files of the page, as Debian's nginx.conf does,
// with everything in the directory that nginx is started in.
const nginxMain = `
daemon off;
pid nginx.pid;
error_log stderr notice;
worker_processes 1;
events {}
http {
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}
`

// startNginx starts nginx with the page's files, packages.conf before the
// backend, and git.conf before the repositories, if there are any.
func startNginx(t testing.TB, s *surroundings) *gateway {
	t.Helper()
	g, _ := startNginxWithGit(t, s)
	return g
}

// startNginxWithGit also returns the address at which git is served.
func startNginxWithGit(t testing.TB, s *surroundings) (g *gateway, git string) {
	t.Helper()
	dir, binary := t.TempDir(), program(t, "nginx")
	writeFile(t, asOwnUser(nginxMain), dir, "nginx.conf")
	writeFile(t, fitted(t, configuration(t, "/etc/nginx/conf.d/00-patrol.conf"), "patrol.example:443", s.patrol.address), dir, "conf.d/00-patrol.conf")
	writeFile(t, fitted(t, configuration(t, "/etc/nginx/snippets/patrol.conf"),
		"patrol.example", s.patrol.name, "/etc/ssl/certs/ca-certificates.crt", s.patrol.authority, "5s", s.timeout), dir, "snippets/patrol.conf")
	socket := ""
	if s.repositories != "" {
		socket = startFcgiwrap(t)
	}
	addresses, out := listening(t, "start worker process ", func(addresses ...string) *exec.Cmd {
		front := []string{"/etc/nginx/tls/", filepath.Dir(s.certificate) + "/", "/var/log/nginx/", dir + "/"}
		writeFile(t, fitted(t, configuration(t, "/etc/nginx/conf.d/packages.conf"), append(front,
			"listen              443", "listen "+addresses[0], "packages.pem", "front.pem", "packages.key", "front.key",
			"127.0.0.1:9000", s.backend.Listener.Addr().String())...), dir, "conf.d/packages.conf")
		if s.repositories != "" {
			writeFile(t, fitted(t, configuration(t, "/etc/nginx/conf.d/git.conf"), append(front,
				"listen              443", "listen "+addresses[1], "git.pem", "front.pem", "git.key", "front.key",
				"/run/fcgiwrap.socket", socket, "/srv/git", s.repositories,
				"/usr/lib/git-core/git-http-backend", program(t, "git-http-backend"))...), dir, "conf.d/git.conf")
		}
		return exec.Command(binary, "-e", "stderr", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	})
	log := func() string {
		var all strings.Builder
		all.WriteString(out.String())
		for _, name := range []string{"packages.log", "git.log"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil && (name == "packages.log" || s.repositories != "") {
				t.Error(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	return &gateway{name: "nginx", address: addresses[0], log: log, unanswered: 503, client: s.httpClient(t)}, addresses[1]
}

// asOwnUser keeps nginx from changing to another user, which it does for root
// alone, and who might not read the test's files.
func asOwnUser(configuration string) string {
	if os.Getuid() != 0 {
		return configuration
	}
	return "user root;" + configuration
}

// startFcgiwrap runs CGI programs for nginx. It takes connections from a
// socket that it is given open.
func startFcgiwrap(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "fcgiwrap.socket")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	listener.SetUnlinkOnClose(false)
	file, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(program(t, "fcgiwrap"), "-f")
	cmd.Stdin = file
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting fcgiwrap: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return path
}
