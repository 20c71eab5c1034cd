package patroltest_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/pat"
)

// BenchmarkVerifyHTTP has wrk present PATs on 32 connections, beside the service
// on the same cores, by turns to the service and to a bare handler in a process
// of its own that answers the same bytes: one hot token, tokens drawn evenly
// from a million that live, and introspection of the same. Noise, and invented secrets with a
// right checksum, are compared with a hit. It reports shares of rates and the
// memory that the service occupies with a million cached tokens.
func BenchmarkVerifyHTTP(b *testing.B) {
	const million = 1_000_000
	s := newSeed(b, million)
	service := startProcess(b, runService, daemon.DevOptions{
		Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: s.data, VerifyCache: 256 << 20,
	})
	const path = "/verify/contoso/vso.code"
	basic := func(secret string) string { return base64.StdEncoding.EncodeToString([]byte("git:" + secret)) }
	bearer := func(secret string) string { return secret }
	one := everyLine(b, s.secrets, 1, bearer)
	verifying := bare(b, ask(b, http.MethodGet, service.url+path, "Bearer "+firstLine(b, one), ""))
	hot := load{path, luaBasic, everyLine(b, s.secrets, 1, basic)}
	target{hot, service.url, false}.compare(b, "Hot", target{hot, verifying.url, false})

	presentAll(b, service.url+path, s.secrets) // from here on their uses are recorded, too
	evenly := load{path, luaBearer, s.secrets}
	target{evenly, service.url, false}.compare(b, "Million", target{evenly, verifying.url, false})

	hit := load{path, luaBearer, one}
	noise := load{path, luaBearer, everyLine(b, s.secrets, 1000, strings.ToLower)}
	target{noise, service.url, true}.compare(b, "NoiseToHit", target{hit, service.url, false})
	target{load{path, luaBearer, invented(b, s)}, service.url, true}.compare(b, "InventedToHit", target{hit, service.url, false})

	client := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.info.Verify.Client.ID+":"+s.info.Verify.Client.Secret))
	b.Setenv("PATROLTEST_CLIENT", client)
	introspecting := bare(b, ask(b, http.MethodPost, service.url+"/oauth2/introspect", client, "token="+firstLine(b, one)))
	introspect := load{"/oauth2/introspect", luaIntrospect, s.secrets}
	target{introspect, service.url, false}.compare(b, "Introspect", target{introspect, introspecting.url, false})

	b.Run("Memory", func(b *testing.B) {
		b.ReportMetric(service.resident(b), "MB-resident")
		b.ReportMetric(0, "ns/op")
	})
}

// ask makes one request.
func ask(b *testing.B, method, url, authorization, form string) *http.Response {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(form))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	return resp
}

// bare starts a bare handler that answers as resp did.
func bare(b *testing.B, resp *http.Response) *process {
	b.Helper()
	return startProcess(b, runBare, answerOf(b, resp))
}

// presentAll presents every secret of a file once, so that all are cached.
func presentAll(b *testing.B, url, secrets string) {
	b.Helper()
	text, err := os.ReadFile(secrets)
	if err != nil {
		b.Fatal(err)
	}
	lines := bytes.Fields(text)
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	faults := make(chan error, connections)
	for i := range connections {
		go func() {
			c, err := dialAddress(host)
			for at := i; err == nil && at < len(lines); at += connections {
				err = c.ask(fmt.Appendf(nil, "GET /%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", path, lines[at]))
			}
			faults <- err
		}()
	}
	for range connections {
		if err := <-faults; err != nil {
			b.Fatalf("presenting secrets: %v", err)
		}
	}
}

// invented is a file of secrets that somebody else's key minted.
func invented(b *testing.B, s seed) string {
	b.Helper()
	keys, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		b.Fatal(err)
	}
	service := s.service(b, discard{})
	service.Keys = keys
	return everyLine(b, s.secrets, 1000, func(string) string {
		_, secret, err := service.Create(b.Context(), s.owner(b, 0), pat.Creation{DisplayName: "invented", Scope: "vso.code"})
		if err != nil {
			b.Fatal(err)
		}
		return secret.Reveal()
	})
}
