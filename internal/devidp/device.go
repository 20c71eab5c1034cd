package devidp

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	deviceLife     = 15 * time.Minute
	deviceInterval = time.Second

	purposeDevice = "device code"
)

// deviceCode is what a device code says. It is sealed, so that nobody guesses it
// from the user code, and so that one from before a restart is known to be old.
type deviceCode struct {
	ID       string
	UserCode string
	Client   string
	Expires  time.Time
}

// deviceResponse is that of RFC 8628 section 3.2, with Entra's message.
type deviceResponse struct {
	UserCode                string `json:"user_code"`
	DeviceCode              string `json:"device_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"`
	Interval                int64  `json:"interval"`
	Message                 string `json:"message"`
}

// deviceAuthorization starts the sign-in of a device (RFC 8628 section 3.1).
func (p *Provider) deviceAuthorization(w http.ResponseWriter, r *http.Request, segment string) error {
	form, err := readParameters(r)
	if err != nil {
		return err
	}
	client := p.client(form.Get("client_id"))
	if form.Get("client_id") == "" || (client != nil && !client.public()) || r.Header.Get("Authorization") != "" {
		if client, err = p.authenticateClient(r, form); err != nil {
			return err
		}
	}
	if client == nil {
		return unknownClient(form.Get("client_id"))
	}
	asked, err := p.askedScope(form, "")
	if err != nil {
		return err
	}
	if asked.empty() {
		return missing("scope")
	}
	d := p.devices.add(deviceGrant{
		ID: rand.Text(), Client: client.ID, Scope: asked.String(), Expires: p.cfg.Now().Add(deviceLife),
	})
	code, err := p.sealer.seal(purposeDevice, deviceCode{d.ID, d.UserCode, d.Client, d.Expires})
	if err != nil {
		return err
	}
	page := p.cfg.BaseURL + "/" + segment + "/oauth2/deviceauth"
	return writeJSON(w, http.StatusOK, deviceResponse{
		UserCode:                d.UserCode,
		DeviceCode:              code,
		VerificationURI:         page,
		VerificationURIComplete: page + "?user_code=" + d.UserCode,
		ExpiresIn:               int64(deviceLife / time.Second),
		Interval:                int64(deviceInterval / time.Second),
		Message: fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.",
			page, d.UserCode),
	})
}

// redeemDeviceCode is the device grant (RFC 8628 section 3.4).
func (p *Provider) redeemDeviceCode(client *Client, form url.Values) (grant, error) {
	if form.Get("device_code") == "" {
		return grant{}, missing("device_code")
	}
	var code deviceCode
	if p.sealer.open(purposeDevice, form.Get("device_code"), &code) != nil {
		return grant{}, invalidGrant(9002313, "The provided device code is malformed or was not issued by this tenant.")
	}
	if code.Client != client.ID {
		return grant{}, invalidGrant(70000, "The provided device code was issued to another client.")
	}
	if _, err := p.askedScope(form, ""); err != nil {
		return grant{}, err
	}
	d, err := p.devices.poll(code, p.cfg.Now())
	if err != nil {
		return grant{}, err
	}
	user := p.user(d.User)
	if user == nil {
		return grant{}, unknownUser()
	}
	asked, err := p.askedScope(form, d.Scope)
	if err != nil {
		return grant{}, err
	}
	return grant{Client: client, User: user, Scope: asked}, nil
}

// devicePage is where a person types the code that a device shows.
func (p *Provider) devicePage(w http.ResponseWriter, r *http.Request, segment string) error {
	values, err := readParameters(r)
	if err != nil {
		return err
	}
	action := "/" + segment + "/oauth2/deviceauth"
	typed := values.Get("user_code")
	if typed == "" {
		return p.pages.device(w, http.StatusOK, deviceView{Action: action})
	}
	d, err := p.devices.find(normalizeUserCode(typed), p.cfg.Now())
	if err != nil {
		return p.pages.device(w, http.StatusBadRequest, deviceView{
			Action: action, Typed: typed, Problem: "That code didn't work. Check the code and try again.",
		})
	}
	return p.showSignIn(w, http.StatusOK, segment, signIn{UserCode: d.UserCode}, "")
}

// normalizeUserCode undoes what people do to a code they copy.
func normalizeUserCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
}

func (p *Provider) approveDevice(w http.ResponseWriter, userCode string, user *User) error {
	d, err := p.devices.decide(userCode, user.ObjectID, p.cfg.Now())
	if err != nil {
		return err
	}
	return p.pages.message(w, http.StatusOK, messageView{
		Title: "You have signed in to " + p.client(d.Client).displayName() + " on your device",
		Text:  "You may now close this window.",
	})
}

func (p *Provider) declineDevice(w http.ResponseWriter, userCode string) error {
	if _, err := p.devices.decide(userCode, "", p.cfg.Now()); err != nil {
		return err
	}
	return p.pages.message(w, http.StatusOK, messageView{
		Title: "Sign-in was cancelled",
		Text:  "The device was not signed in. You may now close this window.",
	})
}
