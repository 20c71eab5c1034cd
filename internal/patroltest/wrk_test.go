package patroltest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// load is what wrk sends.
type load struct {
	path string
	// script is Lua that makes the requests, lines the file that it reads
	// random lines of.
	script, lines string
}

// The scripts of loads. Each thread reads a file of lines and presents them in
// an order of its own: as a PAT, or as the body of an introspection.
const (
	luaLines = `
local threads = 0
function setup(thread) thread:set("id", threads); threads = threads + 1 end
function init(args)
	math.randomseed(id * 7919 + 17)
	lines = {}
	for line in io.lines(args[1]) do lines[#lines + 1] = line end
end
`
	luaBearer = luaLines + `
function request()
	return "GET " .. wrk.path .. " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " .. lines[math.random(#lines)] .. "\r\n\r\n"
end
`
	luaBasic = luaLines + `
function request()
	return "GET " .. wrk.path .. " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic " .. lines[math.random(#lines)] .. "\r\n\r\n"
end
`
	luaIntrospect = luaLines + `
function request()
	local body = "token=" .. lines[math.random(#lines)]
	return "POST " .. wrk.path .. " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " .. os.getenv("PATROLTEST_CLIENT") ..
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end
`
)

// rate is what wrk measured.
type rate struct {
	perSecond float64
	p99       time.Duration
}

var (
	wrkRate   = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkP99    = regexp.MustCompile(`99%\s+([0-9.]+)(us|ms|s)\b`)
	wrkFailed = regexp.MustCompile(`(Socket errors|Non-2xx).*`)
)

// run sends load to url on 32 connections from two threads for a while.
// refused says that answers are to be refusals.
func (l load) run(b *testing.B, url string, seconds int, refused bool) rate {
	b.Helper()
	script := filepath.Join(b.TempDir(), "load.lua")
	if err := os.WriteFile(script, []byte(l.script), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), "wrk", "-t2", "-c"+strconv.Itoa(connections), fmt.Sprintf("-d%ds", seconds), "--latency", "-s", script, url+l.path, "--", l.lines)
	output, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v; install wrk, or run make setup\n%s", err, output)
	}
	if failed := wrkFailed.Find(output); failed != nil && !(refused && bytes.HasPrefix(failed, []byte("Non-2xx"))) {
		b.Fatalf("wrk: %s", failed)
	}
	perSecond, err := strconv.ParseFloat(string(wrkRate.FindSubmatch(output)[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	p99 := wrkP99.FindSubmatch(output)
	value, err := time.ParseDuration(string(p99[1]) + string(p99[2]))
	if err != nil {
		b.Fatal(err)
	}
	return rate{perSecond, value}
}

// target is a load on a server. Where refused, its answers are refusals.
type target struct {
	load
	url     string
	refused bool
}

// compare loads two targets by turns and reports medians: the first one's
// rate, its share of the other's, and its 99th percentile as a multiple of the
// other's.
func (t target) compare(b *testing.B, name string, with target) {
	b.Helper()
	const rounds, seconds = 5, 3
	var rates, shares, tails []float64
	for range rounds {
		ours, theirs := t.run(b, t.url, seconds, t.refused), with.run(b, with.url, seconds, with.refused)
		rates = append(rates, ours.perSecond)
		shares = append(shares, ours.perSecond/theirs.perSecond)
		tails = append(tails, ours.p99.Seconds()/theirs.p99.Seconds())
	}
	b.Run(name, func(b *testing.B) {
		b.ReportMetric(median(rates), "requests/s")
		b.ReportMetric(median(shares), "share")
		b.ReportMetric(median(tails), "p99-multiple")
		b.ReportMetric(0, "ns/op")
	})
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
