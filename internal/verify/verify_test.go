package verify

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// TestVerdicts judges tokens twice, read and cached: the second time nobody is
// asked.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, code := w.token(t, "vso.code_write vso.work", false)
	_, all := w.token(t, "vso.code", true)
	_, full := w.token(t, "app_token", false)
	gone, revokedSecret := w.token(t, "vso.code", false)
	w.revoke(t, gone)
	tests := map[string]struct {
		secret string
		demand *pat.Demand
		want   pat.Verdict
	}{
		"nothing asked":            {code, w.demand(t, pat.Organization{}), pat.Good},
		"its organization":         {code, w.demand(t, w.contoso), pat.Good},
		"its scopes":               {code, w.demand(t, w.contoso, "vso.code_write", "vso.work"), pat.Good},
		"a scope that is included": {code, w.demand(t, w.contoso, "vso.code", "vso.profile"), pat.Good},
		"full access":              {full, w.demand(t, w.contoso, "vso.build_execute"), pat.Good},
		"one scope too many":       {code, w.demand(t, w.contoso, "vso.code", "vso.build"), pat.MissingScope},
		"a wider scope":            {code, w.demand(t, w.contoso, "vso.code_full"), pat.MissingScope},
		"another organization":     {code, w.demand(t, w.fabrikam), pat.WrongOrganization},
		"for all, another one":     {all, w.demand(t, w.fabrikam, "vso.code"), pat.Good},
		"for all, not a member":    {all, w.demand(t, w.closed), pat.WrongOrganization},
		"for all, another tenant":  {all, w.demand(t, w.elsewhere), pat.WrongOrganization},
		"revoked":                  {revokedSecret, w.demand(t, w.contoso), pat.Dead},
		"noise":                    {"hunter2", w.demand(t, pat.Organization{}), pat.Dead},
		"nothing":                  {"", w.demand(t, pat.Organization{}), pat.Dead},
		"too long":                 {code + "x", w.demand(t, pat.Organization{}), pat.Dead},
		"invented":                 {invented(t), w.demand(t, pat.Organization{}), pat.Dead},
	}
	for range 2 {
		before := w.Source.lookups.Load()
		for name, tt := range tests {
			if got := w.verify(t, tt.secret, tt.demand); got != tt.want {
				t.Errorf("%s: Verify = %v, want %v", name, got, tt.want)
			}
		}
		if asked, want := w.Source.lookups.Load()-before, 4-before; asked != want {
			t.Errorf("the store was asked %d times, want %d: once for each token that there is", asked, want)
		}
	}
}

// invented is a secret in the right form that another service's key minted.
func invented(t testing.TB) string {
	t.Helper()
	other, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: bytes.Repeat([]byte{8}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.Service.Keys = other
	_, secret := w.token(t, "vso.code", false)
	return secret
}

// TestFound: what is learnt of a token is the same read and cached.
func TestFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, secret := w.token(t, "vso.code vso.work", true)
	for _, from := range []string{"the store", "the cache"} {
		found := &Found{Scope: []byte("left over"), OwnerName: []byte("left over")}
		if verdict, err := w.Verifier.Verify(t.Context(), secret, w.demand(t, w.fabrikam), found); verdict != pat.Good || err != nil {
			t.Fatalf("Verify from %s = %v, %v, want good", from, verdict, err)
		}
		if found.Claim != w.Service.Scopes.ClaimOf(token) || string(found.Scope) != "vso.code vso.work" ||
			string(found.OwnerName) != "alice@contoso.example" || found.At.Name != "fabrikam" {
			t.Errorf("from %s: found %+v %q %q at %s, want what the token says", from, found.Claim, found.Scope, found.OwnerName, found.At.Name)
		}
	}
}

