package console

import (
	"net/http"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// tokensPage is the list of the visitor's tokens.
type tokensPage struct {
	frame
	Tabs []tabLink
	// Kept are the parts of the address that a search keeps.
	Kept [][2]string
	// Search is what is searched for, Found what to say of it, and ClearSearch
	// the list without it.
	Search, Found, ClearSearch string
	// Tab is the one that is shown.
	Tab                      api.DisplayFilterOption
	Timeline                 *timeline
	ByName, ByDate, ByStatus sortLink
	Rows                     []tokenRow
	// TellsUse: the service tells when tokens were last used.
	TellsUse bool
	// Choosable: some can be chosen to be revoked.
	Choosable bool
	// Here is this page, and First and Next lead through the list, "" where
	// they lead nowhere.
	Here, First, Next string
}

// tabLink leads to a tab.
type tabLink struct {
	Address, Label string
	Current        bool
}

// sortLink is the head of a column that the list can be sorted by. Sorted is
// the value of aria-sort, "" where it is not sorted by that column.
type sortLink struct{ Address, Sorted string }

// home is the tokens of the visitor's first organization.
func (v *visit) home() error {
	if len(v.who.Organizations) == 0 {
		return errNoOrganization
	}
	return v.redirect(readListing(nil).address(v.who.Organizations[0]))
}

var errNoOrganization = &problem{
	Status: http.StatusForbidden, Title: "You are not a member of an organization",
	Text:  "Tokens belong to an organization. Ask the administrators of yours to add you, and sign in again.",
	Retry: "/sign-in?choose", RetryLabel: "Use another account",
}

// listTokens is the list of tokens.
func (v *visit) listTokens() error {
	ctx, c, l := v.Context(), v.api(), readListing(v.URL.Query())
	page := tokensPage{frame: v.frame("Tokens")}
	found, err := v.find(ctx, c, l)
	if l.page != "" && client.KindOf(err) == client.KindRequest { // another list's, or too old
		l.page = ""
		page.Notice = "That page of the list is not there any more. This is the first one."
		found, err = v.find(ctx, c, l)
	}
	if err != nil {
		return err
	}
	known, err := v.standingOf(ctx, c, l, found.tokens)
	if err != nil {
		return err
	}
	page.lead(l, found)
	page.fill(found.tokens, known, v)
	return v.render(http.StatusOK, "tokens.html", page)
}

// lead has the page lead to other parts of the list.
func (p *tokensPage) lead(l listing, found finding) {
	p.Tab, p.Search = l.tab, l.search
	for _, t := range tabs {
		p.Tabs = append(p.Tabs, tabLink{l.in(t.filter).address(p.Organization), t.label, t.filter == l.tab})
	}
	p.ByName, p.ByDate, p.ByStatus = p.sortLink(l, api.SortDisplayName), p.sortLink(l, api.SortDisplayDate), p.sortLink(l, api.SortStatus)
	p.Here = l.address(p.Organization)
	if l.page != "" {
		p.First = l.from("").address(p.Organization)
	}
	if found.next != "" {
		p.Next = l.from(found.next).address(p.Organization)
	}
	all := l.from("")
	all.search = ""
	p.ClearSearch = all.address(p.Organization)
	for name, values := range all.query() {
		p.Kept = append(p.Kept, [2]string{name, values[0]})
	}
	if l.search != "" {
		p.Found = found.words()
	}
}

func (p *tokensPage) sortLink(l listing, key api.SortByOption) sortLink {
	link := sortLink{Address: l.by(key).address(p.Organization)}
	switch {
	case l.sort != key:
	case l.ascending:
		link.Sorted = "ascending"
	default:
		link.Sorted = "descending"
	}
	return link
}

// words say how much was searched, and what came of it.
func (f finding) words() string {
	return count(len(f.tokens), "token") + " found among " + thousands(f.searched) + "."
}

// fill has the page show tokens.
func (p *tokensPage) fill(tokens []api.PatToken, known standing, v *visit) {
	now := v.console.Now()
	p.TellsUse = known.tells
	var ends []ending
	for _, t := range tokens {
		row := newTokenRow(t, known, p.Organization, now)
		p.Rows = append(p.Rows, row)
		p.Choosable = p.Choosable || row.Revocable
		if row.Status.Kind == "active" || row.Status.Kind == "soon" {
			ends = append(ends, ending{row.Name, row.Address, "t-" + row.ID, row.ends})
		}
	}
	p.Timeline = newTimeline(ends, now)
}
