package console

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// The fields of a form about a token, by the names that they are sent with.
const (
	fieldName   = "name"
	fieldReach  = "reach"
	fieldExpiry = "expiry"
	fieldDate   = "date"
	fieldAccess = "access"
	fieldScope  = "scope"
)

// tokenForm is what people say of a token: of a new one, or of one to change.
// It keeps what was typed, whatever is wrong with it.
type tokenForm struct {
	// Organization is the one that the token is of.
	Organization string
	Name         string
	// Global is a token for all organizations.
	Global   bool
	Expiry   expiry
	Scopes   scopePicker
	Refusals refusals
}

// read takes what was sent.
func (f *tokenForm) read(sent url.Values) {
	f.Name = sent.Get(fieldName)
	f.Global = sent.Get(fieldReach) == "all"
	f.Expiry.read(sent)
	f.Scopes.choose(chosenScopes(sent))
}

// NameField is the control of the name.
func (f tokenForm) NameField() field {
	return field{
		ID: fieldName, Label: "Name", Value: f.Name, Required: true, MaxLength: 255, Error: f.Refusals.At(fieldName),
		Hint: "What it is for and where it will be used, so that you know it again.",
	}
}

// check finds what is missing, so that all of it is said at once. What is there
// is for the API to judge.
func (f *tokenForm) check() {
	if strings.TrimSpace(f.Name) == "" {
		f.Refusals.add(fieldName, "Say what the token is for.")
	}
	if _, wrong := f.Expiry.end(); wrong != "" {
		f.Refusals.add(fieldExpiry, wrong)
	}
	if f.Scopes.text() == "" {
		f.Refusals.add(fieldScope, "Choose at least one scope.")
	}
}

// refusals are what is wrong with a form.
type refusals []refusal

func (r *refusals) add(field, text string) { *r = append(*r, refusal{field, text}) }

// At is what is wrong with one field, "" where nothing is.
func (r refusals) At(field string) string {
	for _, wrong := range r {
		if wrong.Field == field {
			return wrong.Text
		}
	}
	return ""
}

// refuse adds a refusal of the API where it concerns the form, and reports
// whether it does.
func (r *refusals) refuse(err *client.Error) bool {
	if err.Kind != client.KindRefusal && err.Kind != client.KindPolicy {
		return false
	}
	field, ok := refusedFields[api.SessionTokenError(err.Code)]
	if ok {
		r.add(field, sentence(strings.ReplaceAll(err.Message, "validTo", "the end")))
	}
	return ok
}

// refusedFields are the fields that refusals are about.
var refusedFields = map[api.SessionTokenError]string{
	"displayNameRequired":               fieldName,
	"invalidDisplayName":                fieldName,
	"invalidValidTo":                    fieldExpiry,
	"patLifespanPolicyViolation":        fieldExpiry,
	"expiredPatCannotBeExtended":        fieldExpiry,
	"invalidScope":                      fieldScope,
	"fullScopePatPolicyViolation":       fieldScope,
	"invalidTargetAccounts":             fieldReach,
	"globalPatPolicyViolation":          fieldReach,
	"globalPATCreationBlocked":          fieldReach,
	"disablePatCreationPolicyViolation": "",
	"failedToIssueAccessToken":          "",
	"failedToUpdateAccessToken":         "",
	"accessDenied":                      "",
	"invalidToken":                      "",
}

// sentence is a message of the API as people read it on a page.
func sentence(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	if size == 0 {
		return ""
	}
	message = string(unicode.ToUpper(first)) + message[size:]
	if !strings.ContainsAny(message[len(message)-1:], ".!?") {
		message += "."
	}
	return message
}
