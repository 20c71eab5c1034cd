package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// createBody and updateBody are the bodies of Create and Update as lenient as
// Azure DevOps reads them: names in any case, unknown members ignored, null
// the same as absent, booleans as strings, dates in several forms.
type createBody struct {
	DisplayName *string
	Scope       *string
	ValidTo     *string
	AllOrgs     *lenientBool
}

type updateBody struct {
	AuthorizationID *string
	createBody
}

// lenientBool is a JSON boolean, or one in a string.
type lenientBool bool

func (b *lenientBool) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(strings.Trim(string(data), `" `)) {
	case "true":
		*b = true
	case "false":
		*b = false
	default:
		return errors.New("allOrgs must be true or false")
	}
	return nil
}

// maxBody bounds request bodies, in bytes.
const maxBody = 1 << 20

// decode reads the request's JSON body into target, a pointer to a struct.
func (c *call) decode(target any) error {
	if err := c.checkContentType(); err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &problem{
			status: http.StatusRequestEntityTooLarge, typeKey: "VssRequestTooLargeException",
			message: fmt.Sprintf("The body is too large: at most %d bytes are read.", maxBody),
		}
	}
	if err != nil {
		return c.unreadable("the body ended early")
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case !utf8.Valid(body):
		return c.unreadable("the body is not UTF-8")
	case len(body) == 0 || body[0] != '{':
		return c.unreadable("the body must be a JSON object")
	}
	if err := json.Unmarshal(body, target); err != nil {
		return c.unreadable(jsonFault(err))
	}
	return nil
}

// checkContentType refuses a body that says it is not JSON in UTF-8. One that
// says nothing is read as JSON.
func (c *call) checkContentType() error {
	header := c.Header.Get("Content-Type")
	if header == "" && c.Header.Get("Content-Encoding") == "" {
		return nil
	}
	mediaType, parameters, err := mime.ParseMediaType(header)
	charset := parameters["charset"]
	if err == nil && mediaType == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8")) &&
		c.Header.Get("Content-Encoding") == "" {
		return nil
	}
	return &problem{
		status: http.StatusUnsupportedMediaType, typeKey: "VssRequestContentTypeNotSupportedException",
		message: fmt.Sprintf(`The request indicated a Content-Type of "%s" for method type "%s" which is not supported: send application/json in UTF-8, not compressed.`, printable(header), c.Method),
	}
}

// unreadable refuses a body that is not the JSON that it should be.
func (c *call) unreadable(reason string) error {
	return badRequest("JsonReaderException", "%s The request was not understood: %s.", c.internalError(), reason)
}

// jsonFault says where JSON goes wrong, without repeating what it holds.
func jsonFault(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("the body is not valid JSON at byte %d", syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return "the body must be a JSON object"
		}
		return fmt.Sprintf("%s must be of type %s, not %s", wireName(kind.Field), kind.Type, jsonKind(kind.Value))
	}
	return err.Error()
}

// jsonKind is the kind of value that an UnmarshalTypeError names, which may
// carry the value behind it.
func jsonKind(value string) string {
	kind, _, _ := strings.Cut(value, " ")
	return kind
}

// wireName is a member of a body as clients write it.
func wireName(field string) string {
	field = field[strings.LastIndexByte(field, '.')+1:]
	if field == "AuthorizationID" {
		return "authorizationId"
	}
	return strings.ToLower(field[:1]) + field[1:]
}
