package signin

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	maxDescription = 300 // characters
	maxName        = 200
)

// secrets are what must not be in any text that leaves the package, as they are
// and as they stand in a form.
type secrets []string

func secretsOf(values ...string) secrets {
	var s secrets
	for _, value := range values {
		if value != "" {
			s = append(s, value, url.QueryEscape(value), url.PathEscape(value))
		}
	}
	// The longest first: one can be part of another.
	slices.SortFunc(s, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(s)
}

// tokenLike is what no sentence has: refresh tokens and assertions, which the
// libraries keep to themselves, are longer than any word, host or id.
var tokenLike = regexp.MustCompile(`[A-Za-z0-9_~+=%.-]{60,}`)

const hidden = "[hidden]"

// without is text, where no secret is in it.
func (s secrets) without(text string) string {
	if slices.ContainsFunc(s, func(secret string) bool { return strings.Contains(text, secret) }) {
		return ""
	}
	return text
}

// describe makes a description of what someone else wrote: one line of plain
// text without secrets, and without what means something in HTML.
func (s secrets) describe(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>&\"`", r) {
			return ' '
		}
		return r
	}, tokenLike.ReplaceAllString(text, hidden))
	return plain(text, maxDescription)
}

// plain is text on one line of at most limit characters. What is not seen goes,
// and with it what turns the direction of writing.
func plain(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		case !unicode.IsPrint(r):
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if characters := []rune(text); len(characters) > limit {
		text = strings.TrimSpace(string(characters[:limit-1])) + "…"
	}
	return text
}
