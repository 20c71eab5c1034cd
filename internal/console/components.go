package console

import "strings"

// What templates/components/*.html show, by the names of their templates.

// field is a text control of a form with its label, hint and refusal. ID is
// its name in the form, too.
type field struct {
	ID, Label, Type, Value, Hint string
	// Error is why the value was refused, "" where it was not.
	Error     string
	Required  bool
	MaxLength int
	// Min and Max bound a date or a number.
	Min, Max string
}

// DescribedBy are the ids of what describes the control.
func (f field) DescribedBy() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	if f.Error != "" {
		ids = append(ids, f.ID+"-error")
	}
	return strings.Join(ids, " ")
}

// refusal is why a form was not accepted. Field is the id of the control that
// it concerns, "" where it concerns all.
type refusal struct{ Field, Text string }

// badge is a word about a thing. Kind is its looks: active, soon, expired,
// revoked, full or high.
type badge struct{ Kind, Text string }

// code is text to copy. Label names it to those who cannot see it.
type code struct {
	ID, Label, Text string
	// Secret is shown once: the browser must not keep it.
	Secret bool
	// Wraps: its lines may be broken, as those of programs may not.
	Wraps bool
}

// initial is the letter that stands for a name.
func initial(name string) string {
	for _, letter := range name {
		return strings.ToUpper(string(letter))
	}
	return "?"
}
