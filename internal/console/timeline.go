package console

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// timeline is a picture of when tokens expire: a brick for each, piled up over
// the time of its end. What lies across is in percent of the width, so that the
// picture fits every screen with its words and heights as they are.
type timeline struct {
	// Summary says the same in words.
	Summary string
	// Height is that of the picture, Base where the bricks stand, and Labels
	// where the words below them do.
	Height, Base, Labels int
	// Soon is how wide the time is in which tokens expire soon.
	Soon   string
	Ticks  []tick
	Bricks []brick
}

// tick is a mark on the axis. Minor ones go where there is no room.
type tick struct {
	X, Label string
	Minor    bool
}

// brick is a token, or as many as are too many for one pile.
type brick struct {
	X, Width, Middle string
	Y, Height        int
	Address, Title   string
	Soon             bool
	// Count is how many tokens a whole pile stands for, "" for one token.
	Count string
}

// ending is a token that will expire.
type ending struct {
	name, address, anchor string
	ends                  time.Time
}

const (
	piles       = 52 // across the picture
	maxPile     = 5  // bricks on each other
	brickHeight = 10
	brickGap    = 2
	countHeight = 14 // above a pile, for its count
	axisHeight  = 22 // below the piles, for the words
	minSpan     = 4 * 7 * day
	maxSpan     = 100 * year // what ends later is at the end
)

// newTimeline draws when tokens expire; nil where none does.
func newTimeline(tokens []ending, now time.Time) *timeline {
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(e ending) bool { return !e.ends.After(now) })
	if len(tokens) == 0 {
		return nil
	}
	slices.SortStableFunc(tokens, func(a, b ending) int { return a.ends.Compare(b.ends) })
	span := max(minSpan, min(tokens[len(tokens)-1].ends.Sub(now), maxSpan)+day)
	at := make([][]ending, piles)
	tallest := 1
	for _, e := range tokens {
		i := min(int(piles*float64(e.ends.Sub(now))/float64(span)), piles-1)
		at[i] = append(at[i], e)
		tallest = min(max(tallest, len(at[i])), maxPile)
	}
	l := &timeline{
		Summary: summarize(tokens, now), Base: countHeight + tallest*(brickHeight+brickGap),
		Soon: percent(min(1, float64(soon)/float64(span))), Ticks: ticks(now, span),
	}
	l.Height, l.Labels = l.Base+axisHeight, l.Base+axisHeight-6
	for i, pile := range at {
		l.pile(i, pile, now)
	}
	return l
}

// pile adds the bricks of one pile: one for each token, or one for all where
// they are too many.
func (l *timeline) pile(i int, tokens []ending, now time.Time) {
	const step = 1.0 / piles
	b := brick{X: percent((float64(i) + .08) * step), Width: percent(.84 * step), Middle: percent((float64(i) + .5) * step)}
	if len(tokens) > maxPile {
		first, last := tokens[0], tokens[len(tokens)-1]
		b.Height = maxPile*(brickHeight+brickGap) - brickGap
		b.Y = l.Base - b.Height - brickGap
		b.Address, b.Soon, b.Count = "#"+first.anchor, first.soon(now), strconv.Itoa(len(tokens))
		b.Title = b.Count + " tokens expire from " + shortDay(first.ends) + " to " + shortDay(last.ends) + ", " + first.isolated() + " first"
		l.Bricks = append(l.Bricks, b)
		return
	}
	b.Height = brickHeight
	for n, e := range tokens {
		b.Y = l.Base - (n+1)*(brickHeight+brickGap)
		b.Address, b.Soon = e.address, e.soon(now)
		b.Title = e.isolated() + " expires " + relative(e.ends, now) + ", on " + shortDay(e.ends)
		l.Bricks = append(l.Bricks, b)
	}
}

func (e ending) soon(now time.Time) bool { return e.ends.Before(now.Add(soon)) }

// isolated is the name for plain text, where no element keeps its direction
// from what is around it.
func (e ending) isolated() string { return isolate(e.name) }

// isolate is text of others with Unicode's marks around it that keep its
// direction within, and without any such marks inside.
func isolate(text string) string {
	return "\u2068" + strings.Map(func(r rune) rune {
		if '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' {
			return -1
		}
		return r
	}, text) + "\u2069"
}

// summarize says in words what the picture shows.
func summarize(tokens []ending, now time.Time) string {
	within := 0
	for _, e := range tokens {
		if e.soon(now) {
			within++
		}
	}
	next := " Next: " + tokens[0].isolated() + ", " + relative(tokens[0].ends, now) + "."
	switch within {
	case 0:
		return "None of these expires within a week." + next
	case 1:
		return "One of these expires within a week." + next
	}
	return strconv.Itoa(within) + " of these expire within a week." + next
}

// ticks are the weeks of a short span, and else months.
func ticks(now time.Time, span time.Duration) (all []tick) {
	today := now.UTC().Truncate(day)
	next := func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	first := today.AddDate(0, 0, (8-int(today.Weekday()))%7) // a Monday
	label := func(t time.Time) string { return t.Format("2 Jan") }
	if months := int(span / (30 * day)); months > 2 {
		step := months/12 + 1
		next = func(t time.Time) time.Time { return t.AddDate(0, step, 0) }
		first = time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		label = func(t time.Time) string {
			if t.Month() <= time.Month(step) {
				return t.Format("Jan 2006")
			}
			return t.Format("Jan")
		}
	}
	for t := first; t.Before(now.Add(span)); t = next(t) {
		share := float64(t.Sub(now)) / float64(span)
		mark := tick{X: percent(share), Minor: len(all)%2 == 1 || share < .2}
		if .06 < share && share < .96 { // else it would touch "today", or the edge
			mark.Label = label(t)
		}
		all = append(all, mark)
	}
	return all
}

func shortDay(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// percent is a share in percent.
func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', 2, 64) + "%" }
