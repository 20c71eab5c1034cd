// Package faults has the tests of what Patrol must survive: whole nodes, each a
// process of its own, on a PostgreSQL server of their own, while processes are
// killed, stopped and continued, the database is restarted, filled, slowed down
// and fails over, and connections are cut or go silent.
//
// What is judged is the promise: when a revoke has returned, that token is dead
// on every node, cached or not; when a create has returned, that token is
// durable. A node that cannot know says so, by 503, which is never wrong.
//
// The tests need Linux, whose processes they stop and limit. PATROL_FAULTS_DURATION
// says how long TestHistory does its worst; "make faults" gives it a minute.
package faults
