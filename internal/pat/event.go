package pat

import (
	"strconv"
	"time"
)

// Event records one change of one token. It is stored with the change, or
// neither is.
type Event struct {
	ID     UUID
	At     time.Time
	Action Action
	// Token is the token that changed, Owner whose it is.
	Token, Owner UUID
	// Tenant and Organization are where the change was made.
	Tenant, Organization UUID
	// Actor made the change, ActorName as they call themselves; both are
	// zero where the service did.
	Actor     UUID
	ActorName string
	Origin    Origin
	// Data are details by the names of the audit log, never secrets.
	Data map[string]string
}

// Action names a kind of event, as the Azure DevOps audit log does.
type Action string

// The actions.
const (
	ActionCreate Action = "Token.PatCreateEvent"
	ActionUpdate Action = "Token.PatUpdateEvent"
	ActionRevoke Action = "Token.PatRevokeEvent"
	ActionExpire Action = "Token.PatExpiredEvent"
)

// eventBy is the event of what c did to t at now.
func eventBy(c Caller, action Action, t Token, now time.Time) Event {
	e := eventOf(action, t, now)
	e.Organization = c.Organization.ID
	e.Actor, e.ActorName = c.ID, c.Username
	e.Origin = c.Origin
	return e
}

// eventOf is the event of what befell t without anyone's doing.
func eventOf(action Action, t Token, now time.Time) Event {
	return Event{
		ID: newID(t.ID.Bucket(), now), At: now, Action: action,
		Token: t.ID, Owner: t.Owner, Tenant: t.Tenant, Organization: t.Organization,
		Data: map[string]string{
			"DisplayName": t.DisplayName,
			"Scopes":      string(t.Scope),
			"ValidTo":     t.ValidTo.Format(time.RFC3339Nano),
			"AllOrgs":     strconv.FormatBool(t.AllOrgs),
		},
	}
}
