package pat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store"
)

const day = 24 * time.Hour

// world is a service with two organizations of one tenant, and its callers.
type world struct {
	*pat.Service
	store  *journal
	ring   *pat.Keyring
	policy pat.Policy
	// broken is what reading the policy answers, where it is set.
	broken             error
	now                time.Time
	contoso, fabrikam  pat.Organization
	alice, bob, mobile pat.Caller // mobile is alice in fabrikam
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := pat.NewKeyring("", pat.ServerKey{ID: '1', Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "patrol.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tenant := pat.RandomUUID()
	w := &world{
		ring:     ring,
		store:    &journal{Store: db, tampered: map[pat.UUID]func(*pat.Token){}},
		now:      time.Date(2026, time.November, 23, 12, 0, 0, 123456789, time.FixedZone("", 3600)),
		contoso:  pat.Organization{ID: pat.RandomUUID(), Name: "contoso", Tenant: tenant},
		fabrikam: pat.Organization{ID: pat.RandomUUID(), Name: "fabrikam", Tenant: tenant},
	}
	user := func(name string, o pat.Organization) pat.Caller {
		return pat.Caller{
			Actor:        pat.Actor{ID: pat.HashUUID(name), Tenant: tenant, Username: name, Permissions: pat.ReadTokens | pat.ManageTokens},
			Organization: o,
			Origin:       pat.Origin{Activity: pat.RandomUUID(), Address: "192.0.2.1", UserAgent: "test"},
		}
	}
	w.alice, w.bob, w.mobile = user("alice@contoso.example", w.contoso), user("bob@contoso.example", w.contoso), user("alice@contoso.example", w.fabrikam)
	w.Service = &pat.Service{
		Store: w.store, Keys: ring, Scopes: azureDevOps(t),
		Policy: func(context.Context, pat.Organization) (pat.Policy, error) { return w.policy, w.broken },
		Now:    func() time.Time { return w.now },
	}
	return w
}

// at is the service's time, so many days from the beginning of the test.
func (w *world) at(days int) time.Time { return pat.Instant(w.now).Add(time.Duration(days) * day) }

func (w *world) create(t *testing.T, c pat.Caller, asked pat.Creation) pat.Token {
	t.Helper()
	if asked.DisplayName == "" {
		asked.DisplayName = "ci"
	}
	if asked.Scope == "" {
		asked.Scope = "vso.code"
	}
	created, _, err := w.Create(t.Context(), c, asked)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// createMany creates that many tokens side by side.
func (w *world) createMany(t *testing.T, n int, asked func(i int) pat.Creation) {
	t.Helper()
	const workers = 50
	faults := make([]error, workers)
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < n && faults[worker] == nil; i += workers {
				_, _, faults[worker] = w.Create(t.Context(), w.alice, asked(i))
			}
		})
	}
	group.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Fatal(err)
	}
}

// snapshot is all that is stored.
type snapshot struct {
	Tokens map[pat.UUID]pat.Token
	Events []pat.Event
}

