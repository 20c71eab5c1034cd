package devidp

import (
	"errors"
	"net/http"
	"net/url"
)

// readParameters returns the parameters of a request: the query of a GET, the
// form body of a POST. No parameter may be there twice (RFC 6749 section 3.1).
func readParameters(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxBody/4 {
		return nil, refuse(http.StatusRequestURITooLong, "invalid_request", 90015, "Requested query string is too long.")
	}
	var values url.Values
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return nil, refuse(http.StatusRequestEntityTooLarge, "invalid_request", 900383, "Request body is too large.")
			}
			return nil, malformed("the form cannot be read")
		}
		values = r.PostForm
	} else {
		var err error
		if values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return nil, malformed("the query cannot be read")
		}
	}
	for name, all := range values {
		if len(all) > 1 {
			return nil, invalidRequest(9000411, "The request is not properly formatted. The parameter '%s' is duplicated.", name)
		}
	}
	return values, nil
}
