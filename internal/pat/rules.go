package pat

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits are what the service allows, whatever a policy says.
type Limits struct {
	// DefaultLifetime is that of a token whose creator names no end; zero
	// means 30 days. It is never more than MaxLifetime.
	DefaultLifetime time.Duration
	// MaxLifetime is the longest life, counted from creation; zero means 365
	// days.
	MaxLifetime time.Duration
	// Global says what becomes of tokens for all organizations.
	Global GlobalTokens
}

func (l Limits) defaultLifetime() time.Duration {
	return min(cmp.Or(l.DefaultLifetime, 30*24*time.Hour), l.maxLifetime())
}

func (l Limits) maxLifetime() time.Duration { return cmp.Or(l.MaxLifetime, 365*24*time.Hour) }

// GlobalTokens is what becomes of tokens for all organizations.
type GlobalTokens uint8

// Global tokens are allowed, or no new ones are made, or they are also
// refused when used.
const (
	GlobalAllowed GlobalTokens = iota
	GlobalBlocked
	GlobalRetired
)

// maxNameLength is in characters, after trimming.
const maxNameLength = 255

// parseName trims a display name and refuses what is empty, too long, or
// would not print as it reads.
func parseName(text string) (string, error) {
	name := strings.TrimSpace(text)
	switch {
	case name == "":
		return "", refuse(CodeDisplayNameRequired, "a display name is required: say what the token is for")
	case utf8.RuneCountInString(name) > maxNameLength:
		return "", refuse(CodeInvalidDisplayName, fmt.Sprintf("the display name is too long: at most %d characters", maxNameLength))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, misprints):
		return "", refuse(CodeInvalidDisplayName, "the display name has control or broken characters: use plain text on one line")
	case !strings.ContainsFunc(name, visible):
		return "", refuse(CodeInvalidDisplayName, "the display name cannot be seen: use letters or digits")
	}
	return name, nil
}

// visible tells characters that can be seen from spaces and from those of no
// width, of which a name could otherwise consist.
func visible(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }

// misprints are control characters, line and paragraph separators, characters
// that format what stands around them (of which emoji and some scripts need the
// joiners), fillers that look like nothing, and the sign for undecodable input.
func misprints(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u115f', '\u1160', '\u3164', '\uffa0', utf8.RuneError:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// clockSkew is how far an end may lie beyond the longest life: clients count
// from their own clocks.
const clockSkew = 5 * time.Minute

// checkEnd refuses an end that is not after now or too far from creation.
func (l Limits) checkEnd(validTo, created, now time.Time) error {
	switch {
	case !validTo.After(now):
		return refuse(CodeInvalidValidTo, "validTo is in the past: name a moment to come")
	case validTo.After(created.Add(l.maxLifetime() + clockSkew)):
		return refuse(CodeInvalidValidTo, fmt.Sprintf("validTo is too far away: a token lives at most %d days from its creation", int(l.maxLifetime().Hours()/24)))
	}
	return nil
}

// checkGlobal refuses to make a token global where those are no longer made.
func (l Limits) checkGlobal(asked, held bool) error {
	if asked && !held && l.Global != GlobalAllowed {
		return refuse(CodeGlobalBlocked, "tokens for all organizations are no longer issued: ask for this organization only")
	}
	return nil
}
