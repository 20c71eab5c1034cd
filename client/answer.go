package client

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/patrolhq/patrol/api"
)

// answer is what came back from an attempt.
type answer struct {
	// sent: the service may have got the request.
	sent   bool
	status int
	header http.Header
	// body ends early where broken is set, and one byte after maxAnswer.
	body   []byte
	broken error
	// bearer is kept to take it out of messages.
	bearer string
}

// succeeded: 203 is how Azure DevOps sends its sign-in page.
func (a answer) succeeded() bool {
	return a.status >= 200 && a.status <= 299 && a.status != http.StatusNonAuthoritativeInfo
}

// check is nil where the answer is a success in JSON, or an empty one.
func (a answer) check() *Error {
	if !a.succeeded() {
		return a.failure()
	}
	switch {
	case len(a.body) > maxAnswer:
		return a.fail(KindProtocol, "the answer is too long for this API")
	case len(bytes.TrimSpace(a.text())) == 0 || a.mediaIsJSON():
		return nil
	case a.isSignIn():
		return a.fail(KindAuthentication, signInMessage)
	}
	return a.fail(KindProtocol, "the answer is not JSON; check that the base URL is that of Patrol or of Azure DevOps")
}

// text is the body without a byte order mark.
func (a answer) text() []byte { return bytes.TrimPrefix(a.body, []byte("\ufeff")) }

func (a answer) mediaType() string {
	// With faulty parameters the type is returned all the same.
	media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return media
}

func (a answer) mediaIsJSON() bool {
	media := a.mediaType()
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

// isSignIn recognizes the pages of Azure DevOps and Entra.
func (a answer) isSignIn() bool {
	page := bytes.ToLower(a.body)
	return a.mediaType() == "text/html" &&
		(bytes.Contains(page, []byte("sign in")) || bytes.Contains(page, []byte("_signin")))
}

// decode reads a JSON answer.
func (a answer) decode(into any) *Error {
	text := bytes.TrimSpace(a.text())
	if len(text) == 0 {
		return a.fail(KindProtocol, "the answer is empty")
	}
	// The cause stays out: it may quote what the service sent.
	if err := json.Unmarshal(text, into); err != nil {
		return a.fail(KindProtocol, "the answer is JSON that this API does not send")
	}
	return nil
}

// page reads the answer to List.
func (a answer) page() (api.PagedPatTokens, error) {
	var presence struct {
		PatTokens json.RawMessage `json:"patTokens"`
	}
	if err := a.decode(&presence); err != nil {
		return api.PagedPatTokens{}, err
	}
	if presence.PatTokens == nil {
		return api.PagedPatTokens{}, a.fail(KindProtocol, "the answer has no list of tokens")
	}
	var page api.PagedPatTokens
	if err := a.decode(&page); err != nil {
		return api.PagedPatTokens{}, err
	}
	return page, nil
}

// patToken reads the answer to Get, Create and Update.
func (a answer) patToken() (api.PatToken, error) {
	var result api.PatTokenResult
	if err := a.decode(&result); err != nil {
		return api.PatToken{}, err
	}
	if result.PatToken != nil {
		return *result.PatToken, nil
	}
	if err := a.refused(result); err != nil {
		return api.PatToken{}, err
	}
	return api.PatToken{}, a.fail(KindProtocol, "the answer has neither a token nor a refusal")
}

// refusal reads the answer to Revoke, which has nothing to say but perhaps no.
func (a answer) refusal() error {
	if len(bytes.TrimSpace(a.text())) == 0 {
		return nil
	}
	var result api.PatTokenResult
	if err := a.decode(&result); err != nil {
		return err
	}
	if err := a.refused(result); err != nil {
		return err
	}
	return nil
}

// fail is an error about this answer. The message is cut to a line that is
// safe to print.
func (a answer) fail(kind Kind, message string) *Error {
	return &Error{
		Kind:       kind,
		Status:     a.status,
		Message:    a.clean(message),
		ActivityID: a.clean(a.header.Get("ActivityId")),
		RetryAfter: retryAfter(a.header),
	}
}

// maxMessage bounds a message in runes.
const maxMessage = 600

// clean makes one line of text, without control characters and without the
// access token, should the service have echoed it.
func (a answer) clean(text string) string {
	if a.echoes(text) {
		text = strings.ReplaceAll(text, a.bearer, "[access token]")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > maxMessage {
		return string(runes[:maxMessage]) + "…"
	}
	return string(runes)
}

// echoes reports whether text has the access token in it. One that is too short
// for an access token could be in any text.
func (a answer) echoes(text string) bool {
	return len(a.bearer) >= 16 && strings.Contains(text, a.bearer)
}

// unescape reads a percent-encoded header.
func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
