package verify

import (
	"net/url"
	"strings"
)

// eachPair hands over each name and value of a query or form, decoded, in
// order. It reports false where text is malformed: a bad escape, or a semicolon,
// which some readers take for a separator. Plain pairs cost no allocation.
func eachPair(text string, take func(name, value string)) bool {
	if strings.Contains(text, ";") {
		return false
	}
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return false
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return false
		}
		take(name, value)
	}
	return true
}
