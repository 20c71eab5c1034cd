package server

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// FuzzParseDate: what is read as a date is one moment, in UTC, which survives
// being written and read again; the year 0 to 9999 bounds it; all else is
// refused with invalidValidTo and a message that does not repeat it.
func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{
		"2026-12-31T23:59:59Z", "2026-12-31T23:59:59.1234567+02:00", "12/31/2026 23:59:59", "12/31/2026", "2026-12-31", "2026-12-31 23:59:59", "2026-12-31T23:59",
		"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", " 2026-12-31 ", "2026-02-30", "31/12/2026", "2026-12-31T23:59:59,5Z", "2026-12-31T23:59:59-23:59", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseDate(text)
		if err != nil {
			if pat.CodeOf(err) != pat.CodeInvalidValidTo || !got.IsZero() {
				t.Fatalf("parseDate(%q) = %v, %v, want invalidValidTo and no time", text, got, err)
			}
			if len(text) > 30 && strings.Contains(err.Error(), text) {
				t.Errorf("parseDate(%q): the message repeats it", text)
			}
			return
		}
		if got.Location() != time.UTC {
			t.Errorf("parseDate(%q) is in %v", text, got.Location())
		}
		if lead := strings.TrimSpace(text); lead[0] < '0' || lead[0] > '9' || len(lead) > 100 {
			t.Errorf("parseDate(%q) = %v, want it refused", text, got)
		}
		// A zone may move the ends of the calendar by a day.
		if y := got.Year(); y < -1 || y > 10000 {
			t.Errorf("parseDate(%q) = %v, want a year of four digits", text, got)
		}
		if got.Year() < 0 || got.Year() > 9999 {
			return
		}
		for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "01/02/2006 15:04:05.999999999"} {
			if again, err := parseDate(got.Format(form)); err != nil || !again.Equal(got) {
				t.Errorf("parseDate(%q) = %v; as %q it is read as %v, %v", text, got, got.Format(form), again, err)
			}
		}
	})
}

