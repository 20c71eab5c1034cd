package console

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/patrolhq/patrol/api"
)

// presetDays are the lives that people choose from, and defaultDays the one
// that is chosen where nothing is.
var presetDays = []int{7, 30, 60, 90, 365}

const defaultDays = 30

// The choices of an end besides the presets.
const (
	// endsOn is the end of a day.
	endsOn = "custom"
	// endStays leaves the end that a token has.
	endStays = "keep"
)

// expiry is the choice of when a token ends.
type expiry struct {
	// Choice is a number of days, endsOn or endStays.
	Choice string
	// Date is the day of endsOn.
	Date string
	// Held is the end that the token has, which it may keep; zero for a new one.
	Held time.Time
	// Now is when the page is asked for.
	Now time.Time
}

// read takes what was sent.
func (e *expiry) read(sent url.Values) {
	if choice := sent.Get(fieldExpiry); choice != "" {
		e.Choice = choice
	}
	e.Date = sent.Get(fieldDate)
}

// last chooses a number of days, as a preset where there is one.
func (e *expiry) last(days int) {
	if slices.Contains(presetDays, days) {
		e.Choice = strconv.Itoa(days)
		return
	}
	e.Choice, e.Date = endsOn, e.Now.AddDate(0, 0, days).Format(time.DateOnly)
}

// end is the moment that was chosen, nil for the one that the token has, or
// what is wrong with the choice.
func (e *expiry) end() (end *api.Time, wrong string) {
	switch e.Choice {
	case endStays:
		if e.Held.IsZero() {
			return nil, "Choose when the token expires."
		}
		return nil, ""
	case endsOn:
		return e.endOfDay()
	}
	days, err := strconv.Atoi(e.Choice)
	if err != nil || !slices.Contains(presetDays, days) {
		return nil, "Choose when the token expires."
	}
	return &api.Time{Time: e.Now.Add(time.Duration(days) * day).Truncate(time.Second)}, ""
}

// endOfDay is the last second of the chosen day in UTC: the server does not
// know where people are.
func (e *expiry) endOfDay() (end *api.Time, wrong string) {
	if e.Date == "" {
		return nil, "Choose the day on which the token expires."
	}
	date, err := time.Parse(time.DateOnly, e.Date)
	if err != nil {
		return nil, "Write the day as year, month and day, such as 2027-06-30."
	}
	moment := date.Add(day - time.Second)
	if !moment.After(e.Now) {
		return nil, "This day is over. Choose one to come."
	}
	return &api.Time{Time: moment}, ""
}

// preset is a life to choose.
type preset struct {
	Value, Label string
	Ends         time.Time
	Chosen       bool
}

// Presets are the lives to choose from.
func (e expiry) Presets() []preset {
	var all []preset
	for _, days := range presetDays {
		value := strconv.Itoa(days)
		label := value + " days"
		if days == 365 {
			label = "1 year"
		}
		all = append(all, preset{value, label, e.Now.AddDate(0, 0, days), value == e.Choice})
	}
	return all
}

// Custom reports whether the end of a day is chosen.
func (e expiry) Custom() bool { return e.Choice == endsOn }

// Keeps reports whether the end that the token has is chosen.
func (e expiry) Keeps() bool { return e.Choice == endStays }

// Earliest is the first day that can be chosen.
func (e expiry) Earliest() string { return e.Now.UTC().Format(time.DateOnly) }