func (w *world) snapshot(t *testing.T) snapshot {
	t.Helper()
	s := snapshot{Tokens: map[pat.UUID]pat.Token{}, Events: slices.Clone(w.store.events)}
	for _, c := range []pat.Caller{w.alice, w.mobile, w.bob} {
		tokens, err := w.store.Store.List(t.Context(), pat.Query{Owner: c.ID, Organization: c.Organization.ID, Filter: pat.FilterAll, At: w.at(0), Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			s.Tokens[token.ID] = token
		}
	}
	return s
}

// stored is the token as the store has it.
func (w *world) stored(t *testing.T, id pat.UUID) pat.Token {
	t.Helper()
	return w.snapshot(t).Tokens[id]
}

// unchanged checks that nothing has been written since before was noted.
func (w *world) unchanged(t *testing.T, what string, before snapshot) {
	t.Helper()
	if diff := cmp.Diff(before, w.snapshot(t)); diff != "" {
		t.Errorf("%s changed something (-before +after):\n%s", what, diff)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, secret, err := w.Create(t.Context(), w.alice, pat.Creation{
		DisplayName: " ci ", Scope: "VSO.work vso.code vso.code", ValidTo: new(w.now.Add(7*day + 999)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !w.ring.Minted(secret) {
		t.Error("the secret is not one of the keyring's")
	}
	digest, _ := w.ring.Digest(secret)
	want := pat.Token{
		ID: got.ID, Owner: w.alice.ID, Tenant: w.alice.Tenant, OwnerName: w.alice.Username, Organization: w.contoso.ID,
		DisplayName: "ci", Scope: "vso.code vso.work",
		ValidFrom: time.Date(2026, time.November, 23, 11, 0, 0, 123456000, time.UTC),
		ValidTo:   time.Date(2026, time.November, 30, 11, 0, 0, 123457000, time.UTC),
		KeyID:     '1', Digest: digest, Seal: got.Seal, C3ID: pat.C3ID(secret), Version: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the token differs (-want +got):\n%s", diff)
	}
	if !w.ring.Sealed(got) {
		t.Error("the token is not sealed")
	}
	bucket, _ := secret.Bucket()
	if want := pat.BucketOf(w.alice.ID); got.ID.Bucket() != want || bucket != want {
		t.Errorf("bucket of id and secret = %d and %d, want %d", got.ID.Bucket(), bucket, want)
	}
	if kept, err := w.Get(t.Context(), w.alice, got.ID); err != nil || !cmp.Equal(got, kept) {
		t.Errorf("Get = %v, %v, want what Create returned", kept, err)
	}
	wantEvent := pat.Event{
		ID: w.store.events[0].ID, At: got.ValidFrom, Action: pat.ActionCreate, Token: got.ID, Owner: w.alice.ID,
		Tenant: w.alice.Tenant, Organization: w.contoso.ID, Actor: w.alice.ID, ActorName: "alice@contoso.example", Origin: w.alice.Origin,
		Data: map[string]string{
			"DisplayName": "ci", "Scopes": "vso.code vso.work", "ValidTo": "2026-11-30T11:00:00.123457Z", "AllOrgs": "false",
		},
	}
	if diff := cmp.Diff([]pat.Event{wantEvent}, w.store.events); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	if strings.Contains(fmt.Sprint(w.snapshot(t)), secret.Reveal()) {
		t.Error("the store has the secret")
	}
}

func TestCreateDecidesTheEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		limits pat.Limits
		policy pat.Policy
		days   int // 0: not asked
		want   int
		code   pat.Code
	}{
		{name: "by default", want: 30},
		{name: "as configured", limits: pat.Limits{DefaultLifetime: 5 * day}, want: 5},
		{name: "by default below a low ceiling", limits: pat.Limits{MaxLifetime: 5 * day}, want: 5},
		{name: "by default, clamped", policy: pat.Policy{Lifespan: pat.LifespanRestriction{Max: 7 * day}}, want: 7},
		{name: "asked", days: 365, want: 365},
		{name: "asked, clamped", policy: pat.Policy{Lifespan: pat.LifespanRestriction{Max: 7 * day}}, days: 365, want: 7},
		{name: "asked beyond the ceiling, not clamped", policy: pat.Policy{Lifespan: pat.LifespanRestriction{Max: 7 * day}}, days: 366, code: pat.CodeInvalidValidTo},
		{name: "asked in the past", days: -1, code: pat.CodeInvalidValidTo},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Limits, w.policy = tt.limits, tt.policy
			asked := pat.Creation{DisplayName: "ci", Scope: "vso.code"}
			if tt.days != 0 {
				asked.ValidTo = new(w.at(tt.days))
			}
			got, _, err := w.Create(t.Context(), w.alice, asked)
			if pat.CodeOf(err) != tt.code || (err == nil) != (tt.code == "") {
				t.Fatalf("Create = %v, want %q", err, tt.code)
			}
			if err == nil && !got.ValidTo.Equal(w.at(tt.want)) {
				t.Errorf("Create until %v, want %v", got.ValidTo, w.at(tt.want))
			}
		})
	}
}

func TestCreateRefusals(t *testing.T) {
	t.Parallel()
	on := pat.Restriction{On: true}
	tests := []struct {
		name  string
		setUp func(*world)
		asked pat.Creation
		code  pat.Code
	}{
		{"no name", nil, pat.Creation{Scope: "vso.code"}, pat.CodeDisplayNameRequired},
		{"bad name", nil, pat.Creation{DisplayName: "a\nb", Scope: "vso.code"}, pat.CodeInvalidDisplayName},
		{"no scope", nil, pat.Creation{DisplayName: "ci"}, pat.CodeInvalidScope},
		{"year 9999", nil, pat.Creation{DisplayName: "ci", Scope: "vso.code", ValidTo: new(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))}, pat.CodeInvalidValidTo},
		{"year 1", nil, pat.Creation{DisplayName: "ci", Scope: "vso.code", ValidTo: new(time.Time)}, pat.CodeInvalidValidTo},
		{"global tokens blocked", func(w *world) { w.Limits.Global = pat.GlobalBlocked }, pat.Creation{DisplayName: "ci", Scope: "vso.code", AllOrgs: true}, pat.CodeGlobalBlocked},
		{"global tokens retired", func(w *world) { w.Limits.Global = pat.GlobalRetired }, pat.Creation{DisplayName: "ci", Scope: "vso.code", AllOrgs: true}, pat.CodeGlobalBlocked},
		{"global policy", func(w *world) { w.policy.Global = on }, pat.Creation{DisplayName: "ci", Scope: "vso.code", AllOrgs: true}, pat.CodeGlobalPolicy},
		{"full scope policy", func(w *world) { w.policy.FullScope = on }, pat.Creation{DisplayName: "ci", Scope: "app_token"}, pat.CodeFullScopePolicy},
		{"creation policy", func(w *world) { w.policy.Creation.Restriction = on }, pat.Creation{DisplayName: "ci", Scope: "vso.code"}, pat.CodeCreationPolicy},
		{"policy unreadable", func(w *world) { w.broken = errors.New("disk on fire") }, pat.Creation{DisplayName: "ci", Scope: "vso.code"}, pat.CodeTenantPolicyUnreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tt.setUp != nil {
				tt.setUp(w)
			}
			got, secret, err := w.Create(t.Context(), w.alice, tt.asked)
			if pat.CodeOf(err) != tt.code {
				t.Errorf("Create = %v, want %s", err, tt.code)
			}
			if secret.Reveal() != "" || !got.ID.IsZero() {
				t.Error("Create refuses and gives a token all the same")
			}
			if w.broken != nil && !errors.Is(err, w.broken) {
				t.Errorf("Create = %v, want the cause kept for the log", err)
			}
			w.unchanged(t, "a refused creation", snapshot{Tokens: map[pat.UUID]pat.Token{}})
		})
	}
}

