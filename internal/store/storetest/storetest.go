// Package storetest is the one suite that every [pat.Store], which is also a
// [session.Store], passes: what it keeps, how it lists, and what happens when
// many use it at once. There are no exemptions.
package storetest

import (
	"database/sql"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/session"
)

// Database is a store under test with its back door.
type Database struct {
	pat.Store
	// Sessions is the same store.
	Sessions session.Store
	// SQL reaches the same database past the store.
	SQL *sql.DB
	// FullScans explains every statement that the store has prepared so far
	// and returns the plans of those that read all of a table or index of
	// tokens, events or sessions. seen is the number of statements explained.
	FullScans func(t *testing.T) (plans []string, seen int)
}

// Run proves that a store keeps its promises. Each call of open is to return a
// store with an empty database of its own, which ends with the test.
func Run(t *testing.T, open func(testing.TB) Database) {
	tests := []struct {
		name string
		test func(*testing.T, Database)
	}{
		{"CreateThenFind", createThenFind},
		{"CreateTwiceIsRefused", createTwiceIsRefused},
		{"FindIsForOwners", findIsForOwners},
		{"Update", update},
		{"UpdateKeepsWhatNeverChanges", updateKeepsWhatNeverChanges},
		{"UpdateWithoutEventWritesNothing", updateWithoutEventWritesNothing},
		{"UpdateRefused", updateRefused},
		{"UpdatePanics", updatePanics},
		{"UpdatesAreNotLost", updatesAreNotLost},
		{"Revoke", revoke},
		{"Expire", expire},
		{"ExpireLeavesTheRest", expireLeavesTheRest},
		{"ExpireIsOncePerEnd", expireIsOncePerEnd},
		{"EventsKeepEverything", eventsKeepEverything},
		{"EventsOfBrokenClients", eventsOfBrokenClients},
		{"CancelledContext", cancelledContext},
		{"ListEveryKind", listEveryKind},
		{"ListManyBuckets", listManyBuckets},
		{"ListNothing", listNothing},
		{"ListWhileChanging", listWhileChanging},
		{"Lookup", lookup},
		{"LookupInEveryBucket", lookupInEveryBucket},
		{"UsedThenUsage", usedThenUsage},
		{"UsedKeepsTheLatest", usedKeepsTheLatest},
		{"UsedMany", usedMany},
		{"Linearizable", linearizable},
		{"SessionsAreKept", sessionsAreKept},
		{"SaveSession", saveSession},
		{"SeeSession", seeSession},
		{"EndSessions", endSessions},
		{"ListSessions", listSessions},
		{"SweepSessions", sweepSessions},
		{"SessionsOfCallersThatLeft", sessionsOfCallersThatLeft},
		{"SessionsAreLinearizable", sessionsAreLinearizable},
		{"Plans", plans},
		{"StateMachine", stateMachine},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, open(t))
		})
	}
}
