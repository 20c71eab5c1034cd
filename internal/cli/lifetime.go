package cli

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
)

// lifetime is the value of --for and --until.
type lifetime struct{ span, until string }

func (l *lifetime) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.span, "for", "", "how long it lasts from now on, such as 12h, 30d, 6w or 1y")
	cmd.Flags().StringVar(&l.until, "until", "", "until when it lasts: a date, or a date and time in RFC 3339")
}

// end is the moment asked for; nil where none is.
func (l *lifetime) end(now time.Time) (*api.Time, error) {
	var end time.Time
	switch {
	case l.span != "" && l.until != "":
		return nil, exclusive("--for", "--until")
	case l.span != "":
		span, err := parseSpan(l.span)
		if err != nil {
			return nil, fail(exitUsage, "--for: %w", err).with("write a number and a unit: h, d, w or y, such as 30d")
		}
		end = now.Add(span)
	case l.until != "":
		var err error
		if end, err = parseMoment(l.until); err != nil {
			return nil, fail(exitUsage, "--until: %w", err).with("write 2027-06-30 or 2027-06-30T12:00:00Z")
		}
		if !end.After(now) {
			return nil, fail(exitUsage, "--until: %s is in the past", l.until)
		}
	default:
		return nil, nil
	}
	return &api.Time{Time: end.UTC().Truncate(time.Second)}, nil
}

var (
	spanPattern = regexp.MustCompile(`^(\d+[mhdwy])+$`)
	spanPart    = regexp.MustCompile(`\d+[mhdwy]`)
)

const day = 24 * time.Hour

// parseSpan reads numbers with units; a day has 24 hours and a year 365 days.
func parseSpan(s string) (time.Duration, error) {
	if !spanPattern.MatchString(s) {
		return 0, fmt.Errorf("%q is no length of time", s)
	}
	var total time.Duration
	for _, part := range spanPart.FindAllString(s, -1) {
		unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': day, 'w': 7 * day, 'y': 365 * day}[part[len(part)-1]]
		n, err := strconv.ParseInt(part[:len(part)-1], 10, 64)
		if err != nil || n > int64((math.MaxInt64-total)/unit) {
			return 0, fmt.Errorf("%q is too long", s)
		}
		total += time.Duration(n) * unit
	}
	if total == 0 {
		return 0, fmt.Errorf("%q is no time at all", s)
	}
	return total, nil
}

// parseMoment reads a moment in RFC 3339, or a day, which it counts in to its
// end where the user is.
func parseMoment(s string) (time.Time, error) {
	if moment, err := time.Parse(time.RFC3339, s); err == nil {
		return moment, nil
	}
	if date, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return date.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a date nor a time", s)
}

// noteClamp tells of an end that is earlier than what was asked for: policies
// of Azure DevOps shorten instead of refusing.
func (p *program) noteClamp(asked *api.Time, token api.PatToken) {
	if asked == nil || asked.Sub(token.ValidTo.Time) < 2*time.Second {
		return
	}
	p.notes.printf("%s the service shortened the lifetime: valid until %s instead of %s\n", p.notes.warn("note:"),
		localTime(token.ValidTo.Time), localTime(asked.Time))
}

// localTime is for people.
func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// relative is how far t is from now: "in 29 days", "3 hours ago". Days count up
// to two months, and what a unit lacks to the next number is forgiven up to a
// twentieth, so that what was made for 30 days does not end "in 29 days".
func relative(t, now time.Time) string {
	distance := t.Sub(now)
	size := distance.Abs()
	text := "less than a minute"
	for _, unit := range []struct {
		name  string
		span  time.Duration
		least time.Duration
	}{{"year", 365 * day, 2}, {"month", 30 * day, 2}, {"day", day, 1}, {"hour", time.Hour, 1}, {"minute", time.Minute, 1}} {
		if n := (size + unit.span/20) / unit.span; n >= unit.least {
			text = fmt.Sprintf("%d %s", n, plural(unit.name, n))
			break
		}
	}
	if distance < 0 {
		return text + " ago"
	}
	return "in " + text
}

func plural(unit string, n time.Duration) string {
	if n == 1 {
		return unit
	}
	return unit + "s"
}

// splitScopes joins what was given in several flags, by spaces or by commas.
func splitScopes(values []string) string {
	return strings.Join(strings.FieldsFunc(strings.Join(values, " "), func(r rune) bool {
		return r == ' ' || r == ',' || r == '\t' || r == '\n'
	}), " ")
}