func TestStoreFaultsPassThrough(t *testing.T) {
	t.Parallel()
	for _, fault := range []error{pat.ErrUnknown, pat.ErrUnavailable, context.Canceled} {
		w := newWorld(t)
		token := w.create(t, w.alice, pat.Creation{})
		w.store.fault = fault
		_, secret, err := w.Create(t.Context(), w.alice, pat.Creation{DisplayName: "ci", Scope: "vso.code"})
		if secret.Reveal() != "" {
			t.Errorf("after %v the caller has a secret all the same", fault)
		}
		_, getErr := w.Get(t.Context(), w.alice, token.ID)
		_, _, _, listErr := w.List(t.Context(), w.alice, pat.Query{Limit: 1})
		_, updateErr := w.Update(t.Context(), w.alice, token.ID, pat.Change{DisplayName: new("x")})
		_, usageErr := w.Usage(t.Context(), w.alice, []pat.UUID{token.ID})
		_, sweepErr := w.Sweep(t.Context())
		for call, err := range map[string]error{
			"Create": err, "Get": getErr, "List": listErr, "Update": updateErr, "Usage": usageErr, "Sweep": sweepErr,
			"Revoke": w.Revoke(t.Context(), w.alice, token.ID),
		} {
			if !errors.Is(err, fault) || pat.CodeOf(err) != "" || err.Error() == fault.Error() {
				t.Errorf("%s = %v, want %v wrapped once with what was being done", call, err, fault)
			}
		}
	}
}

func TestTokensOfOthersAndElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here := w.create(t, w.alice, pat.Creation{DisplayName: "here"})
	global := w.create(t, w.alice, pat.Creation{DisplayName: "global", AllOrgs: true})
	elsewhere := w.create(t, w.mobile, pat.Creation{DisplayName: "elsewhere"})

	reach := func(c pat.Caller, id pat.UUID, want bool) {
		t.Helper()
		code := pat.CodeTokenNotFound
		if want {
			code = ""
		}
		before := w.snapshot(t)
		_, getErr := w.Get(t.Context(), c, id)
		_, updateErr := w.Update(t.Context(), c, id, pat.Change{})
		for call, err := range map[string]error{"Get": getErr, "Update": updateErr} {
			if pat.CodeOf(err) != code || (err == nil) != want {
				t.Errorf("%s of %s in %s = %v, want %q", call, id, c.Organization.Name, err, code)
			}
		}
		if !want {
			if err := w.Revoke(t.Context(), c, id); pat.CodeOf(err) != code {
				t.Errorf("Revoke of %s in %s = %v, want %q", id, c.Organization.Name, err, code)
			}
		}
		w.unchanged(t, "looking", before)
	}
	reach(w.alice, here.ID, true)
	reach(w.alice, global.ID, true)
	reach(w.alice, elsewhere.ID, false)
	reach(w.mobile, here.ID, false)
	reach(w.mobile, global.ID, true)
	reach(w.mobile, elsewhere.ID, true)
	reach(w.bob, here.ID, false)
	reach(w.bob, global.ID, false)
	reach(w.bob, pat.RandomUUID(), false)
	reach(w.alice, pat.UUID{}, false)

	for _, c := range []pat.Caller{w.alice, w.mobile, w.bob} {
		page, _, next, err := w.List(t.Context(), c, pat.Query{Limit: 10, Sort: pat.SortName, Ascending: true})
		if err != nil || next != nil {
			t.Fatalf("List = %v, %v, want one page", next, err)
		}
		want := map[string]string{"contosoalice@contoso.example": "global here", "fabrikamalice@contoso.example": "elsewhere global"}[c.Organization.Name+c.Username]
		if got := names(page); got != want {
			t.Errorf("List of %s in %s = %s, want %s", c.Username, c.Organization.Name, got, want)
		}
	}
}

func names(tokens []pat.Token) string {
	var all []string
	for _, t := range tokens {
		all = append(all, t.DisplayName)
	}
	return strings.Join(all, " ")
}

func TestListPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createMany(t, 250, func(i int) pat.Creation {
		return pat.Creation{DisplayName: fmt.Sprintf("%03d", i), Scope: "vso.code", ValidTo: new(w.now.Add(10 * time.Minute))}
	})
	for _, tt := range []struct{ limit, want int }{{-5, 1}, {0, 1}, {1, 1}, {99, 99}, {100, 100}, {101, 100}, {1 << 30, 100}} {
		page, at, next, err := w.List(t.Context(), w.alice, pat.Query{Limit: tt.limit})
		if err != nil || len(page) != tt.want || next == nil || !at.Equal(pat.Instant(w.now)) {
			t.Errorf("List with limit %d = %d tokens, at %v, %v, want %d", tt.limit, len(page), at, err, tt.want)
		}
	}
	query := pat.Query{Limit: 100, Sort: pat.SortName, Ascending: true, Owner: w.bob.ID, Organization: w.fabrikam.ID} // what the service sets does not count
	var sizes []int
	seen := ""
	for {
		page, at, next, err := w.List(t.Context(), w.alice, query)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page))
		seen += names(page) + " "
		if next == nil {
			break
		}
		query.At, query.After = at, next
		w.now = w.now.Add(20 * time.Minute) // all expire, but the moment is the first page's
	}
	if !slices.Equal(sizes, []int{100, 100, 50}) {
		t.Errorf("pages have %v tokens, want 100, 100 and 50", sizes)
	}
	if got := strings.Fields(seen); len(got) != 250 || !slices.IsSorted(got) {
		t.Errorf("the pages together have %d tokens, want all 250 in order", len(got))
	}
	w.now = w.now.Add(2 * time.Hour)
	if _, _, _, err := w.List(t.Context(), w.alice, query); pat.CodeOf(err) != pat.CodeStalePage {
		t.Errorf("List that began hours ago = %v, want %q", err, pat.CodeStalePage)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.create(t, w.alice, pat.Creation{})
	w.now = w.now.Add(time.Hour)
	if err := w.Revoke(t.Context(), w.alice, token.ID); err != nil {
		t.Fatal(err)
	}
	revoked := w.stored(t, token.ID)
	want := token
	want.RevokedAt, want.Version = pat.Instant(w.now), 2
	if diff := cmp.Diff(want, revoked); diff != "" {
		t.Errorf("the token differs (-want +got):\n%s", diff)
	}
	if !w.ring.Sealed(revoked) {
		t.Error("revoking broke the seal")
	}
	if got := w.store.events[1]; len(w.store.events) != 2 || got.Action != pat.ActionRevoke || got.Token != token.ID || got.Actor != w.alice.ID || !got.At.Equal(revoked.RevokedAt) {
		t.Errorf("%d events, the last %v, want the revocation", len(w.store.events), got)
	}
	before := w.snapshot(t)
	w.now = w.now.Add(time.Hour)
	if err := w.Revoke(t.Context(), w.alice, token.ID); err != nil {
		t.Errorf("Revoke again = %v, want nil", err)
	}
	w.unchanged(t, "revoking again", before)
}

