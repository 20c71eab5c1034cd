package console

import "testing"

func TestCheckRedirectPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/getAToken", "/signin-oidc", "/auth/callback", "/a.b/~c_d"} {
		if err := CheckRedirectPath(path); err != nil {
			t.Errorf("CheckRedirectPath(%q) = %v", path, err)
		}
	}
	for _, path := range []string{
		"", "/", "getAToken", "//getAToken", "/getAToken/", "/a//b", "/.", "/..", "/a/../b", "/a b", "/a?b", "/a#b", "/%61", "/{a}", "/ä", "https://example.com/a",
		"/sign-in", "/signed-out", "/contoso/tokens",
	} {
		if CheckRedirectPath(path) == nil {
			t.Errorf("CheckRedirectPath(%q) = nil, want an error", path)
		}
	}
}
