package devidp

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"time"
)

// codeLife bounds how long an authorization code waits to be redeemed.
const codeLife = 10 * time.Minute

const purposeCode = "authorization code"

// The challenge methods of RFC 7636.
const (
	challengeS256  = "S256"
	challengePlain = "plain"
)

// authorizationCode is what a code says. The client carries it, sealed; the
// provider remembers only which codes were redeemed. Codes from before its start
// are refused, since it cannot know that of them.
type authorizationCode struct {
	ID            string
	Client        string
	User          string
	RedirectURI   string
	Scope         string
	Nonce         string    `json:",omitempty"`
	Challenge     string    `json:",omitempty"`
	ChallengeType string    `json:",omitempty"`
	AuthTime      time.Time `json:",omitzero"` // only when max_age asked for it
	Issued        time.Time
	Contexts      []string `json:",omitempty"`
	Refuse        string   `json:",omitempty"`
}

func (p *Provider) issueCode(a authorization, s *session) (string, error) {
	code := authorizationCode{
		ID:            rand.Text(),
		Client:        a.Client.ID,
		User:          s.User,
		RedirectURI:   a.RedirectURI,
		Scope:         a.Scope.String(),
		Nonce:         a.Nonce,
		Challenge:     a.Challenge,
		ChallengeType: a.ChallengeType,
		Issued:        p.cfg.Now(),
		Contexts:      s.Contexts,
		Refuse:        cmp.Or(a.Refuse, s.Refuse),
	}
	if a.MaxAge >= 0 {
		code.AuthTime = s.AuthTime
	}
	return p.sealer.seal(purposeCode, code)
}

// redeemCode is the authorization code grant (RFC 6749 section 4.1.3). A code
// counts as used only when everything else was right, so that nobody burns
// another client's code.
func (p *Provider) redeemCode(client *Client, form url.Values) (grant, error) {
	for _, name := range []string{"code", "redirect_uri"} {
		if form.Get(name) == "" {
			return grant{}, missing(name)
		}
	}
	var code authorizationCode
	if p.sealer.open(purposeCode, form.Get("code"), &code) != nil {
		return grant{}, invalidGrant(9002313, "The provided authorization code is malformed or was not issued by this tenant.")
	}
	user := p.user(code.User)
	switch {
	case code.Client != client.ID:
		return grant{}, invalidGrant(70000, "The provided authorization code was issued to another client.")
	case code.RedirectURI != form.Get("redirect_uri"):
		return grant{}, invalidGrant(500112, "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code.", form.Get("redirect_uri"), code.RedirectURI)
	case p.cfg.Now().Sub(code.Issued) > codeLife:
		return grant{}, expiredCode()
	case user == nil:
		return grant{}, unknownUser()
	}
	if err := code.checkVerifier(form.Get("code_verifier")); err != nil {
		return grant{}, err
	}
	asked, err := p.askedScope(form, code.Scope)
	if err != nil {
		return grant{}, err
	}
	if err := cmp.Or(refusedAt(atCode, code.Refuse), checkContexts(form, code.Contexts)); err != nil {
		return grant{}, err
	}
	if _, again := p.spent.use(code.ID, code.Issued); again {
		return grant{}, invalidGrant(54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	}
	if !p.spent.covers(code.Issued) {
		return grant{}, expiredCode()
	}
	return grant{
		Client: client, User: user, Scope: asked, Nonce: code.Nonce, AuthTime: code.AuthTime,
		Contexts: code.Contexts, Refuse: code.Refuse,
	}, nil
}

func expiredCode() *refusal {
	return invalidGrant(70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
}

// checkVerifier proves that who redeems the code is who asked for it (RFC 7636
// section 4.6). A verifier for a code without a challenge is refused too: the
// challenge was then taken out on the way.
func (c *authorizationCode) checkVerifier(verifier string) error {
	switch {
	case c.Challenge == "" && verifier == "":
		return nil
	case c.Challenge == "":
		return invalidGrant(50148, "A code_verifier was presented, but the authorization request had no code_challenge.")
	case verifier == "":
		return invalidGrant(50148, "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE: there is none.")
	}
	if c.ChallengeType == challengeS256 {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if !equalSecrets(verifier, c.Challenge) {
		return invalidGrant(501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	}
	return nil
}
