// Package pat is the domain of Patrol: what a personal access token is, who
// may have one, and how it comes to be, changes and ends.
//
// [Service] holds the five operations. It decides by [Policy] and
// [Catalogue], mints a [Secret] with a [Keyring], and leaves every change as
// one [Token] and one [Event] to a [Store], which keeps both or neither.
// What it will not do it refuses with an [Error], whose code is the one that
// the Azure DevOps API uses.
//
// The package knows nothing of HTTP, SQL or identity providers. Callers are
// arguments ([Caller]), never context values, and all times are UTC, cut to
// microseconds, so that what is returned is what is stored.
package pat
