package patroltest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store"
)

// sdk is a client of the service as alice, in contoso.
func sdk(t *testing.T, s *patroltest.Server) *client.Client {
	t.Helper()
	access := s.Token(t, "alice")
	return &client.Client{
		BaseURL: s.API, Organization: "contoso", HTTP: s.HTTP,
		Token: func(context.Context) (string, error) { return access, nil },
	}
}

func create(t *testing.T, c *client.Client, asked api.PatTokenCreateRequest) api.PatToken {
	t.Helper()
	created, err := c.Create(t.Context(), asked)
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	return created
}

// verify asks the service about a token, as a gateway would. It may run in any
// goroutine.
func verify(t *testing.T, s *patroltest.Server, question, secret string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Verify.URL+question, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	req.SetBasicAuth("alice", secret)
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Errorf("verifying: %v", err)
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("verifying: %v", err)
	}
	return resp.StatusCode
}

// introspect asks the service about a token, as its client.
func introspect(t *testing.T, s *patroltest.Server, secret string) api.Introspection {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Verify.Introspect, strings.NewReader(url.Values{"token": {secret}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(s.Verify.Client.ID, s.Verify.Client.Secret)
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer api.Introspection
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("introspecting = %d, %v, want 200", resp.StatusCode, err)
	}
	return answer
}

// TestChangesShowAtOnce changes tokens while many ask about them, so that the
// cache is warm and being filled all the time. No verification that begins
// after a change has returned may go by what was before.
func TestChangesShowAtOnce(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	c := sdk(t, s)
	now := time.Now()
	tests := map[string]struct {
		times    int
		question string
		change   func(id string) error
		want     int
	}{
		"revoke": {5, "/contoso/vso.code", func(id string) error { return c.Revoke(t.Context(), id) }, http.StatusUnauthorized},
		"scope": {5, "/contoso/vso.code", func(id string) error {
			_, err := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: id, Scope: new("vso.work")})
			return err
		}, http.StatusForbidden},
		"organizations": {5, "/fabrikam/vso.code", func(id string) error {
			_, err := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: id, AllOrgs: new(false)})
			return err
		}, http.StatusForbidden},
		"end": {1, "/contoso/vso.code", func(id string) error {
			end := time.Now().Add(2 * time.Second)
			_, err := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: id, ValidTo: &api.Time{Time: end}})
			time.Sleep(time.Until(end)) // what is tested is that it has passed
			return err
		}, http.StatusUnauthorized},
	}
	for name, tt := range tests {
		for range tt.times {
			created := create(t, c, api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code", AllOrgs: true, ValidTo: &api.Time{Time: now.Add(time.Hour)}})
			asking, stop := context.WithCancel(t.Context())
			var all, warm sync.WaitGroup
			for range 8 {
				warm.Add(1)
				all.Go(func() {
					if got := verify(t, s, tt.question, *created.Token); got != http.StatusOK {
						t.Errorf("%s: before = %d, want 200", name, got)
					}
					warm.Done()
					for asking.Err() == nil {
						verify(t, s, tt.question, *created.Token)
					}
				})
			}
			warm.Wait()
			if err := tt.change(created.AuthorizationID); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for range 20 {
				if got := verify(t, s, tt.question, *created.Token); got != tt.want {
					t.Errorf("%s: after = %d, want %d", name, got, tt.want)
				}
			}
			stop()
			all.Wait()
		}
	}
}

// TestUsesSurviveTheEnd: what a token was last used for reaches the database
// before the service has stopped, of a token that was revoked since, too.
func TestUsesSurviveTheEnd(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: data})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	s := patroltest.Attach(t, dev)
	c := sdk(t, s)
	var ids []pat.UUID
	for i := range 3 {
		created := create(t, c, api.PatTokenCreateRequest{DisplayName: "t", Scope: "vso.code"})
		if i < 2 {
			verify(t, s, "/contoso/vso.code", *created.Token)
		} else if answer := introspect(t, s, *created.Token); !answer.Active || answer.ID != created.AuthorizationID {
			t.Errorf("introspecting = %+v, want the token active", answer)
		}
		if i == 1 {
			if err := c.Revoke(t.Context(), created.AuthorizationID); err != nil {
				t.Fatal(err)
			}
		}
		id, err := pat.ParseUUID(created.AuthorizationID)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	s.HTTP.CloseIdleConnections()
	stop()
	if err := dev.Wait(ctx); err != nil {
		t.Fatal(err)
	}

	db, err := store.OpenSQLite(t.Context(), filepath.Join(data, "patrol.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	alice, err := pat.ParseUUID(s.Users[0].ObjectID)
	if err != nil {
		t.Fatal(err)
	}
	usages, err := db.Usage(t.Context(), alice, ids)
	if err != nil || len(usages) != 3 {
		t.Fatalf("Usage = %d usages, %v, want 3", len(usages), err)
	}
	for _, u := range usages {
		want := pat.Usage{Token: u.Token, At: u.At, Address: "127.0.0.1", Agent: "go", Scope: "vso.code"}
		if u.Token == ids[2] { // through a service, which alone knows whose request it was
			want.Address, want.Agent, want.Scope = "", "", ""
		}
		if u.Usage != want || time.Since(u.At) > time.Minute {
			t.Errorf("usage = %+v, want %+v of just now", u.Usage, want)
		}
	}
}

// TestVerificationKeepsSecrets presents a secret in all the right and wrong
// places, and finds it neither in the log nor in an answer.
func TestVerificationKeepsSecrets(t *testing.T) {
	t.Parallel()
	logs := new(lockedBuffer)
	s := patroltest.Start(t, patroltest.Options{Log: logs})
	secret := *create(t, sdk(t, s), api.PatTokenCreateRequest{DisplayName: "t", Scope: "vso.code"}).Token
	var said strings.Builder
	say := func(method, target, body string, headers ...string) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.API+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Add(headers[i], headers[i+1])
		}
		resp, err := s.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(&said, resp.Status, resp.Header, string(answer))
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Verify.Client.ID+":"+s.Verify.Client.Secret))
	form := "application/x-www-form-urlencoded"
	for _, presented := range []string{secret, secret[:83] + "x", secret + secret} {
		say(http.MethodGet, "/verify/contoso/vso.code", "", "Authorization", "Bearer "+presented)
		say(http.MethodGet, "/verify/"+presented+"/"+presented, "", "Authorization", "Bearer "+presented)
		say(http.MethodGet, "/verify?org="+presented+"&scope="+presented+"&token="+presented, "")
		say(http.MethodPost, "/oauth2/introspect?token="+presented, "token="+presented, "Content-Type", form, "Authorization", basic)
		say(http.MethodPost, "/oauth2/introspect", "token=x&organization="+presented+"&scope="+presented, "Content-Type", form, "Authorization", basic)
		say(http.MethodPost, "/oauth2/introspect", "token="+presented+"&client_id="+presented+"&client_secret="+presented, "Content-Type", form)
		say(http.MethodGet, "/oauth2/introspect/"+presented, "", "Authorization", "Bearer "+presented)
	}
	for name, text := range map[string]string{"token": secret[:52], "client": s.Verify.Client.Secret} {
		for _, part := range []string{text, text[:20], hex.EncodeToString([]byte(text[:20]))} {
			if strings.Contains(said.String(), part) {
				t.Errorf("an answer holds the secret of the %s", name)
			}
			if strings.Contains(logs.String(), part) {
				t.Errorf("the log holds the secret of the %s", name)
			}
		}
	}
}

// lockedBuffer is a bytes.Buffer for many goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
