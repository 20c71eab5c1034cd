package server

import (
	"strings"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// dateForms are the dates that clients send: RFC 3339 and its parts, and the
// form of .NET's invariant culture. Without a zone they are UTC.
var dateForms = [...]string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"2006-01-02",
	"01/02/2006 15:04:05",
	"01/02/2006",
}

// parseDate reads a date as sent and refuses what is none with
// invalidValidTo.
func parseDate(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, form := range dateForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, &pat.Error{
		Code:    pat.CodeInvalidValidTo,
		Message: `validTo is not a date: write it like "2026-12-31T23:59:59Z"`,
	}
}