// FuzzContinuationToken: a token brings back the position that it was made
// of, to its caller, organization and options. Anything else is refused.
func FuzzContinuationToken(f *testing.F) {
	s, err := New(Config{PageKey: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("0123456789abcdef"), "name", int64(1), int64(2), uint8(5), "AAAA", uint16(3), uint8(1))
	f.Add([]byte{}, "", int64(-1), int64(1)<<62, uint8(255), "", uint16(0), uint8(0))
	f.Add([]byte{255}, "\x00\xff", int64(0), int64(-1)<<63, uint8(23), "====", uint16(999), uint8(128))
	f.Fuzz(func(t *testing.T, id []byte, name string, at, created int64, choices uint8, junk string, place uint16, bit uint8) {
		position := pat.Position{Created: time.UnixMicro(created).UTC(), State: pat.State(choices & 3), Name: name}
		copy(position.ID[:], id)
		q := pat.Query{At: time.UnixMicro(at).UTC(), Filter: pat.Filter(choices >> 2 & 3), Sort: pat.Sort(choices >> 4 & 3), Ascending: choices>>6&1 == 1, After: &position}
		caller := pat.Caller{Actor: pat.Actor{ID: pat.HashUUID("caller"), Tenant: pat.HashUUID("tenant")}, Organization: pat.Organization{ID: pat.HashUUID("organization")}}
		token := s.continuationToken(caller, q)
		if token == s.continuationToken(caller, q) {
			t.Error("two tokens are the same: their nonces are")
		}
		if strings.Contains(token, url.QueryEscape(name)) && len(name) > 8 {
			t.Errorf("the token shows the name %q", name)
		}
		asked := q
		asked.At, asked.After = time.Time{}, nil
		got, err := s.resume(caller, asked, token)
		if err != nil {
			t.Fatalf("resume = %v, want the position back", err)
		}
		if q.Sort != pat.SortName {
			position.Name = ""
		}
		if *got.After != position || !got.At.Equal(q.At) || got.Filter != q.Filter || got.Sort != q.Sort || got.Ascending != q.Ascending {
			t.Errorf("resume = %+v after %+v, want %+v after %+v", got, got.After, q, position)
		}

		refused := func(caller pat.Caller, asked pat.Query, token, why string) {
			t.Helper()
			if got, err := s.resume(caller, asked, token); !errors.Is(err, errContinuation) || got.After != nil {
				t.Errorf("%s: resume = %+v, %v, want it refused", why, got, err)
			}
		}
		refused(caller, asked, junk, "junk")
		stranger, emigrant, visitor := caller, caller, caller
		stranger.ID[place%16] ^= 1
		emigrant.Tenant[place%16] ^= 1
		visitor.Organization.ID[place%16] ^= 1
		refused(stranger, asked, token, "another user")
		refused(emigrant, asked, token, "another tenant")
		refused(visitor, asked, token, "another organization")
		for i := range 3 {
			other := asked
			switch i {
			case 0:
				other.Filter ^= 1
			case 1:
				other.Sort ^= 1
			case 2:
				other.Ascending = !other.Ascending
			}
			refused(caller, other, token, "another option")
		}
		sealed, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		sealed[int(place)%len(sealed)] ^= 1 << (bit % 8)
		refused(caller, asked, base64.RawURLEncoding.EncodeToString(sealed), "a flipped bit")
		refused(caller, asked, token[:int(place)%len(token)], "a cut token")
	})
}

// FuzzVersion: the version that is picked is one that is published, and says
// what was asked; everything else is one of three errors.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"7.1-preview.1", "7.2-preview", "6.1-PREVIEW.1", "7.1", "1.0", "7", "7-preview", "x", "7.1-preview.2", "7.1-preview.0", "007.1-preview", "7.01-preview", "", "7.1-preview.1\n", "7.1-previeẅ"} {
		f.Add(seed)
	}
	rt := &route{versions: previews}
	f.Fuzz(func(t *testing.T, asked string) {
		got, err := rt.pick(asked)
		if err == nil {
			if !slices.Contains(previews, got) {
				t.Fatalf("pick(%q) = %v, which is not published", asked, got)
			}
			lower := strings.ToLower(asked)
			numbers, stage, preview := strings.Cut(lower, "-")
			if !preview || !strings.HasPrefix(stage, "preview") || strings.Trim(lower, "0123456789.-previw") != "" || len(asked) > 30 {
				t.Errorf("pick(%q) = %v, want it refused", asked, got)
			}
			major, minor, _ := strings.Cut(numbers, ".")
			if number(major) != got.major || number(minor) != got.minor {
				t.Errorf("pick(%q) = %v, another version", asked, got)
			}
			if again, err := rt.pick(got.String()); err != nil || again != got {
				t.Errorf("pick(%v) = %v, %v, want itself", got, again, err)
			}
			return
		}
		p, ok := errors.AsType[*problem](err)
		if !ok || p.status != http.StatusBadRequest || got != (version{}) {
			t.Fatalf("pick(%q) = %v, %v, want a bad request", asked, got, err)
		}
		if !slices.Contains([]string{"VssInvalidApiResourceVersionException", "VssVersionOutOfRangeException", "VssInvalidPreviewVersionException"}, p.typeKey) {
			t.Errorf("pick(%q): typeKey %s", asked, p.typeKey)
		}
		if len(p.message) > 1000 || strings.ContainsAny(p.message, "\r\n\x00") {
			t.Errorf("pick(%q): message %q", asked, p.message)
		}
		if p.typeKey == "VssInvalidPreviewVersionException" {
			if again, err := rt.pick(asked + "-preview"); err != nil {
				t.Errorf("pick(%q) advises %q, which is %v, %v", asked, asked+"-preview", again, err)
			}
		}
	})
}

