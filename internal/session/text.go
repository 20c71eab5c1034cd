package session

import (
	"strings"
	"unicode"
)

// clean is text from a stranger as it is kept: at most so many characters, all
// of which can be seen.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if most == 0 || !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		most--
		return r
	}, text)
	return strings.TrimSpace(text)
}
