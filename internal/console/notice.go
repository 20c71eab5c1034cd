package console

import "time"

// noticeLife is how long a notice waits for the next page.
const noticeLife = time.Minute

// maxNotice bounds a notice in bytes, for it must fit into a cookie.
const maxNotice = 1000

// notify has the visitor's next page tell something once: what a change did,
// after the redirect that answered it. It is sealed for this session, so that
// nobody puts words into the console's mouth.
func (v *visit) notify(text string) {
	if len(text) > maxNotice || v.who == nil {
		return
	}
	sealed := v.console.Sealer.Seal(noticeCookie, v.who.ID.String(), noticeLife, []byte(text))
	v.console.cookies.write(v.w, noticeCookie, sealed, noticeLife)
}

// takeNotice is what this page is to tell, "" for nothing.
func (v *visit) takeNotice() string {
	sealed := v.console.cookies.read(v.Request, noticeCookie)
	if sealed == "" || v.who == nil {
		return ""
	}
	v.console.cookies.remove(v.w, noticeCookie)
	text, err := v.console.Sealer.Open(noticeCookie, v.who.ID.String(), sealed)
	if err != nil {
		return ""
	}
	return string(text)
}
