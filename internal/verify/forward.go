package verify

import (
	"net/http"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// answerForwardAuth answers the requests that nginx (auth_request), Envoy
// (ext_authz over HTTP), Traefik and Caddy (forward_auth) make before they let
// a request of their own caller pass: 200 lets it pass, everything else does
// not. Any method will do, and the caller's headers come with it.
func (f *Front) answerForwardAuth(w http.ResponseWriter, r *http.Request, s *scratch) Outcome {
	if !f.asker.ask(r.URL, &s.question) {
		return f.forbid(w, BadRequest, ofRequest, "the question is malformed, or asks for an organization or scope that is not known here\n")
	}
	verdict, err := f.judge(r, s)
	switch {
	case err != nil:
		f.complain(r, err)
		w.Header()["Retry-After"] = soon
		refuse(w, http.StatusServiceUnavailable, "it cannot be known now whether the token is good: try again in a moment\n")
		return Unavailable
	case verdict == pat.Good:
		f.Verifier.Used(&s.found, f.use(r, s.question.scope))
		identify(w.Header(), s)
		w.WriteHeader(http.StatusOK)
		return Accepted
	case verdict == pat.WrongOrganization:
		return f.forbid(w, RefusedOrganization, ofWhere, "the token is not good in this organization\n")
	case verdict == pat.MissingScope:
		return f.forbid(w, RefusedScope, ofScope, "the token lacks a scope that this takes\n")
	}
	w.Header()["Www-Authenticate"] = f.challenge
	refuse(w, http.StatusUnauthorized, "a personal access token is needed, as password or as Bearer, that is neither expired nor revoked\n")
	return Refused
}

func (f *Front) forbid(w http.ResponseWriter, o Outcome, reason []string, sentence string) Outcome {
	w.Header()["X-Patrol-Reason"] = reason
	refuse(w, http.StatusForbidden, sentence)
	return o
}

// judge judges the token of a request by s.question. Where the caller behind
// the gateway may have named the organization, a token for all of them must be
// good without that too: naming one then never helps.
func (f *Front) judge(r *http.Request, s *scratch) (pat.Verdict, error) {
	text := presented(r.Header, &s.buffer)
	verdict, err := f.Verifier.Verify(r.Context(), text, &s.question.demand, &s.found)
	if err != nil || verdict != pat.Good || !s.question.open || !s.found.Claim.AllOrgs {
		return verdict, err
	}
	s.question.demand.Organization = pat.Organization{}
	return f.Verifier.Verify(r.Context(), text, &s.question.demand, &s.other)
}

// identify says in headers whose token was accepted. None of them is ever
// empty, so that a gateway that copies them overwrites whatever its caller
// sent.
func identify(h http.Header, s *scratch) {
	found := &s.found
	b := s.buffer[:0]
	var ends [6]int
	b, _ = found.Claim.Owner.AppendText(b)
	ends[0] = len(b)
	if len(found.OwnerName) > 0 {
		b = appendEscaped(b, found.OwnerName)
	} else {
		b, _ = found.Claim.Owner.AppendText(b)
	}
	ends[1] = len(b)
	b = append(b, found.At.Name...)
	ends[2] = len(b)
	b = append(b, found.Scope...)
	ends[3] = len(b)
	b, _ = found.Claim.ID.AppendText(b)
	ends[4] = len(b)
	b = time.UnixMicro(found.Claim.ValidTo).UTC().AppendFormat(b, time.RFC3339Nano)
	ends[5] = len(b)
	s.buffer = b

	all := string(b)
	values := make([]string, len(ends))
	start := 0
	for i, end := range ends {
		values[i] = all[start:end]
		start = end
	}
	h["X-Patrol-Subject"] = values[0:1:1]
	h["X-Patrol-User"] = values[1:2:2]
	h["X-Patrol-Organization"] = values[2:3:3]
	h["X-Patrol-Scopes"] = values[3:4:4]
	h["X-Patrol-Authorization-Id"] = values[4:5:5]
	h["X-Patrol-Expires"] = values[5:6:6]
	h["Cache-Control"] = noStore
}

// appendEscaped appends name to b, percent-encoded but for the printable
// characters of ASCII other than "%" and space.
func appendEscaped(b, name []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range name {
		if c > ' ' && c <= '~' && c != '%' {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}
