package verify

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxAuthorization bounds an Authorization header, in bytes: user names that
// come with a token may be long.
const maxAuthorization = 4 << 10

// presented is the text that a request presents as a token: as Bearer, or by
// Basic as the password, or as the user name where the password is empty. It is
// "" where there is none, more than one, or a malformed one; buffer is scratch
// space.
func presented(h http.Header, buffer *[]byte) string {
	values := h["Authorization"]
	if len(values) != 1 || len(values[0]) > maxAuthorization {
		return ""
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	credential = strings.Trim(credential, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return credential
	case strings.EqualFold(scheme, "Basic"):
		user, password, ok := decodeBasic(credential, buffer)
		switch {
		case !ok:
			return ""
		case len(password) == 0:
			password = user
		}
		if len(password) != pat.SecretLength {
			return "" // no token, and not worth a copy
		}
		return string(password)
	}
	return ""
}

// decodeBasic reads the credentials of RFC 7617. They lie in buffer, and are good
// until that is used again.
func decodeBasic(credentials string, buffer *[]byte) (user, password []byte, ok bool) {
	encoded := append((*buffer)[:0], credentials...)
	all, err := base64.StdEncoding.AppendDecode(encoded, encoded)
	*buffer = all
	if err != nil {
		return nil, nil, false
	}
	return bytes.Cut(all[len(encoded):], []byte{':'})
}
