package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// refusal is what a provider says instead of what it was asked for (RFC 6749
// sections 4.1.2.1 and 5.2), with what Entra adds.
type refusal struct {
	Code          string `json:"error"`
	Description   string `json:"error_description"`
	Numbers       []int  `json:"error_codes"`
	Suberror      string `json:"suberror"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	Claims        string `json:"claims"`
}

// refusalIn reads the body of an answer. What is not one of a refusal, is empty.
func refusalIn(body []byte) refusal {
	var r refusal
	_ = json.Unmarshal(body, &r) // fields of other types stay empty
	return r
}

// refusalAt reads the query of a redirect.
func refusalAt(answer url.Values) refusal {
	return refusal{
		Code: answer.Get("error"), Description: answer.Get("error_description"),
		Suberror: answer.Get("error_subcode"), Claims: answer.Get("claims"),
	}
}

var (
	numberAtStart = regexp.MustCompile(`^\s*AADSTS([0-9]{4,9})\b`)
	words         = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	ids           = regexp.MustCompile(`^[0-9A-Fa-f-]{36}$`)
	traceID       = regexp.MustCompile(`Trace ID: ([0-9A-Fa-f-]{36})\b`)
	correlationID = regexp.MustCompile(`Correlation ID: ([0-9A-Fa-f-]{36})\b`)
	appended      = regexp.MustCompile(`\s*(?:Trace|Correlation) ID: [\s\S]*$`)
)

// numbers are those of Entra that r has.
func (r refusal) numbers() []int {
	if found := numberAtStart.FindStringSubmatch(r.Description); found != nil && len(r.Numbers) == 0 {
		n, _ := strconv.Atoi(found[1]) // nine digits fit
		return []int{n}
	}
	return slices.DeleteFunc(slices.Clone(r.Numbers), func(n int) bool { return n <= 0 })
}

// code is the number that decides, or else the word of OAuth 2.0.
func (r refusal) code() string {
	numbers := r.numbers()
	if i := slices.IndexFunc(numbers, known); i > 0 {
		numbers = numbers[i:]
	}
	if len(numbers) > 0 {
		return "AADSTS" + strconv.Itoa(numbers[0])
	}
	return word(r.Code)
}

// sentence is the description without the code at its start and the ids that
// Entra appends.
func (r refusal) sentence() string {
	text := appended.ReplaceAllString(r.Description, "")
	if number := numberAtStart.FindString(text); number != "" {
		text = strings.TrimLeft(text[len(number):], ": ")
	}
	return text
}

// id is given, or what pattern finds in the description.
func (r refusal) id(given string, pattern *regexp.Regexp) string {
	if ids.MatchString(given) {
		return given
	}
	if found := pattern.FindStringSubmatch(r.Description); found != nil {
		return found[1]
	}
	return ""
}

// reason is by Entra's number where it is known, and else by the words of
// OAuth 2.0: numbers come and go.
func (r refusal) reason(status int) Reason {
	for _, n := range r.numbers() {
		if reason, ok := byNumber[n]; ok {
			return reason
		}
	}
	if reason, ok := byWord[r.Suberror]; ok {
		return reason
	}
	reason, ok := byWord[r.Code]
	if !ok && (r.Code == "" || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests) {
		return ReasonUnreachable
	}
	return reason
}

// needsPerson reports whether a refusal to renew only means that nobody was
// there: the same is asked of a person again, who then learns why not.
func (r refusal) needsPerson() bool {
	return slices.Contains([]string{"invalid_grant", "interaction_required", "consent_required", "login_required"}, r.Code)
}

// word is text where it is one word, as all codes are.
func word(text string) string {
	if !words.MatchString(text) {
		return ""
	}
	return text
}

const maxChallenge = 2048

// challenge is text where it is the claims parameter of a request (OpenID
// Connect Core section 5.5).
func challenge(text string) string {
	var claims map[string]any
	if len(text) > maxChallenge || json.Unmarshal([]byte(text), &claims) != nil || claims == nil {
		return ""
	}
	return text
}
