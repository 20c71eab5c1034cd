package devidp

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// pages renders what people see. A page loads only the provider's own style
// sheet and, to send a form by itself, its own script.
type pages struct {
	templates *template.Template
	assets    map[string]asset // by the name they are served under
	versioned map[string]string
}

type asset struct {
	contentType string
	content     []byte
}

type userView struct {
	ObjectID, Name, Username, Initials string
	Hinted                             bool
}

type signInView struct {
	Action   string
	Context  string
	Client   string
	UserCode string
	Domain   string
	Hint     string
	Problem  string
	Users    []userView
	Refusals []choiceGroup
}

type deviceView struct {
	Action, Typed, Problem string
}

type messageView struct {
	Title, Text string
	Details     []detail
}

type detail struct {
	Name, Value string
}

type field struct {
	Name, Value string
}

type formPostView struct {
	Action string
	Fields []field
}

func newPages() (*pages, error) {
	p := &pages{assets: make(map[string]asset), versioned: make(map[string]string)}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	files, err := fs.Glob(assetFiles, "assets/*")
	if err != nil {
		return nil, fmt.Errorf("listing assets: %w", err)
	}
	for _, file := range files {
		content, err := assetFiles.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading asset: %w", err)
		}
		name, ext := path.Base(file), path.Ext(file)
		sum := sha256.Sum256(content)
		served := name[:len(name)-len(ext)] + "-" + hex.EncodeToString(sum[:6]) + ext
		p.versioned[name] = served
		p.assets[served] = asset{types[ext], content}
	}
	p.templates, err = template.New("").Funcs(template.FuncMap{
		"asset": func(name string) string { return "/assets/" + p.versioned[name] },
	}).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing templates: %w", err)
	}
	return p, nil
}

func (p *pages) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := p.assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(a.content) // a client that went away is nobody's fault
}

func (p *pages) signIn(w http.ResponseWriter, status int, view signInView) error {
	return p.render(w, status, "signin.html", view)
}

func (p *pages) device(w http.ResponseWriter, status int, view deviceView) error {
	return p.render(w, status, "device.html", view)
}

func (p *pages) message(w http.ResponseWriter, status int, view messageView) error {
	return p.render(w, status, "message.html", view)
}

// formPost answers an authorization request by a form that sends itself to the
// client (OAuth 2.0 Form Post Response Mode).
func (p *pages) formPost(w http.ResponseWriter, action string, values url.Values) error {
	view := formPostView{Action: action}
	for name := range values {
		view.Fields = append(view.Fields, field{name, values.Get(name)})
	}
	slices.SortFunc(view.Fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return p.render(w, http.StatusOK, "formpost.html", view)
}

// render writes a page. Its policy does not limit where forms lead: browsers
// hold the redirect after the sign-in form against such a limit too.
func (p *pages) render(w http.ResponseWriter, status int, name string, view any) error {
	var buf bytes.Buffer
	if err := p.templates.ExecuteTemplate(&buf, name, view); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that went away is nobody's fault
	return nil
}

// failPage shows an error to the person. It never leads anywhere else.
func (p *Provider) failPage(w http.ResponseWriter, r *http.Request, err error) {
	ref, body := p.describe(r, err)
	view := messageView{
		Title: "Sorry, but we're having trouble signing you in",
		Text:  ref.Error(),
		Details: []detail{
			{"Error", body.Error},
			{"Trace ID", body.TraceID},
			{"Correlation ID", body.CorrelationID},
			{"Timestamp", body.Timestamp},
		},
	}
	if err := p.pages.message(w, ref.Status, view); err != nil {
		http.Error(w, "rendering the page failed", http.StatusInternalServerError)
	}
}
