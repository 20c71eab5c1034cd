package console

import (
	"net/http"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/console/signin"
)

// describeSignIn is what a person is told whom the provider did not sign in.
func (v *visit) describeSignIn(e *signin.Error) *problem {
	return &problem{Status: http.StatusForbidden, Title: "You are not signed in", Text: e.Description, Reference: e.TraceID, Retry: "/sign-in", RetryLabel: "Try again"}
}

// describeAPI is what a person is told of a call that failed.
func (v *visit) describeAPI(e *client.Error) *problem {
	if e.Kind == client.KindNotFound {
		return errNoPage
	}
	return &problem{Status: http.StatusBadGateway, Title: "The service did not answer as it should", Text: e.Message, Reference: e.ActivityID}
}
