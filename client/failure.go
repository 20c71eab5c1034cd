package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
)

const (
	signInMessage   = "the service answered with a sign-in page: it did not accept the access token; sign in again"
	rejectedMessage = "the service did not accept the access token; sign in again, and check that it has the scopes that the call needs"
)

// failure is the error of an answer whose status is no success.
func (a answer) failure() *Error {
	if a.status >= 300 && a.status <= 399 {
		return a.redirected()
	}
	if a.status == http.StatusNonAuthoritativeInfo {
		return a.fail(KindAuthentication, signInMessage)
	}
	kind, message := meaning(a.status)
	code, said := a.said()
	e := a.fail(kind, cmp.Or(said, message))
	e.Code = a.clean(code)
	e.Claims = a.claims()
	return e
}

// meaning is what a status stands for, with the message for want of a better.
func meaning(status int) (Kind, string) {
	switch {
	case status == http.StatusUnauthorized:
		return KindAuthentication, rejectedMessage
	case status == http.StatusForbidden:
		return KindForbidden, "you may not do this; an administrator of the organization can tell why"
	case status == http.StatusNotFound:
		return KindNotFound, "not found; check the base URL, the organization and the token's id"
	case status == http.StatusTooManyRequests:
		return KindThrottled, "too many requests; wait and try again"
	case status >= 500 && status <= 599:
		return KindUnavailable, "the service failed; try again later"
	case status >= 400 && status <= 499:
		return KindRequest, "the service could not read the request"
	}
	return KindProtocol, "the service answered with a status that this API does not use"
}

// redirected: Azure DevOps sends the unknown to a sign-in page, by 302. What
// is permanent, or keeps the method, says that the service lives elsewhere.
func (a answer) redirected() *Error {
	switch a.status {
	case http.StatusFound, http.StatusSeeOther:
		return a.fail(KindAuthentication, "the service redirects to a sign-in page: it did not accept the access token; sign in again")
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if to, err := url.Parse(a.header.Get("Location")); err == nil && to.Host != "" {
			return a.fail(KindProtocol, "the service redirects to "+to.Scheme+"://"+to.Host+", and redirects are not followed; set the base URL to where it is served")
		}
	}
	return a.fail(KindProtocol, "the service redirects, and redirects are not followed; check the base URL")
}

// said is the machine's word and the sentence in an error answer. The body may
// be the envelope of Azure DevOps, the shape of its model binding errors, or
// plain text; some answers have only a header.
func (a answer) said() (code, message string) {
	text := bytes.TrimSpace(a.text())
	var envelope struct {
		Message any `json:"message"`
		TypeKey any `json:"typeKey"`
		Value   any `json:"value"`
	}
	switch {
	case a.mediaType() == "text/plain":
		message = string(text)
	case json.Unmarshal(text, &envelope) == nil:
		code, _ = envelope.TypeKey.(string)
		message, _ = envelope.Message.(string)
		if value, ok := envelope.Value.(map[string]any); ok && message == "" {
			message, _ = value["Message"].(string)
		}
	}
	return code, a.clean(cmp.Or(message, unescape(a.header.Get("X-TFS-ServiceError"))))
}

// lacks reports whether the service does not have the call that it answered:
// nothing is at the path, or a sign-in page, which Patrol never sends and
// others may for what they do not know.
func (a answer) lacks() bool {
	if a.status == http.StatusNotFound {
		code, _ := a.said()
		return code != "HostDoesNotExistException" // the organization is missing
	}
	err := a.check()
	return err != nil && err.Kind == KindAuthentication && a.status != http.StatusUnauthorized
}
