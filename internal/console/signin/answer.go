package signin

import (
	"fmt"
	"net/url"
)

// check fails for an attempt that no provider would understand.
func (c call) check(a Attempt) error {
	if a.Claims != "" && challenge(a.Claims) == "" {
		return c.errorf(ReasonOther, "the claims challenge is no JSON, or longer than %d characters", maxChallenge)
	}
	return nil
}

const maxCode = 8192

// code is what an answer brings, or the refusal that it is.
func (c call) code(answer url.Values) (string, error) {
	for _, values := range answer {
		if len(values) > 1 {
			return "", c.errorf(ReasonForged, "the answer says something twice")
		}
	}
	if answer.Get("error") != "" {
		e := c.refused(0, refusalAt(answer))
		e.Err = fmt.Errorf("%s: the provider sent the browser back without a code", c.doing)
		return "", e
	}
	code := answer.Get("code")
	if code == "" || len(code) > maxCode {
		return "", c.errorf(ReasonForged, "the answer has no code")
	}
	return code, nil
}
