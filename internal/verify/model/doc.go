// Package model searches the protocol by which nodes keep revocation strict
// for a way to accept a token that is dead. What runs of it is in
// internal/verify (nodes) and internal/store (changes); its rules are listed in
// rules.go. Nothing but tests uses this package: go test -v tells for each rule
// what happens without it.
//
// # What is modelled
//
// A token, one or two nodes, one or two calls that revoke the token (or one
// that does and one that changes another token), the database, and time in
// ticks. Whoever can do something may do it next, or never: that is how
// processes are slow, stopped and continued, or dead, how requests reach the
// database late, even after their sender gave them up, and how answers are
// lost. A node may give up its epoch at any moment and draw a new one, a fill
// of the cache may take for ever, the sweeper may trim at any moment, and rows
// of nodes are watched all the time, for whoever may come to wait. Where a
// [Model] says so, the database fails over while its old primary goes on
// answering reads, machines are suspended, the clocks of two machines drift
// apart, and nodes leave in good order.
//
// [Model.Search] visits every world that can come of that, up to the bounds of
// the Model: two epochs of a node, and one or two changes. The property is the
// promise: no verification that begins after a revoke has returned says yes.
// Updates are as revokes, and need no model of their own. [Model.Stuck] finds
// worlds from which no revoke can return any more.
//
// # What was found
//
// With all rules, no such way and no such world; also not where two epochs, two
// revokes and a failover come together, whose twelve million worlds take a
// minute and are not in the tests. Without any one of them there
// is a way, which the tests show, with these exceptions:
//
//   - ReadsAfterJoin is implied by RowBesideRead: a read that finds its
//     node's row began after that was inserted, or as good as. Both are kept:
//     one is in the node, the other in the store.
//   - TimeBeforeReading is not needed for as long as ConditionalDelete is kept.
//     It costs nothing and is what the bound on the wait is computed from.
//
// The search also led to rules that are easily forgotten, since what they
// prevent takes a coincidence:
//
//   - CounterBesideRows: after a failover, a pooled connection may still lead
//     to the old primary, where no node's row is behind or where there is none.
//   - SameEpoch: a verification that looked up while its node had no lease, and
//     was then held up, must not be saved by the lease of the next epoch.
//   - CounterAfterToken: a call that reads the counter, and then finds the token
//     revoked, may have read it before that revoke took its number.
//   - WindowFromAnswer: an answer about the nodes' rows may be late, and what
//     it says more recent than the question.
//   - OneSnapshot: read after the invalidations, the counter may count one more.
package model