// TestChangesShow: what was changed shows in the first verification after it,
// though the token was cached.
func TestChangesShow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scope := "vso.build"
	soon := noon.Add(time.Hour)
	no := false
	tests := map[string]struct {
		change func(pat.Token) error
		demand *pat.Demand
		want   pat.Verdict
	}{
		"revoke": {func(token pat.Token) error {
			return w.Service.Revoke(t.Context(), w.caller(), token.ID)
		}, w.demand(t, w.contoso), pat.Dead},
		"scope": {func(token pat.Token) error {
			_, err := w.Service.Update(t.Context(), w.caller(), token.ID, pat.Change{Scope: &scope})
			return err
		}, w.demand(t, w.contoso, "vso.code"), pat.MissingScope},
		"organization": {func(token pat.Token) error {
			_, err := w.Service.Update(t.Context(), w.caller(), token.ID, pat.Change{AllOrgs: &no})
			return err
		}, w.demand(t, w.fabrikam), pat.WrongOrganization},
		"end": {func(token pat.Token) error {
			_, err := w.Service.Update(t.Context(), w.caller(), token.ID, pat.Change{ValidTo: &soon})
			w.Lease.set(soon)
			return err
		}, w.demand(t, w.contoso), pat.Dead},
	}
	for name, tt := range tests {
		w.Lease.set(noon)
		token, secret := w.token(t, "vso.code", true)
		for range 2 {
			if got := w.verify(t, secret, tt.demand); got != pat.Good {
				t.Fatalf("%s: Verify before = %v, want good", name, got)
			}
		}
		if err := tt.change(token); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := w.verify(t, secret, tt.demand); got != tt.want {
				t.Errorf("%s: Verify after = %v, want %v", name, got, tt.want)
			}
		}
	}
}

// TestFillDuringChange changes a token while it is being read: the answer may
// be of before, but is not kept.
func TestFillDuringChange(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"invalidated", "cleared", "another epoch"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token, secret := w.token(t, "vso.code", false)
			w.Source.after = func() {
				w.Source.after = nil
				switch how {
				case "invalidated":
					w.revoke(t, token)
				case "cleared":
					w.Cache.Clear()
				case "another epoch":
					w.Lease.change(func() { w.Lease.epoch++ })
				}
			}
			if got := w.verify(t, secret, w.demand(t, w.contoso)); got != pat.Good {
				t.Errorf("Verify that overlaps = %v, want good", got)
			}
			want := pat.Good
			if how == "invalidated" {
				want = pat.Dead
			}
			if got := w.verify(t, secret, w.demand(t, w.contoso)); got != want {
				t.Errorf("Verify after = %v, want %v", got, want)
			}
			if got := w.Source.lookups.Load(); got != 2 {
				t.Errorf("the store was asked %d times, want twice: the first answer must not be kept", got)
			}
		})
	}
}

