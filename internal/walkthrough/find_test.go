package walkthrough_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Roles of elements, as screen readers tell them, in Chromium's words.
const (
	button   = "button"
	checkbox = "checkbox"
	choice   = "combobox"
	day      = "Date"
	group    = "group"
	heading  = "heading"
	link     = "link"
	fold     = "DisclosureTriangle"
	menu     = "DisclosureTriangleGrouped"
	radio    = "radio"
	row      = "row"
	search   = "searchbox"
	textbox  = "textbox"
)

// element is a part of a page. It is found anew each time it is used, for pages
// change.
type element struct {
	b *browser
	// within is what it is part of, nil for the page.
	within     *element
	role, name string
}

// the is the element with that role and name. The name is the whole of it, or
// where nothing has that name, a part of it.
func (b *browser) the(role, name string) *element { return &element{b: b, role: role, name: name} }

// the is the element with that role and name in e.
func (e *element) the(role, name string) *element {
	return &element{b: e.b, within: e, role: role, name: name}
}

func (e *element) String() string {
	if e.within != nil {
		return fmt.Sprintf("the %s %q in %s", e.role, e.name, e.within)
	}
	return fmt.Sprintf("the %s %q", e.role, e.name)
}

// find finds the element, and fails where there is none.
func (e *element) find(ctx context.Context) (cdp.BackendNodeID, error) {
	found, err := e.all(ctx)
	if err != nil {
		return 0, err
	}
	var names []string
	for _, like := range []func(string) bool{
		func(name string) bool { return name == e.name },
		func(name string) bool { return strings.Contains(name, e.name) },
	} {
		for _, node := range found {
			if like(nameOf(node)) {
				return node.BackendDOMNodeID, nil
			}
		}
	}
	for _, node := range found {
		names = append(names, nameOf(node))
	}
	return 0, fmt.Errorf("there is no %s %q, but %q", e.role, e.name, names)
}

// all are the elements of the role.
func (e *element) all(ctx context.Context) ([]*accessibility.Node, error) {
	query := accessibility.QueryAXTreeParams{Role: e.role}
	if e.within != nil {
		id, err := e.within.find(ctx)
		if err != nil {
			return nil, err
		}
		query.BackendNodeID = id
	} else {
		document, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"})
		if err != nil {
			return nil, err
		}
		query.ObjectID = document.Result.ObjectID
	}
	result, err := chromedp.Call(ctx, accessibility.QueryAXTree, query)
	if err != nil {
		return nil, err
	}
	var shown []*accessibility.Node
	for _, node := range result.Nodes {
		if !node.Ignored {
			shown = append(shown, node)
		}
	}
	return shown, nil
}

// nameOf is how a node is called, with its spaces as they are read.
func nameOf(node *accessibility.Node) string {
	if node.Name == nil {
		return ""
	}
	var name string
	if err := json.Unmarshal([]byte(node.Name.Value), &name); err != nil {
		return ""
	}
	return plain(name)
}

// shown waits until the element is on the page.
func (e *element) shown() *element {
	e.b.Helper()
	e.b.until(e.String(), func(ctx context.Context) error {
		_, err := e.find(ctx)
		return err
	})
	return e
}

// count is how many elements of the role there are, whatever their names.
func (e *element) count() int {
	e.b.Helper()
	ctx, cancel := context.WithTimeout(e.b.ctx, patience)
	defer cancel()
	found, err := e.all(ctx)
	if err != nil {
		e.b.fatal("counting each %s: %v", e.role, err)
	}
	return len(found)
}

// absent fails where the element is on the page.
func (e *element) absent() {
	e.b.Helper()
	ctx, cancel := context.WithTimeout(e.b.ctx, patience)
	defer cancel()
	if _, err := e.find(ctx); err == nil {
		e.b.Errorf("at %s there is %s, want none", e.b.place(), e)
	}
}

// center is the middle of what a person sees of the element and can click. The
// box of a choice may be drawn by its label.
const center = `function() {
	const seen = this.type === "radio" || this.type === "checkbox" ? this.labels[0] ?? this : this;
	seen.scrollIntoView({ block: "center", behavior: "instant" });
	const box = [...seen.getClientRects()].find(r => r.width > 1 && r.height > 1);
	if (!box) return null;
	const x = box.x + Math.min(box.width / 2, 60), y = box.y + Math.min(box.height / 2, 20);
	const hit = document.elementFromPoint(x, y);
	return hit && (seen.contains(hit) || hit.contains(seen)) ? { x, y } : null;
}`

