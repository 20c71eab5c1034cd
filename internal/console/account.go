package console

import (
	"fmt"
	"net/http"
	"time"

	"github.com/patrolhq/patrol/internal/session"
)

// accountPage is who is signed in, and where.
type accountPage struct {
	frame
	// API is the service that the console works with.
	API      string
	Sessions []sessionRow
}

// Others reports whether the person is signed in elsewhere too.
func (p accountPage) Others() bool { return len(p.Sessions) > 1 }

// sessionRow is one session of the person.
type sessionRow struct {
	ID, Browser, Address string
	SignedIn, Seen, Ends time.Time
	// Here is the session of this browser.
	Here bool
}

// showAccount shows the person and their sessions.
func (v *visit) showAccount() error {
	records, err := v.console.Sessions.Of(v.Context(), v.who.Owner)
	if err != nil {
		return err
	}
	page := accountPage{frame: v.frame("Account"), API: v.console.API}
	for _, r := range records {
		page.Sessions = append(page.Sessions, sessionRow{
			ID: r.ID.String(), Browser: browserOf(r.Agent), Address: r.Address,
			SignedIn: r.Created, Seen: r.Seen, Ends: r.Ends, Here: r.ID == v.who.ID,
		})
	}
	return v.render(http.StatusOK, "account.html", page)
}

// endSession signs the person out in another browser.
func (v *visit) endSession() error {
	sent, err := v.form()
	if err != nil {
		return err
	}
	id, err := session.ParseID(sent.Get("session"))
	if err != nil || id == v.who.ID { // here there is "Sign out" for that
		return errForm
	}
	ended, err := v.console.Sessions.End(v.Context(), v.who.Owner, id)
	if err != nil {
		return err
	}
	if ended == 0 {
		v.notify("That session had ended already.")
	} else {
		v.notify("You are signed out there.")
	}
	return v.redirect("/account")
}

// endOtherSessions signs the person out everywhere but here.
func (v *visit) endOtherSessions() error {
	records, err := v.console.Sessions.Of(v.Context(), v.who.Owner)
	if err != nil {
		return err
	}
	var others []session.ID
	for _, r := range records {
		if r.ID != v.who.ID {
			others = append(others, r.ID)
		}
	}
	ended, err := v.console.Sessions.End(v.Context(), v.who.Owner, others...)
	if err != nil {
		return err
	}
	v.notify("You are signed out of " + count(ended, "other session") + ".")
	return v.redirect("/account")
}

// reloadOrganizations looks up anew which organizations the person belongs to.
func (v *visit) reloadOrganizations() error {
	organizations, err := v.console.organizationsOf(v.Context(), v.accessToken)
	if err != nil {
		return err
	}
	err = v.change(func(k *knowledge) error {
		k.Organizations = organizations
		return nil
	})
	if err != nil {
		return fmt.Errorf("keeping the organizations: %w", err)
	}
	v.notify("You are a member of " + count(len(organizations), "organization") + ".")
	return v.redirect("/account")
}
