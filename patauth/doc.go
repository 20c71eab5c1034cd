// Package patauth is HTTP middleware for services that accept personal access
// tokens (PATs) of Patrol. It imports nothing but the standard library.
//
// # Protecting a service
//
// An [Authenticator] asks Patrol about each request, with an id and a secret
// that the operator of Patrol gives to the service:
//
//	auth, err := patauth.New(patauth.Config{
//		IntrospectionURL: "https://patrol.example/oauth2/introspect",
//		ClientID:         "packages",
//		ClientSecret:     os.Getenv("PATROL_CLIENT_SECRET"),
//		Organization:     "contoso",
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	mux.Handle("GET /packages/", auth.Require("vso.packaging")(download))
//	mux.Handle("PUT /packages/", auth.Require("vso.packaging_write")(upload))
//
// A handler behind [Authenticator.Require] runs only where a live token came
// with the request that grants all the scopes in that organization, and
// learns from [FromContext] whose it is.
//
// # What callers send, and what they get
//
// The PAT is the password of Basic authentication, with any user name or none;
// or the user name, with an empty password; or a Bearer token. So git, curl -u
// and every package manager work as they are. Anything but exactly one
// Authorization header is no token at all.
//
//	status   when
//	401      no token, or one that is unknown, expired or revoked; with a
//	         challenge, without which git never asks for a password
//	403      a live token that does not grant the scopes there
//	503      Patrol could not say; with Retry-After
//
// # When Patrol is away
//
// Nobody is let in. Each request is asked about anew and no yes is ever kept,
// because a token that was revoked must be refused from then on. Whatever is not
// a plain answer of Patrol is a 503: another status, even a 203 or a
// redirect, another media type, half a body, an answer that leaves a member
// out. [Config.OnRefusal] is told why.
//
// # Without the middleware
//
// [Authenticator.Check] judges a PAT that came by another way, in a gRPC
// interceptor or an SSH server, say. Its errors are an [*Error]:
//
//	identity, err := auth.Check(ctx, pat, "vso.code")
//	switch patauth.KindOf(err) {
//	case patauth.KindMissing, patauth.KindInvalid: // ask for a token
//	case patauth.KindForbidden: // say which scope is needed
//	case patauth.KindUnavailable: // refuse, and try again later
//	}
package patauth