// TestLease takes the lease away at every moment.
func TestLease(t *testing.T) {
	t.Parallel()
	type prepare func(*world)
	lose := func(w *world) { w.Lease.held = false }
	tests := map[string]struct {
		warm    bool
		prepare prepare
		want    pat.Verdict
		reads   int64
		failure bool
	}{
		"none, not cached": {prepare: lose, failure: true},
		"none, cached":     {warm: true, prepare: lose, failure: true},
		"none at first, not cached": {prepare: func(w *world) {
			w.Lease.held = false
			w.Lease.regained = func() { w.Lease.held, w.Lease.epoch = true, 8 }
		}, want: pat.Good, reads: 1},
		"none at first, cached before": {warm: true, prepare: func(w *world) {
			w.Lease.held = false
			w.Lease.regained = func() { w.Lease.held, w.Lease.epoch = true, 8 }
		}, want: pat.Good, reads: 1},
		"another epoch, cached before": {warm: true, prepare: func(w *world) { w.Lease.epoch = 8 }, want: pat.Good, reads: 1},
		"lost while it was read": {prepare: func(w *world) {
			w.Source.after = func() { w.Lease.change(func() { w.Lease.held = false }) }
		}, failure: true, reads: 1},
		"lost and regained while it was read": {prepare: func(w *world) {
			w.Source.after = func() {
				w.Source.after = nil
				w.Lease.change(func() { w.Lease.epoch = 8 })
			}
		}, want: pat.Good, reads: 2},
		"lost with the connection": {prepare: func(w *world) {
			w.Source.before = func() error {
				w.Source.before = nil
				w.Lease.change(func() { w.Lease.epoch = 8 })
				return errors.New("connection reset")
			}
		}, want: pat.Good, reads: 2},
		"regained under another epoch each time": {prepare: func(w *world) {
			w.Source.after = func() { w.Lease.change(func() { w.Lease.epoch++ }) }
		}, failure: true, reads: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, secret := w.token(t, "vso.code", false)
			if tt.warm {
				w.verify(t, secret, w.demand(t, w.contoso))
			}
			before := w.Source.lookups.Load()
			w.Lease.change(func() { tt.prepare(w) })
			got, err := w.Verifier.Verify(t.Context(), secret, w.demand(t, w.contoso), new(Found))
			if got != tt.want || errors.Is(err, pat.ErrUnavailable) != tt.failure || (err != nil) != tt.failure {
				t.Errorf("Verify = %v, %v, want %v, failure %v", got, err, tt.want, tt.failure)
			}
			if reads := w.Source.lookups.Load() - before; reads != tt.reads {
				t.Errorf("the store was asked %d times, want %d", reads, tt.reads)
			}
		})
	}
}

// TestNoiseNeedsNothing: what is no token is refused without store and lease.
func TestNoiseNeedsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := invented(t)
	w.Lease.change(func() { w.Lease.held = false })
	for _, text := range []string{"", "noise", secret, strings.Repeat("x", 1<<20)} {
		if got := w.verify(t, text, w.demand(t, pat.Organization{})); got != pat.Dead {
			t.Errorf("Verify(%.10q...) = %v, want dead", text, got)
		}
	}
	if got := w.Source.lookups.Load(); got != 0 {
		t.Errorf("the store was asked %d times, want never", got)
	}
}

// TestAbsentIsNotKept: a token that does not exist yet is found once it does.
func TestAbsentIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newWorld(t)
	token, secret := other.token(t, "vso.code", false) // by the same keys
	token.Tenant, token.Organization = w.contoso.Tenant, w.contoso.ID
	if got := w.verify(t, secret, w.demand(t, pat.Organization{})); got != pat.Dead {
		t.Errorf("Verify before it exists = %v, want dead", got)
	}
	w.Source.altered = func(found *pat.Token) { *found = token }
	w.Verifier.Source = other.Source
	if got := w.verify(t, secret, w.demand(t, pat.Organization{})); got == pat.Dead {
		t.Errorf("Verify once it exists = %v, want it found", got)
	}
}

// TestExpiry: a cached token ends to the microsecond, by the lease's time.
func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, secret := w.token(t, "vso.code", false)
	for moment, want := range map[time.Duration]pat.Verdict{-time.Microsecond: pat.Good, 0: pat.Dead, time.Hour: pat.Dead} {
		w.Lease.set(token.ValidTo.Add(moment))
		if got := w.verify(t, secret, w.demand(t, w.contoso)); got != want {
			t.Errorf("Verify %v from the end = %v, want %v", moment, got, want)
		}
	}
	if got := w.Source.lookups.Load(); got != 1 {
		t.Errorf("the store was asked %d times, want once", got)
	}
}

