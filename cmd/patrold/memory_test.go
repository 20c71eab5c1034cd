//go:build !race

// The race detector takes memory of its own.

package main

import (
	"bufio"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestIdleMemory: a development service that nobody uses, metrics and all,
// takes less than 60 MB.
func TestIdleMemory(t *testing.T) {
	t.Parallel()
	p := startProcess(t, filepath.Join(t.TempDir(), "data"), "--metrics-listen", "127.0.0.1:0")
	const family = "process_resident_memory_bytes"
	resp, err := http.Get(p.info.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), family+" ")
		if !ok {
			continue
		}
		resident, err := strconv.ParseFloat(text, 64)
		if err != nil || resident <= 0 || resident >= 60<<20 {
			t.Errorf("%s = %s, %v, want less than 60 MB", family, text, err)
		}
		return
	}
	t.Errorf("the metrics do not have %s: %v", family, lines.Err())
}
