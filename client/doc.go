// Package client manages personal access tokens (PATs) on Patrol, and
// unchanged on Azure DevOps Services: it lists, creates, changes, revokes and
// rotates the tokens of one user in one organization. It imports nothing but
// the standard library and the wire types in
// [github.com/patrolhq/patrol/api].
//
// # Signing in
//
// A [Client] is a struct with a function that returns an access token of the
// user. Any source will do. With azidentity it is three lines, because the
// library caches and refreshes by itself:
//
//	Token: func(ctx context.Context) (string, error) {
//		t, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
//		return t.Token, err
//	},
//
// [SignIn] tells scope, authority and client id, for Patrol from the service
// itself, for Azure DevOps from what is published. A PAT is no access token:
// the API refuses it.
//
// # Calling
//
//	c := &client.Client{BaseURL: "https://vssps.dev.azure.com", Organization: "fabrikam", Token: token}
//	for pat, err := range c.List(ctx, client.ListOptions{Filter: api.FilterActive}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(pat.AuthorizationID, pat.DisplayName, pat.ValidTo)
//	}
//
// [Client.Create] returns a secret that is never shown again. To replace a
// token without a moment in which nothing works, use [Client.Rotate], which
// revokes the old one only after a function of yours has stored the new one.
// [Client.State] tells whether a token is revoked. [Client.Usage] tells when
// tokens were last used, and [Client.Organizations] where the user may have
// any; Patrol alone knows.
//
// # Failing
//
// Errors are an [*Error], whose [Kind] tells a refusal from a policy, a faulty
// access token from a faulty connection:
//
//	switch client.KindOf(err) {
//	case client.KindAuthentication: // sign in again
//	case client.KindPolicy: // an administrator can help
//	case client.KindTransport: // is the network up?
//	}
//
// Where the error has [Error.Claims], only a token for which the user signs in
// again with these claims is accepted.
//
// Requests are repeated with growing, random waits, four attempts in all, or
// after as long as Retry-After asks, up to a minute; a service that asks for
// more gets no second request, and the caller its error at once.
//
//	after                                      repeats
//	429, or no connection                      all calls
//	503                                        all but Create
//	a broken connection, a timeout, 502, 504   all but Create and Update
//
// So a creation is never sent twice when it may have happened. An error that
// leaves that open has [Error.Uncertain] set.
package client
