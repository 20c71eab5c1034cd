package walkthrough_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// hostile are names that a page must show as they are.
var hostile = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>{{.}}`,
	"invoice (שלום) of مرحبا 1,2",
	strings.Repeat("unbroken", 31) + "255.end",
	"🚀 déploiement 🇳🇿 — " + strings.Repeat("很长的名字", 12),
}

// TestList leads through more tokens than a page has.
func TestList(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	s.fill(t, "alice", 120)
	b := open(t, s, look{})
	b.signIn("alice")
	b.picture("1-first-page")
	b.rows(100)
	b.the(link, "Next page").press()
	b.rows(20 + len(hostile))
	b.picture("2-second-page")
	b.the(link, "First page").press()
	b.rows(100)

	b.the(link, "Name").press()
	sorted := b.names()
	if !slices.IsSorted(sorted) {
		t.Errorf("sorted by name the list begins %.5q", sorted)
	}
	b.the(link, "Name").press()
	if first := b.names()[0]; first < sorted[0] {
		t.Errorf("sorted the other way the list begins %q", first)
	}

	b.the(search, "Search these tokens").fill("onerror")
	b.the(button, "Search").press()
	b.rows(1)
	b.the(link, hostile[0]).press()
	b.at(hostile[0])
	b.back()
	b.the(search, "Search these tokens").fill("deploy 01")
	b.the(button, "Search").press()
	b.rows(10)
	b.the(checkbox, "Choose deploy 012").choose()
	b.the(checkbox, "Choose deploy 017").choose()
	b.reads("2 chosen")
	b.the(button, "Revoke chosen…").press()
	b.at("Revoke these 2 tokens?")
	b.reads("deploy 012")
	b.picture("3-revoke-two")
	b.the(button, "Revoke 2 tokens").press()
	b.reads("2 tokens were revoked.")
	b.rows(8)
	b.the(checkbox, "Choose all").choose()
	b.reads("8 chosen")
	b.the(button, "Revoke chosen…").press()
	b.the(link, "Keep them").press()
	b.rows(8)

	b.the(link, "Revoked").press()
	b.at("Tokens")
	b.the(link, "Show all").press()
	b.rows(2)
	b.picture("4-revoked")
	s.create(t, "alice", api.PatTokenCreateRequest{DisplayName: "short-lived", Scope: "vso.code", ValidTo: &api.Time{Time: time.Now().Add(time.Second)}})
	b.until("a token to expire", func(context.Context) error {
		b.visit("/contoso/tokens?tab=expired")
		if b.the(row, "").count() != 2 {
			return errNotYet
		}
		return nil
	})
	b.the(link, "short-lived").shown()
	b.picture("5-expired")
}

// rows fails where the list does not have that many tokens.
func (b *browser) rows(want int) {
	b.Helper()
	b.until(fmt.Sprintf("a list of %d tokens", want), func(ctx context.Context) error {
		found, err := b.the(row, "").all(ctx)
		if got := len(found) - 1; err == nil && got != want { // one is the head
			err = fmt.Errorf("there are %d", got)
		}
		return err
	})
}

// names are those of the tokens listed.
func (b *browser) names() []string {
	b.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll("tbody th[scope=row]")].map(e => e.innerText)`)
}

// as is the API as the user with that name before the "@".
func (s *site) as(t testing.TB, name, organization string) *client.Client {
	t.Helper()
	token := s.Token(t, name)
	return &client.Client{BaseURL: s.API, Organization: organization, HTTP: s.HTTP, Token: func(context.Context) (string, error) { return token, nil }}
}

// create gives a user a token.
func (s *site) create(t testing.TB, name string, asked api.PatTokenCreateRequest) api.PatToken {
	t.Helper()
	token, err := s.as(t, name, "contoso").Create(t.Context(), asked)
	if err != nil {
		t.Fatalf("creating %q: %v", asked.DisplayName, err)
	}
	return token
}

// fill gives a user tokens of all sorts.
func (s *site) fill(t testing.TB, name string, tokens int) {
	t.Helper()
	now, c := time.Now(), s.as(t, name, "contoso")
	create := func(name, scope string, life time.Duration, everywhere bool) {
		_, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: name, Scope: scope, ValidTo: &api.Time{Time: now.Add(life)}, AllOrgs: everywhere})
		if err != nil {
			t.Errorf("creating %q: %v", name, err)
		}
	}
	var all sync.WaitGroup
	for i := range tokens {
		all.Go(func() {
			create(fmt.Sprintf("deploy %03d", i), []string{"vso.code", "vso.build_execute vso.code_write", "vso.packaging"}[i%3], time.Duration(2+i*3)*24*time.Hour, i%10 == 0)
		})
	}
	for i, name := range hostile {
		all.Go(func() { create(name, "app_token", time.Duration(5+40*i)*24*time.Hour, i == 0) })
	}
	all.Wait()
}
