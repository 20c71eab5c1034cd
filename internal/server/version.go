package server

import (
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version is a version of a resource that is under preview, as all of ours
// are. The zero version means that the route has none.
type version struct{ major, minor, resource int }

func (v version) String() string {
	return fmt.Sprintf("%d.%d-preview.%d", v.major, v.minor, v.resource)
}

// atLeast reports whether v's API version is major.minor or later.
func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

// previews are the versions in which the resources are published, oldest
// first.
var previews = []version{{6, 1, 1}, {7, 0, 1}, {7, 1, 1}, {7, 2, 1}}

var versionForm = regexp.MustCompile(`^(?i)(\d{1,4})(?:\.(\d{1,4}))?(-preview(?:\.(\d{1,4}))?)?$`)

// negotiate is the version that a request asks for, in the query or in
// Accept; the query counts where both do. A version below or above those
// published, one without -preview, and none at all are refused.
func (rt *route) negotiate(c *call) (version, error) {
	if len(rt.versions) == 0 {
		return version{}, nil
	}
	asked, err := c.query.one("api-version")
	if err != nil {
		return version{}, err
	}
	if asked == "" {
		asked = acceptParameter(c.Header, "api-version")
	}
	if asked == "" {
		return version{}, badVersion("VssVersionNotSpecifiedException", fmt.Sprintf(
			`No api-version was supplied for the "%s" request. The version must be supplied either as part of the Accept header (e.g. "application/json; api-version=1.0") or as a query parameter (e.g. "?api-version=1.0").`, c.Method))
	}
	return rt.pick(asked)
}

// pick finds the published version that asked names; "-preview" alone means
// its latest.
func (rt *route) pick(asked string) (version, error) {
	parts := versionForm.FindStringSubmatch(asked)
	if parts == nil {
		return version{}, badVersion("VssInvalidApiResourceVersionException", fmt.Sprintf(
			`The api-version "%s" is malformed: write it like "%s".`, printable(asked), rt.latest()))
	}
	major, minor, resource := number(parts[1]), number(parts[2]), number(parts[4])
	i := slices.IndexFunc(rt.versions, func(v version) bool { return v.major == major && v.minor == minor })
	switch {
	case i < 0 || resource > rt.versions[i].resource:
		return version{}, badVersion("VssVersionOutOfRangeException", fmt.Sprintf(
			"The requested REST API version of %s is out of range for this server. The latest REST API version this server supports is %d.%d.", asked, rt.latest().major, rt.latest().minor))
	case parts[3] == "":
		return version{}, badVersion("VssInvalidPreviewVersionException", fmt.Sprintf(
			`The requested version "%s" of the resource is under preview. The -preview flag must be supplied in the api-version for such requests. For example: "%s-preview"`, asked, asked))
	}
	return rt.versions[i], nil
}

func (rt *route) latest() version { return rt.versions[len(rt.versions)-1] }

// number is the value of at most four digits, 0 for none.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func badVersion(typeKey, message string) error {
	return &problem{status: http.StatusBadRequest, typeKey: typeKey, message: message}
}

// acceptParameter is the first parameter called name, in lower case, in the
// media types that the client accepts.
func acceptParameter(h http.Header, name string) string {
	for _, header := range h.Values("Accept") {
		for mediaType := range strings.SplitSeq(header, ",") {
			_, parameters, err := mime.ParseMediaType(mediaType)
			if value := parameters[name]; err == nil && value != "" {
				return value
			}
		}
	}
	return ""
}