// FuzzBearer: what passes as an access token stood alone behind the one
// scheme of the one header, and has no character that a token cannot have.
func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"Bearer abc", "bearer  abc ", "Basic eDp5", "Bearer", "Bearer a b", "Bearer a,b", "Bearer\tabc", "\tBearer abc", "abc", "", "Bearer é", "Bearer \x00", "Bearer \u00a0abc"} {
		f.Add(seed, "")
	}
	f.Add("Bearer abc", "Bearer abc")
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"Authorization": {first}}
		if second != "" {
			h.Add("Authorization", second)
		}
		got, err := bearer(h)
		if err != nil {
			if got != "" || pat.CodeOf(err) != pat.CodeUnauthenticated {
				t.Fatalf("bearer(%q) = %q, %v, want unauthenticated", h, got, err)
			}
			if _, credential, _ := strings.Cut(strings.TrimSpace(first), " "); len(credential) > 15 && strings.Contains(err.Error(), credential) {
				t.Errorf("bearer(%q): the message repeats the credential: %v", h, err)
			}
			return
		}
		if second != "" || got == "" || len(first) > maxCredential || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=") != "" {
			t.Errorf("bearer(%q) = %q, want it refused", h, got)
		}
		if scheme, rest, _ := strings.Cut(strings.TrimSpace(first), " "); !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(rest) != got {
			t.Errorf("bearer(%q) = %q", h, got)
		}
	})
}

// FuzzParsePath: a path leads to the same place in any case and with a slash
// at its end; no encoding or dot makes one path another.
func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{
		"/contoso/_apis/tokens/pats", "/contoso/_apis/Tokens/Pats/", "/", "//", "/_apis/patrol/signin", "/_apis/patrol/organizations", "/healthz", "/contoso/_apis/tokens%2Fpats", "/%2e%2e/_apis", "/a/../_apis/x",
		"/contoso//_apis", "/%", "*", "", "contoso/_apis", "/%5Fapis/_apis", "/_APIS/_apis/x", "/a%00/_apis/x", "/é/_apis/x", "/a/_apis/x?y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := parsePath(path)
		if err != nil {
			if !errors.Is(err, errNoRoute) || got != (target{}) {
				t.Fatalf("parsePath(%q) = %+v, %v, want no route", path, got, err)
			}
			return
		}
		if got.route != strings.ToLower(got.route) || strings.Contains(got.organization, "/") {
			t.Errorf("parsePath(%q) = %+v", path, got)
		}
		if got.organization != "" && got.route != "_apis" && !strings.HasPrefix(got.route, "_apis/") {
			t.Errorf("parsePath(%q) = %+v: an organization without an API", path, got)
		}
		// What it says, written plainly, leads to the same place, and so in
		// capitals and with a slash at the end.
		var plain strings.Builder
		if got.organization != "" {
			plain.WriteString("/" + url.PathEscape(got.organization))
		}
		for segment := range strings.SplitSeq(got.route, "/") {
			plain.WriteString("/" + url.PathEscape(segment))
		}
		spellings := []string{plain.String()}
		if got.route != "" {
			spellings = append(spellings, plain.String()+"/")
		}
		if isASCII(path) {
			spellings = append(spellings, strings.ToUpper(strings.TrimSuffix(path, "/")))
		}
		for _, spelt := range spellings {
			again, err := parsePath(spelt)
			if err != nil || !strings.EqualFold(again.organization, got.organization) || again.route != got.route {
				t.Errorf("parsePath(%q) = %+v, but parsePath(%q) = %+v, %v", path, got, spelt, again, err)
			}
		}
		// As many segments as the path has: none was made or lost.
		if want := strings.Count(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/"); got.organization == "" && strings.Count(got.route, "/") != want {
			t.Errorf("parsePath(%q) = %+v, want %d slashes", path, got, want)
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) && !strings.Contains(s, "%")
}