// click clicks the element with the mouse.
func (e *element) click() {
	e.b.Helper()
	var at struct{ X, Y float64 }
	e.b.until(e.String()+" to click", func(ctx context.Context) error {
		value, err := e.ask(ctx, center)
		if err != nil {
			return err
		}
		if string(value) == "null" {
			return fmt.Errorf("%s is out of sight, or under something else", e)
		}
		return json.Unmarshal(value, &at)
	})
	e.b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// press clicks what leads to another page, and waits for that.
func (e *element) press() {
	e.b.Helper()
	e.b.leave(e.click)
}

// ask calls a function of JavaScript on the element. Its value is JSON.
func (e *element) ask(ctx context.Context, function string, arguments ...any) ([]byte, error) {
	id, err := e.find(ctx)
	if err != nil {
		return nil, err
	}
	node, err := chromedp.Call(ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id})
	if err != nil {
		return nil, err
	}
	on := func(p *runtime.CallFunctionOnParams) { p.ObjectID = node.Object.ObjectID }
	return chromedp.Run(ctx, chromedp.CallFunctionOn[[]byte](function, on, arguments...))
}

// tell is ask that waits until the element is there.
func (e *element) tell(function string, arguments ...any) (answer []byte) {
	e.b.Helper()
	e.b.until(e.String(), func(ctx context.Context) (err error) {
		answer, err = e.ask(ctx, function, arguments...)
		return err
	})
	return answer
}

// fill replaces what a field has.
func (e *element) fill(text string) {
	e.b.Helper()
	if e.role == day { // is typed in the order of the visitor's language
		e.tell(`function(text) { this.value = text; this.dispatchEvent(new Event("input", { bubbles: true })); this.dispatchEvent(new Event("change", { bubbles: true })); }`, text)
		return
	}
	e.tell(`function() { this.focus(); this.select(); }`)
	call(e.b, input.InsertText, input.InsertTextParams{Text: text})
	if got := e.value(); got != text {
		e.b.fatal("%s has %q after typing, want %q", e, got, text)
	}
}

// value is what a field has.
func (e *element) value() string {
	e.b.Helper()
	var value string
	if err := json.Unmarshal(e.tell(`function() { return this.value }`), &value); err != nil {
		e.b.fatal("the value of %s: %v", e, err)
	}
	return value
}

// text is what a person reads in the element.
func (e *element) text() string {
	e.b.Helper()
	var text string
	if err := json.Unmarshal(e.tell(`function() { return this.innerText }`), &text); err != nil {
		e.b.fatal("the text of %s: %v", e, err)
	}
	return plain(text)
}

// plain is text as it is read: with single spaces, and without the marks that
// isolate the direction of what is written by others.
func plain(text string) string {
	return strings.Join(strings.Fields(isolates.Replace(text)), " ")
}

var isolates = strings.NewReplacer("\u2066", "", "\u2067", "", "\u2068", "", "\u2069", "")

// checked reports whether a choice is chosen.
func (e *element) checked() bool {
	e.b.Helper()
	return string(e.tell(`function() { return this.checked }`)) == "true"
}

// choose chooses a choice that is not yet.
func (e *element) choose() {
	e.b.Helper()
	if e.checked() {
		return
	}
	e.click()
	e.b.until(e.String()+" to be chosen", func(ctx context.Context) error {
		if value, err := e.ask(ctx, `function() { return this.checked }`); err != nil || string(value) != "true" {
			return fmt.Errorf("it is not: %w", cmp.Or(err, errNotYet))
		}
		return nil
	})
}

// pick chooses the option with that text in its own, or its group's, of a list.
func (e *element) pick(option string) {
	e.b.Helper()
	if string(e.tell(`function(text) {
		const option = [...this.options].find(o => ((o.parentElement.label ?? "") + ": " + o.text).includes(text));
		if (option) { this.value = option.value; this.dispatchEvent(new Event("change", { bubbles: true })); }
		return !!option;
	}`, option)) != "true" {
		e.b.fatal("%s has no option %q", e, option)
	}
}

// at waits for the page with that heading.
func (b *browser) at(title string) {
	b.Helper()
	b.until(fmt.Sprintf("the page %q", title), func(ctx context.Context) error {
		if err := b.settled(ctx); err != nil {
			return err
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(document.querySelector("h1")?.innerText ?? "").trim()`))
		if err == nil && got != title {
			err = fmt.Errorf("the page is %q", got)
		}
		return err
	})
}

// isAt waits for the page with that path and query.
func (b *browser) isAt(want string) {
	b.Helper()
	b.until("the page at "+want, func(ctx context.Context) error {
		if err := b.settled(ctx); err != nil {
			return err
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + location.search`))
		if err == nil && got != want {
			err = fmt.Errorf("the page is at %s", withoutQuery(got))
		}
		return err
	})
}

// read is what a person reads on the page.
func (b *browser) read() string {
	b.Helper()
	return plain(evaluate[string](b, `document.body.innerText`))
}

// reads waits until the page has that text.
func (b *browser) reads(text string) {
	b.Helper()
	b.until(fmt.Sprintf("the text %q", text), func(ctx context.Context) error {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		if err == nil && !strings.Contains(plain(got), text) {
			err = errNotYet
		}
		return err
	})
}
