package store

import (
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// selection is a kind of statement that reads a list.
type selection struct {
	key       key
	ascending bool
	filter    pat.Filter
}

// key is what a selection orders by, the id breaking ties. By id alone only
// rows of one state are listed.
type key uint8

const (
	byCreated key = iota
	byName
	byID
)

// selections are all kinds that lists need.
func selections() (all []selection) {
	for _, filter := range []pat.Filter{pat.FilterActive, pat.FilterExpired, pat.FilterRevoked, pat.FilterAll} {
		for _, ascending := range []bool{true, false} {
			all = append(all, selection{byCreated, ascending, filter}, selection{byName, ascending, filter})
			if filter != pat.FilterAll {
				all = append(all, selection{byID, ascending, filter})
			}
		}
	}
	return all
}

// judges reports whether the statement needs to know the moment by which
// states are judged.
func (s selection) judges() bool {
	return s.filter == pat.FilterActive || s.filter == pat.FilterExpired
}

// text is the statement. It merges ranges of indexes, for each target and
// state one, that yield their rows in order: so it reads hardly more rows than
// it returns, whatever else the owner has. Its parameters are bucket, owner,
// organization, the target that is all organizations, limit, the bound's id,
// the bound's key if that is another, and the moment if it judges.
//
// The state in a row is what was recorded. Rows whose end was recorded since
// the moment, or not yet though they had ended by then, are few: they are read
// by their end, and sorted.
func (s selection) text() string {
	var ranges []string
	for _, target := range []string{`$3`, `$4`} {
		switch s.filter {
		case pat.FilterActive:
			ranges = append(ranges, s.ordered(target, `0`, `>`), s.late(target, `1`, `0`, `>`))
		case pat.FilterExpired:
			ranges = append(ranges, s.ordered(target, `1`, `<=`), s.late(target, `0`, `1`, `<=`))
		case pat.FilterRevoked:
			ranges = append(ranges, s.ordered(target, `2`, ``))
		default:
			ranges = append(ranges, s.ordered(target, `0`, ``), s.ordered(target, `1`, ``), s.ordered(target, `2`, ``))
		}
	}
	return strings.Join(ranges, "\nUNION ALL ") + "\n" + s.orderBy() + ` LIMIT $5`
}

// ordered are the rows of one state beyond the bound, by the index that has
// them in order, which PostgreSQL merges only where each range asks for it. The
// sum keeps planners from choosing the index by end.
func (s selection) ordered(target, state, comparison string) string {
	return `SELECT * FROM (SELECT ` + tokenColumns + ` FROM token
	WHERE bucket = $1 AND owner = $2 AND target = ` + target + ` AND ` + s.within(state) + s.ending(`valid_to + 0`, comparison) + `
	` + s.orderBy() + `) AS ordered`
}

// late are the rows of one state beyond the bound whose end the state does not
// tell, by the index of ends; they show the state that they are judged to
// have. The limit keeps planners from choosing another index.
func (s selection) late(target, state, judged, comparison string) string {
	return `SELECT * FROM (SELECT ` + strings.Replace(tokenColumns, `state`, judged+` AS state`, 1) + ` FROM token
	WHERE bucket = $1 AND owner = $2 AND target = ` + target + ` AND state = ` + state + s.ending(`valid_to`, comparison) + `
	ORDER BY valid_to LIMIT 9223372036854775807) AS late WHERE ` + s.beyond()
}

// within limits rows to one state, beyond the bound. By id it asks for a range
// of states and ids together, as only the index has them: planners would take
// the primary key for the ids alone, and read every other row of the bucket.
func (s selection) within(state string) string {
	switch {
	case s.key != byID:
		return `state = ` + state + ` AND ` + s.beyond()
	case s.ascending:
		return `(state, id) > (` + state + `, $6) AND state <= ` + state
	}
	return `(state, id) < (` + state + `, $6) AND state >= ` + state
}

// ending compares an end with the moment, if there is a comparison.
func (s selection) ending(end, comparison string) string {
	switch {
	case comparison == "":
		return ""
	case s.key == byID:
		return ` AND ` + end + ` ` + comparison + ` $7`
	}
	return ` AND ` + end + ` ` + comparison + ` $8`
}

func (s selection) beyond() string {
	comparison := ` < `
	if s.ascending {
		comparison = ` > `
	}
	return [...]string{
		byCreated: `(valid_from, id)` + comparison + `($7, $6)`,
		byName:    `(display_name, id)` + comparison + `($7, $6)`,
		byID:      `id` + comparison + `$6`,
	}[s.key]
}

func (s selection) orderBy() string {
	direction := s.direction()
	column := [...]string{byCreated: `valid_from`, byName: `display_name`, byID: `state`}[s.key]
	return `ORDER BY ` + column + direction + `, id` + direction
}

func (s selection) direction() string {
	if s.ascending {
		return ` ASC`
	}
	return ` DESC`
}
