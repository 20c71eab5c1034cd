package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// BenchmarkVerify is a verification in process: of a token that is cached, of
// noise, and of a secret that somebody invented.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	w.Service.Now, w.Verifier.Lease = nil, NewAlone()
	_, secret := w.token(b, "vso.code_write", false)
	demand := w.demand(b, w.contoso, "vso.code")
	for _, bb := range []struct {
		name, text string
		want       pat.Verdict
	}{{"hit", secret, pat.Good}, {"noise", "noise", pat.Dead}, {"invented", invented(b), pat.Dead}} {
		b.Run(bb.name, func(b *testing.B) {
			found := new(Found)
			b.ReportAllocs()
			for b.Loop() {
				if verdict, err := w.Verifier.Verify(b.Context(), bb.text, demand, found); verdict != bb.want || err != nil {
					b.Fatalf("Verify = %v, %v, want %v", verdict, err, bb.want)
				}
			}
		})
	}
}

// BenchmarkForwardAuth is the handler without net/http.
func BenchmarkForwardAuth(b *testing.B) {
	w := newWorld(b)
	w.Service.Now, w.Verifier.Lease = nil, NewAlone()
	_, secret := w.token(b, "vso.code_write", false)
	for name, authorization := range map[string]string{"bearer": "Bearer " + secret, "basic": basic("alice", secret), "noise": "Bearer noise"} {
		b.Run(name, func(b *testing.B) {
			r := request(http.MethodGet, "/verify/contoso/vso.code/x", "", "Authorization", authorization, "User-Agent", "git/2")
			answer := &bare{header: make(http.Header, 16)}
			b.ReportAllocs()
			for b.Loop() {
				clear(answer.header)
				w.Front.ServeHTTP(answer, r)
			}
		})
	}
}

// BenchmarkIntrospection is the handler without net/http.
func BenchmarkIntrospection(b *testing.B) {
	w := newWorld(b)
	w.Service.Now, w.Verifier.Lease = nil, NewAlone()
	_, secret := w.token(b, "vso.code_write", false)
	form := "scope=vso.code&token=" + secret
	r := request(http.MethodPost, introspectionPath, form, "Content-Type", formType, "Authorization", basic(clientID, url.QueryEscape(clientSecret)))
	answer := &bare{header: make(http.Header, 16)}
	text := strings.NewReader(form)
	b.ReportAllocs()
	for b.Loop() {
		clear(answer.header)
		text.Reset(form)
		r.Body = readCloser{text}
		w.Front.ServeHTTP(answer, r)
	}
	if answer.status != http.StatusOK {
		b.Errorf("POST = %d, want 200", answer.status)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// BenchmarkMillion looks up tokens drawn evenly from a million that are cached
// in 256 MB, and reports what a row takes, index and all.
func BenchmarkMillion(b *testing.B) {
	const tokens = 1_000_000
	c := NewCache(256 << 20)
	nth := func(f *Found, i uint64) {
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, i))
		f.digest = sum
	}
	f := foundOf(1, 0, 0)
	f.Scope, f.OwnerName = []byte("vso.code_write vso.packaging"), []byte("someone.somewhere@contoso.example")
	for i := range uint64(tokens) {
		nth(f, i)
		c.put(f, 1, 0)
	}
	if rows := c.rows(); rows != tokens {
		b.Fatalf("%d rows are cached, want all of %d", rows, tokens)
	}
	var taken uint64
	for i := range c.shards {
		s := &c.shards[i]
		taken += s.head - s.tail + uint64(len(s.index))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		nth(f, random.Uint64N(tokens))
		if _, ok := c.get(f); !ok {
			b.Fatal("a row is gone")
		}
	}
	b.ReportMetric(float64(taken)/tokens, "bytes/token")
}
