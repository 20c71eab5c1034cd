package devidp

import "net/http"

// stage is the moment of a sign-in at which a chosen refusal happens.
type stage int

const (
	atSignIn  stage = iota // the client gets an error in place of a code
	atCode                 // the client gets a code, and no tokens for it
	atRenewal              // the client gets tokens, and no newer ones for them
)

// choice is a refusal that people choose on the sign-in page. Until its moment
// it travels by name in what the provider seals.
type choice struct {
	Name    string // value of the form's "refuse"
	Label   string
	Stage   stage
	Refusal *refusal
}

// stepUp is the challenge of the refusals that one more sign-in answers.
const stepUp = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`

// choices are all refusals that can be chosen, in the order of the page.
var choices = []choice{
	{"65004", "The person cancels", atSignIn, cancelled()},
	{"90094", "Need admin approval", atSignIn, refuse(http.StatusBadRequest, "access_denied", 90094,
		"The grant requires admin permission. The application needs permission to access resources in your organization that only an admin can grant.")},
	{"65001", "Consent is missing", atSignIn, refuse(http.StatusBadRequest, "consent_required", 65001,
		"The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.")},
	{"53003", "Conditional access blocks it", atSignIn, refuse(http.StatusBadRequest, "access_denied", 53003,
		"Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.")},
	{"50105", "The person is not assigned", atSignIn, refuse(http.StatusBadRequest, "interaction_required", 50105,
		"Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application. Please contact your administrator to assign access to this application.")},
	{"90033", "A transient error", atSignIn, unavailable()},
	{"7000222", "The client secret has expired", atCode, invalidClient(7000222,
		"The provided client secret keys are expired. Create new keys for your app, or consider using certificate credentials for added security.")},
	{"50076", "More proof is needed", atCode, needsMore(stepUp)},
	{"unavailable", "A transient error", atCode, unavailable()},
	{"renewal", "More proof is needed", atRenewal, needsMore(stepUp)},
	{"700082", "The refresh token is gone", atRenewal, expiredRefreshToken()},
}

func cancelled() *refusal {
	return refuse(http.StatusBadRequest, "access_denied", 65004, "User declined to consent to access the app.")
}

func unavailable() *refusal {
	return refuse(http.StatusServiceUnavailable, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again.")
}

// needsMore asks for a sign-in that satisfies a claims challenge.
func needsMore(claims string) *refusal {
	r := invalidGrant(50076, "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.")
	r.Suberror, r.Claims = "basic_action", claims
	return r
}

// choose finds the refusal that a sign-in form names. It is nil where the form
// names none.
func choose(name string) (*choice, error) {
	if name == "" {
		return nil, nil
	}
	for i := range choices {
		if choices[i].Name == name {
			return &choices[i], nil
		}
	}
	return nil, malformed("there is no such refusal to choose")
}

// lasts reports whether a refusal stays until the browser signs in again: its
// challenge is not answered by asking once more.
func (c *choice) lasts() bool { return c.Refusal.Claims != "" }

// refusedAt returns the refusal of that name when its moment has come.
func refusedAt(now stage, name string) error {
	for i := range choices {
		if choices[i].Name == name && choices[i].Stage == now {
			return choices[i].Refusal
		}
	}
	return nil
}

// choiceGroup is what can happen at one moment, for the page.
type choiceGroup struct {
	Label   string
	Choices []choice
}

func choiceGroups() []choiceGroup {
	groups := []choiceGroup{
		atSignIn:  {Label: "In place of a code"},
		atCode:    {Label: "When the code is redeemed"},
		atRenewal: {Label: "At the first renewal"},
	}
	for _, c := range choices {
		groups[c.Stage].Choices = append(groups[c.Stage].Choices, c)
	}
	return groups
}
