package devidp

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// signInLife bounds how long a sign-in page may stay open.
const signInLife = time.Hour

const purposeSignIn = "sign-in"

// signIn is what a sign-in page is for. The page carries it, sealed, so that
// the form that comes back continues what was checked before.
type signIn struct {
	Query    string `json:",omitempty"` // an authorization request, or
	UserCode string `json:",omitempty"` // a device's
	Expires  time.Time
}

// showSignIn shows the page on which a person says who they are.
func (p *Provider) showSignIn(w http.ResponseWriter, status int, segment string, in signIn, problem string) error {
	view := signInView{Action: "/" + segment + "/login", Problem: problem, Domain: p.cfg.Domain}
	if in.UserCode != "" {
		d, err := p.devices.find(in.UserCode, p.cfg.Now())
		if err != nil {
			return err
		}
		view.UserCode = d.UserCode
		view.Client = p.client(d.Client).displayName()
	} else {
		request, err := p.resume(in)
		if err != nil {
			return err
		}
		view.Client = request.Client.displayName()
		view.Hint = request.LoginHint
		view.Refusals = choiceGroups()
	}
	in.Expires = p.cfg.Now().Add(signInLife)
	var err error
	if view.Context, err = p.sealer.seal(purposeSignIn, in); err != nil {
		return err
	}
	hinted := p.user(view.Hint)
	for i := range p.cfg.Users {
		u := &p.cfg.Users[i]
		view.Users = append(view.Users, userView{u.ObjectID, u.Name, u.Username, initials(u), u == hinted})
	}
	return p.pages.signIn(w, status, view)
}

// resume reads the authorization request of a sign-in page again.
func (p *Provider) resume(in signIn) (authorization, error) {
	values, err := url.ParseQuery(in.Query)
	if err != nil {
		return authorization{}, malformed("the sign-in page is damaged")
	}
	to, err := p.parseReply(values)
	if err != nil {
		return authorization{}, err
	}
	return p.parseAuthorization(to, values)
}

// signIn takes the form of the sign-in page: "ctx" from the page, and "pick" (an
// object id), or "username" and "password", or "cancel"; and "refuse", which
// names a refusal.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, segment string) error {
	form, err := readParameters(r)
	if err != nil {
		return err
	}
	var in signIn
	if err := p.sealer.open(purposeSignIn, form.Get("ctx"), &in); err != nil {
		return malformed("the sign-in page is damaged; go back to the application and sign in again")
	}
	if p.cfg.Now().After(in.Expires) {
		return invalidRequest(50089, "The sign-in page has expired. Go back to the application and sign in again.")
	}
	refused, err := choose(form.Get("refuse"))
	switch {
	case err != nil:
		return err
	case form.Get("cancel") != "":
		return p.refuseSignIn(w, r, in, cancelled())
	case refused != nil && in.UserCode != "":
		return malformed("only a sign-in in this browser can be refused by choice")
	case refused != nil && refused.Stage == atSignIn:
		return p.refuseSignIn(w, r, in, refused.Refusal)
	}
	user := p.identify(form)
	if user == nil {
		return p.showSignIn(w, http.StatusUnauthorized, segment, in, "Your account or password is incorrect.")
	}
	if in.UserCode != "" {
		return p.approveDevice(w, in.UserCode, user)
	}
	request, err := p.resume(in)
	if err != nil {
		return err
	}
	s := &session{User: user.ObjectID, AuthTime: p.cfg.Now(), Contexts: request.Contexts}
	if refused != nil {
		request.Refuse = refused.Name
		if refused.lasts() {
			s.Refuse = refused.Name
		}
	}
	if err := p.startSession(w, s); err != nil {
		return err
	}
	return p.answerCode(w, r, request, s)
}

// refuseSignIn ends a sign-in without anybody.
func (p *Provider) refuseSignIn(w http.ResponseWriter, r *http.Request, in signIn, why *refusal) error {
	if in.UserCode != "" {
		return p.declineDevice(w, in.UserCode)
	}
	request, err := p.resume(in)
	if err != nil {
		return err
	}
	return p.answerError(w, r, request.reply, why)
}

// identify finds the user of a sign-in form. Picking a user needs no password:
// that is what makes this a provider for development.
func (p *Provider) identify(form url.Values) *User {
	if picked := form.Get("pick"); picked != "" {
		return p.user(picked)
	}
	return p.checkPassword(form.Get("username"), form.Get("password"))
}

// checkPassword returns the user of that name and password, or nil.
func (p *Provider) checkPassword(username, password string) *User {
	user := p.user(strings.TrimSpace(username))
	var want string
	if user != nil {
		want = user.Password
	}
	if !equalSecrets(password, want) || want == "" {
		return nil
	}
	return user
}

// initials are for the round picture beside a user's name.
func initials(u *User) string {
	words := strings.Fields(u.Name)
	if len(words) == 0 {
		words = []string{u.Username}
	}
	first := []rune(words[0])[:1]
	if len(words) > 1 {
		first = append(first, []rune(words[len(words)-1])[0])
	}
	return strings.ToUpper(string(first))
}