// A revocation must not fail because of what the token has become.
func TestRevokeAlways(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expired := w.create(t, w.alice, pat.Creation{ValidTo: new(w.at(1))})
	broken := w.create(t, w.alice, pat.Creation{})
	w.store.tampered[broken.ID] = func(t *pat.Token) { t.Scope = pat.FullScope }
	global := w.create(t, w.alice, pat.Creation{AllOrgs: true})
	w.now = w.now.Add(2 * day)
	w.broken = errors.New("disk on fire")
	w.Limits.Global = pat.GlobalRetired
	for name, tt := range map[string]struct {
		by pat.Caller
		id pat.UUID
	}{"expired": {w.alice, expired.ID}, "broken seal": {w.alice, broken.ID}, "global, elsewhere": {w.mobile, global.ID}} {
		if err := w.Revoke(t.Context(), tt.by, tt.id); err != nil {
			t.Errorf("%s: Revoke = %v", name, err)
		}
		if got := w.stored(t, tt.id).StateAt(w.now); got != pat.Revoked {
			t.Errorf("%s: state = %v, want revoked", name, got)
		}
	}
	if got, want := w.stored(t, broken.ID).Seal, broken.Seal; got != want {
		t.Error("revoking renewed a broken seal")
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 1203
	w.createMany(t, many, func(int) pat.Creation {
		return pat.Creation{DisplayName: "ci", Scope: "vso.code", ValidTo: new(w.at(1))}
	})
	revoked := w.create(t, w.alice, pat.Creation{ValidTo: new(w.at(1))})
	if err := w.Revoke(t.Context(), w.alice, revoked.ID); err != nil {
		t.Fatal(err)
	}
	living := w.create(t, w.alice, pat.Creation{ValidTo: new(w.at(3))})
	created := len(w.store.events)
	sweep := func(want int) {
		t.Helper()
		if got, err := w.Sweep(t.Context()); err != nil || got != want {
			t.Errorf("Sweep = %d, %v, want %d", got, err, want)
		}
	}
	sweep(0)
	w.now = w.now.Add(day)
	sweep(many)
	sweep(0)
	expired := map[pat.UUID]bool{}
	for _, e := range w.store.events[created:] {
		if e.Action != pat.ActionExpire || !e.Actor.IsZero() || e.ActorName != "" || e.Owner != w.alice.ID || e.Organization != w.contoso.ID || !e.At.Equal(pat.Instant(w.now)) {
			t.Fatalf("event %+v, want an expiry that nobody caused", e)
		}
		expired[e.Token] = true
	}
	if len(expired) != many || expired[revoked.ID] || expired[living.ID] {
		t.Errorf("%d tokens have an expiry event, want the %d that ended unrevoked", len(expired), many)
	}
	w.now = w.now.Add(5 * day)
	sweep(1)
}
