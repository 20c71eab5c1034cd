package gateways_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// caddyMain are the options under which a Caddy keeps to itself.
const caddyMain = `
{
	admin off
	skip_install_trust
	auto_https disable_redirects
}
`

// startCaddy starts Caddy with the page's file.
func startCaddy(t testing.TB, s *surroundings) *gateway {
	t.Helper()
	dir, binary := t.TempDir(), program(t, "caddy")
	addresses, out := listening(t, "serving initial configuration", func(addresses ...string) *exec.Cmd {
		site := "https://" + addresses[0] + " {\n\tbind 127.0.0.1\n\ttls " + s.certificate + " " + s.key + "\n\tlog {\n\t\toutput stderr\n\t}\n"
		writeFile(t, caddyMain+fitted(t, configuration(t, "/etc/caddy/Caddyfile"),
			"packages.example {\n", site, "https://patrol.example", "https://"+s.patrol.address, "patrol.example", s.patrol.name,
			"/etc/ssl/certs/ca-certificates.crt", s.patrol.authority, "5s", s.timeout,
			"127.0.0.1:9000", s.backend.Listener.Addr().String()), dir, "Caddyfile")
		cmd := exec.Command(binary, "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		return cmd
	})
	return &gateway{name: "Caddy", address: addresses[0], log: out.String, unanswered: 502, client: s.httpClient(t)}
}
