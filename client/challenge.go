package client

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxClaims bounds the claims of a challenge in bytes. They end up in a URL.
const maxClaims = 4 << 10

// claims are those that a 401 challenges a Bearer token to have, as compact
// JSON; "" where it asks for none that can be read.
func (a answer) claims() string {
	if a.status != http.StatusUnauthorized {
		return ""
	}
	for _, header := range a.header.Values("WWW-Authenticate") {
		for _, c := range challenges(header) {
			if !strings.EqualFold(c.scheme, "Bearer") {
				continue
			}
			if claims := readClaims(c.parameters["claims"]); claims != "" && !a.echoes(claims) {
				return claims
			}
		}
	}
	return ""
}

// readClaims reads a JSON object, as it is or in base64 of either alphabet,
// with its padding or without.
func readClaims(text string) string {
	if len(text) > 2*maxClaims {
		return ""
	}
	object := []byte(text)
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		plain := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
		var err error
		if object, err = base64.RawStdEncoding.DecodeString(plain); err != nil {
			return ""
		}
	}
	var compact bytes.Buffer
	if !utf8.Valid(object) || json.Compact(&compact, object) != nil || compact.Len() > maxClaims || compact.Bytes()[0] != '{' {
		return ""
	}
	return compact.String()
}

// challenge is one of a WWW-Authenticate header.
type challenge struct {
	scheme string
	// parameters are by their names in lower case; of several of a name the
	// first that is not empty counts.
	parameters map[string]string
}

// challenges reads a header that may hold several (RFC 9110, section 11.6.1),
// and more than the grammar allows: Azure DevOps leaves URLs unquoted. What it
// cannot read ends it.
func challenges(header string) (all []challenge) {
	for {
		header = strings.TrimLeft(header, " \t,")
		name, rest := word(header)
		if name == "" {
			return all
		}
		value, after, isParameter := parameterValue(rest)
		switch {
		case !isParameter:
			all = append(all, challenge{name, map[string]string{}})
			header = rest
			continue
		case len(all) == 0:
			return all
		}
		parameters := all[len(all)-1].parameters
		if name = strings.ToLower(name); parameters[name] == "" {
			parameters[name] = value
		}
		header = after
	}
}

// word is the token that text begins with, and what follows. Slashes, of which
// no token has any, stand in the credentials of other schemes.
func word(text string) (word, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"[]?={}`, r)
	})
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:]
}

// parameterValue is the value of a parameter whose name was just read, where
// it was one and no scheme.
func parameterValue(text string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(strings.TrimLeft(text, " \t"), "=")
	if !ok {
		return "", "", false
	}
	text = strings.TrimLeft(text, " \t")
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		value, rest = unquote(quoted)
		return value, rest, true
	}
	end := strings.IndexAny(text, " \t,")
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:], true
}

// unquote reads up to the closing quote, or to the end where there is none.
func unquote(text string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}