// TestMeddledRows: a row that somebody wrote to is never good, whatever they
// changed, and the log says so once, without a secret.
func TestMeddledRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, secret := w.token(t, "vso.code", false)
	other, _ := w.token(t, "app_token", true)
	for name, alter := range map[string]func(*pat.Token){
		"scope":         func(t *pat.Token) { t.Scope = "app_token" },
		"end":           func(t *pat.Token) { t.ValidTo = t.ValidTo.Add(time.Hour) },
		"organization":  func(t *pat.Token) { t.Organization = w.fabrikam.ID },
		"organizations": func(t *pat.Token) { t.AllOrgs = true },
		"owner":         func(t *pat.Token) { t.Owner = pat.RandomUUID() },
		"tenant":        func(t *pat.Token) { t.Tenant = w.elsewhere.Tenant },
		"name":          func(t *pat.Token) { t.OwnerName = "carol@contoso.example" },
		"seal":          func(t *pat.Token) { t.Seal[0] ^= 1 },
		"key":           func(t *pat.Token) { t.KeyID = 'B' },
		"another row":   func(t *pat.Token) { *t = other },
	} {
		w.Source.altered = alter
		if got := w.verify(t, secret, w.demand(t, pat.Organization{})); got != pat.Dead {
			t.Errorf("Verify with another %s = %v, want dead", name, got)
		}
	}
	if got := w.Front.Stats().Unsealed; got != 10 {
		t.Errorf("counted %d, want 10", got)
	}
	if logs := w.Logs.String(); strings.Count(logs, "seal is broken") != 1 || strings.Contains(logs, secret[:52]) {
		t.Errorf("the log says %q, want one line without the secret", logs)
	}
	w.Source.altered = nil
	if got := w.verify(t, secret, w.demand(t, w.contoso)); got != pat.Good {
		t.Errorf("Verify of %v as it was sealed = %v, want good", token.ID, got)
	}
}

// TestStoreDown: what is cached goes on, what is not cannot be known.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, cached := w.token(t, "vso.code", false)
	_, unknown := w.token(t, "vso.code", false)
	w.verify(t, cached, w.demand(t, w.contoso))
	for name, fail := range map[string]func() error{
		"unavailable": func() error { return pat.ErrUnavailable },
		"broken":      func() error { return errors.New("disk on fire") },
		"cancelled":   func() error { return context.Canceled },
	} {
		w.Source.before = fail
		if got := w.verify(t, cached, w.demand(t, w.contoso)); got != pat.Good {
			t.Errorf("%s: Verify of a cached token = %v, want good", name, got)
		}
		if got, err := w.Verifier.Verify(t.Context(), unknown, w.demand(t, w.contoso), new(Found)); got != pat.Dead || !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("%s: Verify of another = %v, %v, want unavailable", name, got, err)
		}
	}
	w.Source.before = nil
	if got := w.verify(t, unknown, w.demand(t, w.contoso)); got != pat.Good {
		t.Errorf("Verify afterwards = %v, want good", got)
	}
}

// TestPolicyUnreadable: a policy that cannot be read admits nothing.
func TestPolicyUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", true)
	w.Policies.broken = errors.New("unreadable")
	for range 2 {
		if got, err := w.Verifier.Verify(t.Context(), secret, w.demand(t, w.contoso), new(Found)); got != pat.Dead || !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("Verify = %v, %v, want unavailable", got, err)
		}
	}
}

// TestRevokeWhileOthersVerify: with a warm cache and many who ask, no
// verification that begins after a revoke has returned says yes.
func TestRevokeWhileOthersVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	demand := w.demand(t, w.contoso, "vso.code")
	for range 10 {
		token, secret := w.token(t, "vso.code", false)
		askers, cancel := context.WithCancel(t.Context())
		warm, ended := make(chan struct{}, 4), make(chan struct{}, 4)
		for range 4 {
			go func() {
				defer func() { ended <- struct{}{} }()
				for first := true; askers.Err() == nil; first = false {
					if _, err := w.Verifier.Verify(t.Context(), secret, demand, new(Found)); err != nil {
						t.Errorf("Verify = %v", err)
					}
					if first {
						warm <- struct{}{}
					}
				}
			}()
		}
		for range 4 {
			<-warm
		}
		w.revoke(t, token)
		for range 100 {
			if got := w.verify(t, secret, demand); got != pat.Dead {
				t.Errorf("Verify after the revoke = %v, want dead", got)
			}
		}
		cancel()
		for range 4 {
			<-ended
		}
	}
}
