package console

import (
	"html/template"
	"strconv"
	"time"
)

// A moment on a page is a <time> element with a short date, in UTC as the
// server knows no better; console.js puts it into the visitor's language and
// zone. The exact time is at hand as its title.

// moment is the day of t. The zero time is nothing.
func moment(t time.Time) template.HTML { return timeElement(t, "", t.UTC().Format("2 Jan 2006")) }

// exactly is the day and the minute of t.
func exactly(t time.Time) template.HTML {
	return timeElement(t, " data-minute", t.UTC().Format("2 Jan 2006, 15:04 UTC"))
}

// relatively says how far t is from now, in words.
func relatively(t, now time.Time) template.HTML {
	return timeElement(t, " data-words", relative(t, now))
}

// momentAndWords is the day of t, and how far that is from now.
func momentAndWords(t, now time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return moment(t) + template.HTML(` <span class="relative">`+relative(t, now)+`</span>`)
}

// timeElement has text that the caller made of t and nothing else, so that
// nothing in it needs to be escaped.
func timeElement(t time.Time, attribute, text string) template.HTML {
	if t.IsZero() {
		return ""
	}
	utc := t.UTC()
	return template.HTML(`<time datetime="` + utc.Format(time.RFC3339) + `" title="` + utc.Format("Mon, 2 Jan 2006 15:04:05 UTC") + `"` + attribute + `>` + text + `</time>`)
}

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// relative says in words how far t is from now: "in 3 days", "2 hours ago".
func relative(t, now time.Time) string {
	distance := t.Sub(now)
	past := distance < 0
	if past {
		distance = -distance
	}
	var words string
	switch {
	case distance < time.Minute && past:
		return "just now"
	case distance < time.Minute:
		return "in a moment"
	case distance < 100*time.Minute:
		words = nearest(distance, time.Minute, "minute")
	case distance < 47*time.Hour:
		words = nearest(distance, time.Hour, "hour")
	case distance < 60*day:
		words = nearest(distance, day, "day")
	case distance < 2*year:
		words = nearest(distance, year/12, "month")
	default:
		words = nearest(distance, year, "year")
	}
	if past {
		return words + " ago"
	}
	return "in " + words
}

// nearest is how many units come nearest to d.
func nearest(d, unit time.Duration, name string) string { return count(int(d.Round(unit)/unit), name) }

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

// thousands is n with a comma between its thousands.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
