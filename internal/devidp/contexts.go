package devidp

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
)

// contextFormat is what an authentication context is called: an "acrs" value of
// conditional access.
var contextFormat = regexp.MustCompile(`^c[1-9][0-9]?$`)

// askedContexts reads from the parameter "claims" (OpenID Connect Core section
// 5.5) which authentication contexts the access token must have. Signing in once
// more satisfies any of them here. What else is asked for is nothing to
// insist on.
func askedContexts(parameters url.Values) ([]string, error) {
	if parameters.Get("claims") == "" {
		return nil, nil
	}
	var asked struct {
		AccessToken struct {
			ACRS struct {
				Essential bool     `json:"essential"`
				Value     string   `json:"value"`
				Values    []string `json:"values"`
			} `json:"acrs"`
		} `json:"access_token"`
	}
	if json.Unmarshal([]byte(parameters.Get("claims")), &asked) != nil {
		return nil, malformed("claims is no JSON object of claims")
	}
	acrs := asked.AccessToken.ACRS
	if !acrs.Essential {
		return nil, nil
	}
	contexts := acrs.Values
	if acrs.Value != "" {
		contexts = append(contexts, acrs.Value)
	}
	slices.Sort(contexts)
	contexts = slices.Compact(contexts)
	for _, name := range contexts {
		if !contextFormat.MatchString(name) {
			return nil, malformed("claims asks for an unknown authentication context")
		}
	}
	return contexts, nil
}

// meets reports whether all of asked are in contexts.
func meets(contexts, asked []string) bool {
	return !slices.ContainsFunc(asked, func(name string) bool { return !slices.Contains(contexts, name) })
}

// checkContexts refuses a token request that asks for more than the person's
// sign-in met.
func checkContexts(form url.Values, met []string) error {
	asked, err := askedContexts(form)
	if err != nil {
		return err
	}
	if !meets(met, asked) {
		return needsMore(form.Get("claims"))
	}
	return nil
}
