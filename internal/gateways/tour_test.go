package gateways_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestTour takes the steps of the README: a token opens nginx, and is refused
// once it is revoked.
func TestTour(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/nginx-dev.conf")
	if err != nil {
		t.Fatal(err)
	}
	p := patroltest.Start(t, patroltest.Options{})
	dir, binary := t.TempDir(), program(t, "nginx")
	addresses, _ := listening(t, "start worker process ", func(addresses ...string) *exec.Cmd {
		writeFile(t, asOwnUser(fitted(t, string(text), "error_log nginx.log", "error_log stderr notice", "http://127.0.0.1:8080", p.API,
			"127.0.0.1:8090", addresses[0], "127.0.0.1:8091", addresses[1])), dir, "nginx.conf")
		return exec.Command(binary, "-e", "stderr", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-g", "daemon off;")
	})
	c := clientOf(t, p, "contoso")
	secret, id := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code"})
	visit := func() (status int, body string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addresses[0]+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("", secret)
		response, err := p.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	if status, body := visit(); status != 200 || body != "hello alice@contoso.example\n" {
		t.Errorf("status %d, %q before the revocation", status, body)
	}
	revoke(t, c, id)
	if status, _ := visit(); status != 401 {
		t.Errorf("status %d after the revocation, want 401", status)
	}
}
