package devidp

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The response modes of OAuth 2.0 Multiple Response Types and Form Post.
const (
	modeQuery    = "query"
	modeFragment = "fragment"
	modeFormPost = "form_post"
)

// reply says where and how the answer to an authorization request goes. Only
// where it is known may an error be sent to the client.
type reply struct {
	Client      *Client
	RedirectURI string
	Mode        string
	State       *string // nil when none was sent
}

// authorization is a request that people are asked to sign in for.
type authorization struct {
	reply
	Scope         scope
	Nonce         string
	Challenge     string
	ChallengeType string
	Prompt        string
	LoginHint     string
	MaxAge        time.Duration // negative: not asked for
	Contexts      []string      // authentication contexts that it insists on
	Refuse        string        // the refusal that was chosen on the sign-in page
}

var challengeFormat = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 section 4.2

// authorize starts a sign-in (RFC 6749 section 4.1.1, OpenID Connect Core
// section 3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, segment string) error {
	values, err := readParameters(r)
	if err != nil {
		return err
	}
	to, err := p.parseReply(values)
	if err != nil {
		return err
	}
	request, err := p.parseAuthorization(to, values)
	if err != nil {
		return p.answerError(w, r, to, err)
	}
	session := p.currentSession(r)
	if !p.satisfies(session, request) {
		if request.Prompt == "none" {
			return p.answerError(w, r, to, notSilently(session, request))
		}
		return p.showSignIn(w, http.StatusOK, segment, signIn{Query: values.Encode()}, "")
	}
	return p.answerCode(w, r, request, session)
}

// notSilently says why a request needs a page.
func notSilently(s *session, a authorization) *refusal {
	if s != nil && !meets(s.Contexts, a.Contexts) {
		more := needsMore("")
		more.OAuth = "interaction_required"
		return more
	}
	return refuse(http.StatusBadRequest, "login_required", 50058, "A silent sign-in request was sent but no user is signed in.")
}

// parseReply finds where the answer goes. Its errors are shown to the person,
// never sent to an address that the client may not own.
func (p *Provider) parseReply(values url.Values) (reply, error) {
	for _, name := range []string{"client_id", "redirect_uri"} {
		if values.Get(name) == "" {
			return reply{}, missing(name)
		}
	}
	client := p.client(values.Get("client_id"))
	if client == nil {
		return reply{}, unknownClient(values.Get("client_id"))
	}
	to := reply{Client: client, RedirectURI: values.Get("redirect_uri"), Mode: values.Get("response_mode")}
	if !client.allowsRedirect(to.RedirectURI) {
		return reply{}, invalidRequest(50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. Make sure the redirect URI sent in the request matches one added to your application.", to.RedirectURI, client.ID)
	}
	switch to.Mode {
	case "":
		to.Mode = modeQuery
	case modeQuery, modeFragment, modeFormPost:
	default:
		return reply{}, malformed("response_mode must be query, fragment or form_post")
	}
	if state, ok := values["state"]; ok {
		to.State = &state[0]
	}
	return to, nil
}

func (p *Provider) parseAuthorization(to reply, values url.Values) (authorization, error) {
	a := authorization{
		reply:         to,
		Nonce:         values.Get("nonce"),
		Challenge:     values.Get("code_challenge"),
		ChallengeType: values.Get("code_challenge_method"),
		Prompt:        values.Get("prompt"),
		LoginHint:     values.Get("login_hint"),
		MaxAge:        -1,
	}
	switch kind := values.Get("response_type"); kind {
	case "code":
	case "":
		return a, missing("response_type")
	default:
		return a, refuse(http.StatusBadRequest, "unsupported_response_type", 700054, "response_type '%s' is not enabled for the application.", kind)
	}
	var err error
	if a.Scope, err = p.parseScope(values.Get("scope")); err != nil {
		return a, err
	}
	if a.Scope.empty() {
		return a, missing("scope")
	}
	if !slices.Contains([]string{"", "none", "login", "select_account", "consent", "create"}, a.Prompt) {
		return a, invalidRequest(90023, "Unsupported 'prompt' value '%s'.", a.Prompt)
	}
	if age := values.Get("max_age"); age != "" {
		seconds, err := strconv.ParseUint(age, 10, 31)
		if err != nil {
			return a, malformed("max_age is no number of seconds")
		}
		a.MaxAge = time.Duration(seconds) * time.Second
	}
	if a.Contexts, err = askedContexts(values); err != nil {
		return a, err
	}
	return a, a.checkChallenge()
}

// checkChallenge checks the parameters of RFC 7636.
func (a *authorization) checkChallenge() error {
	if a.Challenge == "" {
		if a.ChallengeType != "" {
			return missing("code_challenge")
		}
		return nil
	}
	if a.ChallengeType == "" {
		a.ChallengeType = challengePlain
	}
	if a.ChallengeType != challengeS256 && a.ChallengeType != challengePlain {
		return malformed("code_challenge_method must be S256 or plain")
	}
	if !challengeFormat.MatchString(a.Challenge) {
		return invalidRequest(501491, "Invalid size of Code_Challenge parameter.")
	}
	return nil
}

// satisfies reports whether a session answers a request without a page.
func (p *Provider) satisfies(s *session, a authorization) bool {
	switch {
	case s == nil, a.Prompt == "login", a.Prompt == "select_account", a.Prompt == "create":
		return false
	case a.MaxAge >= 0 && p.cfg.Now().Sub(s.AuthTime) > a.MaxAge:
		return false
	case !meets(s.Contexts, a.Contexts):
		return false
	case a.LoginHint != "" && p.user(a.LoginHint) != p.user(s.User):
		return false
	}
	return true
}

// answerCode sends the client an authorization code for the session's user.
func (p *Provider) answerCode(w http.ResponseWriter, r *http.Request, a authorization, s *session) error {
	code, err := p.issueCode(a, s)
	if err != nil {
		return err
	}
	return p.answer(w, r, a.reply, url.Values{"code": {code}})
}

// answerError sends the client an error that came after its redirect URI was
// found good.
func (p *Provider) answerError(w http.ResponseWriter, r *http.Request, to reply, err error) error {
	_, body := p.describe(r, err)
	return p.answer(w, r, to, url.Values{"error": {body.Error}, "error_description": {body.Description}})
}

func (p *Provider) answer(w http.ResponseWriter, r *http.Request, to reply, values url.Values) error {
	if to.State != nil {
		values.Set("state", *to.State)
	}
	if to.Mode == modeFormPost {
		return p.pages.formPost(w, to.RedirectURI, values)
	}
	encoded := strings.ReplaceAll(values.Encode(), "+", "%20")
	location := to.RedirectURI
	switch {
	case to.Mode == modeFragment:
		location += "#" + encoded
	case strings.Contains(location, "?"):
		location += "&" + encoded
	default:
		location += "?" + encoded
	}
	redirect(w, r, location)
	return nil
}

// redirect sends a browser elsewhere with GET. Unlike [http.Redirect] it keeps
// the address as it is.
func redirect(w http.ResponseWriter, r *http.Request, location string) {
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.Header().Set("Location", location)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}
