//go:build linux

package faults

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestFull: where the database's disk is full, changes are refused clearly,
// what is known is still told, and all is well once there is room.
//
// The disk is full for files that are as long as the longest: the server's
// processes may write no file any longer. A page of which half is written is how
// PostgreSQL up to 15 finds a disk full, and its log, without which it would end,
// has room.
func TestFull(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	side := sidePool(t, cluster)
	a := newNode(t, "a", "", cluster.URL("postgres"))
	b := newNode(t, "b", a.options.Data, cluster.URL("postgres"))
	id, secret := createToken(t, a)
	_, kept := createToken(t, a)
	warm(t, b, secret)
	warm(t, b, kept)

	limit(t, side, cluster, grow(t, side, id))
	var err error
	await(t, "the disk is full", func() bool {
		_, err = sdk(t, a).Create(call(t), api.PatTokenCreateRequest{DisplayName: "fills the disk", Scope: "vso.code"})
		return err != nil
	})
	wantUnavailable(t, "Create", err)
	mustRefuse(t, a, id)
	for _, n := range []*node{a, b} {
		mustSay(t, n, secret, http.StatusOK) // it is not revoked
		mustSay(t, n, kept, http.StatusOK)
	}

	limit(t, side, cluster, "unlimited")
	t.Logf("taking writes %v after there is room", awaitReady(t, a))
	revoke(t, a, id)
	mustSay(t, b, secret, http.StatusUnauthorized)
	mustSay(t, b, kept, http.StatusOK)
}

const (
	// page is how PostgreSQL reads and writes, segment how long a file of its
	// log is, which is never written any longer.
	page    = 8 << 10
	segment = 16 << 20
)

// grow makes the file in which the events of a token lie longer than a file of
// the log, and returns a length within the page after its last.
func grow(t *testing.T, side *sql.DB, id string) string {
	t.Helper()
	const filler = `INSERT INTO event (bucket, id, at, action, token, owner, tenant, organization, actor, actor_name, activity, address, user_agent, data)
		SELECT bucket, decode(md5(i::text), 'hex'), at, action, token, owner, tenant, organization, actor, actor_name, activity, address, user_agent, repeat(md5(i::text), 55)
		FROM event, generate_series(1, $2) AS i WHERE token = $1`
	execute(t, side, filler, idOf(t, id), 2*segment/page*4)
	var length uint64
	err := side.QueryRowContext(t.Context(), `SELECT pg_relation_size(tableoid) FROM event WHERE token = $1 LIMIT 1`, idOf(t, id)).Scan(&length)
	if err != nil || length <= segment {
		t.Fatalf("the events take %d bytes, %v, want more than %d", length, err, segment)
	}
	return strconv.FormatUint(length+page/2, 10)
}

// limit bounds how long files may become that the server writes. The server
// itself has that done, as whom it runs as.
func limit(t *testing.T, side *sql.DB, cluster *postgrestest.Cluster, length string) {
	t.Helper()
	server := cluster.Process().Pid
	for _, pid := range append([]int{server}, children(t, server)...) {
		_, err := side.ExecContext(t.Context(), fmt.Sprintf(`COPY (SELECT WHERE false) TO PROGRAM 'prlimit --pid %d --fsize=%s:'`, pid, length))
		if _, exists := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil && exists == nil {
			t.Fatalf("limiting what the server writes: %v: install the package util-linux, which has prlimit", err)
		}
	}
}

// children are the processes that one has started.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		stat, err := os.ReadFile(entry)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(stat), ") ") // state and parent follow the name
		fields := strings.Fields(after)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}
