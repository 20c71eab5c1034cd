package walkthrough_test

import (
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestEveryPage shows each page as it is on a desk and on a small phone, by
// day and by night, with names that are as bad as they get, and lets axe-core
// look for barriers.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	for name, tour := range map[string]func(*testing.T, *browser){
		"signed out": tourSignedOut, "lists": tourLists, "forms": tourForms, "a token": tourToken, "account": tourAccount,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tour(t, open(t, start(t, patroltest.Options{}), look{}))
		})
	}
}

// ofLooks are the rules of axe-core that looks can break.
var ofLooks = []string{"color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"}

// show keeps pictures of a page in all looks, and checks it in the two that
// differ most.
func (b *browser) show(name string) {
	b.Helper()
	for _, l := range []struct {
		name string
		look look
	}{
		{"-wide", look{}}, {"-wide-dark", look{dark: true}}, {"-narrow", look{width: 360}}, {"-narrow-dark", look{dark: true, width: 360}},
	} {
		b.become(l.look)
		b.picture(name + l.name)
		switch l.look {
		case look{}:
			b.checkAccess()
		case look{dark: true, width: 360}:
			b.checkAccess(ofLooks...)
		}
	}
	b.become(b.look)
}

func tourSignedOut(t *testing.T, b *browser) {
	b.visit("/nothing-here")
	b.at("There is nothing here")
	b.show("nothing-here")
	b.the(link, "Sign in").press()
	b.at("Sign in")
	b.visit("/getAToken?code=invented&state=invented")
	b.at("This sign-in is not valid any more")
	b.show("stale-sign-in")
	b.visit("/")
	b.at("Sign in")
	b.show("provider")
	b.refuse("alice", "(90094)")
	b.at("An administrator has to approve this first")
	b.show("admin-approval")
	b.the(link, "Sign in again").press()
	b.pick("alice")
	b.at("Tokens")
	b.show("list-empty")
	b.the(menu, "Account of Alice").click()
	b.the(button, "Sign out").shown()
	b.show("menu-account")
	b.the(button, "Sign out").press()
	b.at("You are signed out")
	b.show("signed-out")
}

func tourLists(t *testing.T, b *browser) {
	b.site.fill(t, "alice", 20)
	b.signIn("alice")
	b.show("list")
	b.the(menu, "Organization contoso").click()
	b.show("menu-organizations")
	b.visit("/contoso/tokens?q=no-such-token")
	b.reads("No token matches")
	b.show("list-none-found")
	b.visit("/contoso/tokens?tab=expired")
	b.reads("Nothing has expired")
	b.show("list-none-expired")
	b.visit("/contoso/tokens?tab=revoked")
	b.reads("Nothing was revoked")
	b.show("list-none-revoked")
	b.visit("/contoso/tokens")
	for _, name := range hostile {
		b.the(checkbox, "Choose "+name).choose()
	}
	b.show("list-chosen")
	b.the(button, "Revoke chosen…").press()
	b.show("revoke-several")
	b.the(button, "Revoke 5 tokens").press()
	b.reads("5 tokens were revoked.")
	b.show("list-notice")
	b.visit("/contoso/tokens?tab=all&sort=status")
	b.show("list-all")
}

func tourForms(t *testing.T, b *browser) {
	b.signIn("alice")
	b.the(link, "New token").press()
	b.at("New token")
	b.show("new")
	b.the(textbox, "Name").fill("   ")
	b.the(radio, "Full access").choose()
	b.the(radio, "On a day").choose()
	b.the(day, "Day").tell(`function() { this.min = ""; }`)
	b.the(day, "Day").fill(time.Now().AddDate(0, 0, -2).Format(time.DateOnly))
	b.the(button, "Create token").press()
	b.at("New token")
	b.reads("2 things need another look")
	b.show("new-refused")
	b.visit("/contoso/tokens/new?days=9&scope=vso.code_write&name=" + "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
	b.reads("A link filled in this form.")
	b.show("new-from-link")
	b.the(button, "Create token").press()
	b.at("Your new token")
	b.show("created")
	b.the(menu, "Git").click()
	b.show("created-git")
	b.reload()
	b.at("The secret was shown before")
	b.show("created-again")
}

func tourToken(t *testing.T, b *browser) {
	token := b.site.create(t, "alice", api.PatTokenCreateRequest{
		DisplayName: hostile[3], Scope: "vso.code_full vso.packaging_manage vso.profile_write", AllOrgs: true,
		ValidTo: &api.Time{Time: time.Now().Add(3 * 24 * time.Hour)},
	})
	path := "/contoso/tokens/" + token.AuthorizationID
	b.signIn("alice")
	b.visit(path)
	b.at(hostile[3])
	b.show("token")
	b.visit(path + "/edit")
	b.at("Edit " + hostile[3])
	b.show("edit")
	b.visit(path + "/regenerate")
	b.at("Regenerate " + hostile[3])
	b.show("regenerate")
	b.the(button, "Regenerate").press()
	b.at("Your new token")
	b.show("regenerated")
	b.visit("/contoso/tokens/" + b.site.named(t, hostile[3])[0].AuthorizationID + "/revoke")
	b.at("Revoke " + hostile[3] + "?")
	b.show("revoke")
	b.the(button, "Revoke it for good").press()
	b.show("token-revoked")
	b.visit(path + "/edit")
	b.show("edit-revoked")
}

func tourAccount(t *testing.T, b *browser) {
	other := open(t, b.site, look{})
	other.signIn("alice")
	b.signIn("alice")
	b.visit("/account")
	b.rows(2)
	b.show("account")
	b.visit("/contoso/nothing-here")
	b.at("There is nothing here")
	b.show("nothing-here-signed-in")
	b.visit("/contoso/tokens/00000000-0000-8000-8000-000000000000")
	b.at("There is nothing here")
	b.show("no-such-token")
}
