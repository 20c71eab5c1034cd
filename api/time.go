package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Time is a moment as the Azure DevOps API prints it: UTC with at most seven
// fractional digits, trailing zeros dropped, and "Z".
type Time struct{ time.Time }

// timeLayout drops trailing zeros by its nines.
const timeLayout = "2006-01-02T15:04:05.9999999Z"

// readLayouts are what a Time may look like in an answer; Azure DevOps omits
// the zone in places, and then means UTC.
var readLayouts = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999"}

// MarshalJSON prints the moment in UTC.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(`"` + t.UTC().Format(timeLayout) + `"`), nil
}

// UnmarshalJSON reads RFC 3339 with any number of fractional digits, with or
// without a zone. A null leaves the time as it is.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a time must be a string: %w", err)
	}
	text = strings.TrimSpace(text)
	for _, layout := range readLayouts {
		if moment, err := time.Parse(layout, text); err == nil {
			t.Time = moment.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is not a time in RFC 3339", text)
}
