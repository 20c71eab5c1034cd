package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// The rules of output: results go to standard output, all else to standard
// error. Tables and colours are for terminals; pipes get fields separated by
// tabs. Text that came from elsewhere is escaped before it is printed.

// input is where answers to questions come from.
type input struct {
	r          io.Reader
	isTerminal bool
}

// output is standard output or standard error.
type output struct {
	w          io.Writer
	isTerminal bool
	// width is that of the terminal in cells; 0 where unknown.
	width int
	// profile says which colours w can show; zero means none.
	profile colorprofile.Profile
}

func stdin(f *os.File) input { return input{f, term.IsTerminal(int(f.Fd()))} }

func stdout(f *os.File) output {
	o := output{w: f, isTerminal: term.IsTerminal(int(f.Fd())), profile: colorprofile.Detect(f, os.Environ())}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		o.width = width
	}
	return o
}

// printf prints for people; what it prints was escaped before.
func (o output) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(o.w, format, args...) // there is nowhere to report to
}

// write prints a result.
func (o output) write(text string) error {
	if _, err := io.WriteString(o.w, text); err != nil {
		return &writeError{err}
	}
	return nil
}

// writeError is a result that could not be printed.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing the result: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// colored renders text in one of the 16 colours that every theme defines.
func (o output) colored(color ansi.BasicColor, text string) string {
	if o.profile < colorprofile.ANSI {
		return text
	}
	return lipgloss.NewStyle().Foreground(color).Render(text)
}

func (o output) bad(text string) string  { return o.colored(ansi.Red, text) }
func (o output) warn(text string) string { return o.colored(ansi.Yellow, text) }
func (o output) good(text string) string { return o.colored(ansi.Green, text) }
func (o output) dim(text string) string  { return o.colored(ansi.BrightBlack, text) }

// cell is a field of a table: what a terminal shows, and what a program reads.
type cell struct {
	// shown is for terminals and plain for the rest; an empty shown is as
	// plain.
	shown, plain string
	paint        func(string) string
}

// text is a cell with the same for both.
func text(s string) cell { return cell{plain: s} }

func (c cell) display() string {
	if c.shown != "" {
		return printable(c.shown)
	}
	return printable(c.plain)
}

// table is a result with rows.
type table struct {
	// columns are the headings, which only a terminal shows.
	columns []column
	rows    [][]cell
}

type column struct {
	heading string
	// elastic columns are cut where the terminal is too narrow.
	elastic bool
	// piped columns are only for programs.
	piped bool
}

// minElastic is how far an elastic column shrinks.
const minElastic = 12

// table prints t and returns the error of writing.
func (o output) table(t table) error {
	var b strings.Builder
	if !o.isTerminal {
		for _, row := range t.rows {
			for i, c := range row {
				if i > 0 {
					b.WriteByte('\t')
				}
				b.WriteString(printable(c.plain))
			}
			b.WriteByte('\n')
		}
	} else if len(t.rows) > 0 {
		o.align(&b, t)
	}
	return o.write(b.String())
}

// align lays out the columns that people see.
func (o output) align(b *strings.Builder, t table) {
	widths := o.widths(t)
	line := func(render func(i int) (string, func(string) string)) {
		var cells []string
		for i := range t.columns {
			if t.columns[i].piped {
				continue
			}
			content, paint := render(i)
			content = ansi.Truncate(content, widths[i], "…")
			padding := strings.Repeat(" ", widths[i]-lipgloss.Width(content))
			if paint != nil {
				content = paint(content)
			}
			cells = append(cells, content+padding)
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
	line(func(i int) (string, func(string) string) { return t.columns[i].heading, o.dim })
	for _, row := range t.rows {
		line(func(i int) (string, func(string) string) { return row[i].display(), row[i].paint })
	}
}

// widths fits the columns into the terminal as far as the elastic ones give.
func (o output) widths(t table) []int {
	widths := make([]int, len(t.columns))
	total := -2
	for i, c := range t.columns {
		if c.piped {
			continue
		}
		widths[i] = lipgloss.Width(c.heading)
		for _, row := range t.rows {
			widths[i] = max(widths[i], lipgloss.Width(row[i].display()))
		}
		total += widths[i] + 2
	}
	for o.width > 0 && total > o.width {
		widest := -1
		for i, c := range t.columns {
			if c.elastic && !c.piped && widths[i] > minElastic && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

// field is a line of a result that is one thing.
type field struct {
	name  string
	value cell
}

// fields prints one thing, a line per field. Fields without a value are left
// out.
func (o output) fields(fields []field) error {
	var b strings.Builder
	widest := 0
	for _, f := range fields {
		if f.value.plain != "" {
			widest = max(widest, len(f.name))
		}
	}
	for _, f := range fields {
		switch {
		case f.value.plain == "":
		case o.isTerminal:
			value := f.value.display()
			if f.value.paint != nil {
				value = f.value.paint(value)
			}
			fmt.Fprintf(&b, "%s%s  %s\n", o.dim(f.name), strings.Repeat(" ", widest-len(f.name)), value)
		default:
			fmt.Fprintf(&b, "%s\t%s\n", f.name, printable(f.value.plain))
		}
	}
	return o.write(b.String())
}

// json prints v as a JSON document.
func (o output) json(v any) error {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, escapeJSON(raw.Bytes()), "", "  "); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	return o.write(b.String())
}

// escapeJSON writes what a terminal might act on as \u escapes: the encoder
// leaves the control characters above 127 and those that reverse text.
func escapeJSON(document []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(bytes.TrimSpace(document)) {
		switch {
		case r == '\n' || !hostile(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := surrogates(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func surrogates(r rune) (high, low rune) {
	r -= 0x10000
	return 0xd800 + r>>10, 0xdc00 + r&0x3ff
}

// printable escapes what a terminal might act on, so that a token's name can
// neither move the cursor nor pretend to be another line.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, hostile) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case !hostile(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// hostile runes are control and format characters (of which some reverse
// text), separators of lines, and what nobody has assigned.
func hostile(r rune) bool {
	const joiner = '\u200d' // joins emoji
	return !unicode.IsGraphic(r) && r != joiner || r == '\u2028' || r == '\u2029'
}
