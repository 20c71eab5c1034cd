package console

import (
	"bytes"
	"compress/flate"
	"io"
	"net/http"
	"net/url"
)

// maxDraft bounds the cookie with a draft: browsers do not keep larger ones.
const maxDraft = 3800

// keepDraft keeps the form that was sent for the page that it is of, in the
// browser, while its visitor signs in: the browser holds no secret of a session
// that could seal it on the server. It reports false where the form is too long
// for that.
func (v *visit) keepDraft() bool {
	if err := v.ParseForm(); err != nil {
		return false
	}
	v.PostForm.Del(fieldOnce)
	if len(v.PostForm) == 0 {
		return true
	}
	sealed := v.console.Sealer.Seal(draftCookie, v.URL.Path, signInLife, deflate(v.PostForm.Encode()))
	if len(sealed) > maxDraft {
		return false
	}
	v.console.cookies.write(v.w, draftCookie, sealed, signInLife)
	return true
}

// takeDraft is the form that was kept for this page, once; nil where there is
// none. Nothing is done with it before its visitor sends it again.
func (v *visit) takeDraft() url.Values {
	sealed := v.console.cookies.read(v.Request, draftCookie)
	if sealed == "" || v.Method != http.MethodGet {
		return nil
	}
	deflated, err := v.console.Sealer.Open(draftCookie, v.URL.Path, sealed)
	if err != nil {
		return nil
	}
	v.console.cookies.remove(v.w, draftCookie)
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(deflated)), maxForm))
	if err != nil {
		return nil
	}
	draft, err := url.ParseQuery(string(text))
	if err != nil {
		return nil
	}
	return draft
}

// errDraftTooLong tells that a sign-in would lose what was typed.
func errDraftTooLong(signIn string) *problem {
	return &problem{
		Status: http.StatusUnauthorized, Title: "You are signed out",
		Text:   "Nothing was carried out, and what you sent is too long to be kept while you sign in.",
		Advice: "Sign in in another tab, then go back to the form here and send it again.",
		Retry:  signIn, RetryLabel: "Sign in",
	}
}

// deflate makes text short. No secret is in it that its length could tell of.
func deflate(text string) []byte {
	var short bytes.Buffer
	w, _ := flate.NewWriter(&short, flate.BestCompression) // fails for levels that do not exist
	_, _ = w.Write([]byte(text))                           // a buffer takes everything
	_ = w.Close()
	return short.Bytes()
}
