package console

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by the name of their file, each with the layout and
// the components around it.
type pages map[string]*template.Template

// frame is what every page has around its own content.
type frame struct {
	Title string
	// User is who is signed in, nil where nobody is.
	User *signin.User
	// Organization is that of the page, "" where it has none, and Organizations
	// are those to choose from.
	Organization  string
	Organizations []string
	// Notice tells of what was just done.
	Notice string
}

// frame is the frame of a page for this visitor.
func (v *visit) frame(title string) frame {
	f := frame{Title: title, Organization: v.organization, Notice: v.takeNotice()}
	if v.who != nil {
		f.User, f.Organizations = &v.who.User, v.who.Organizations
	}
	return f
}

func (c *Console) parsePages() (pages, error) {
	around, err := template.New("layout.html").Funcs(c.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/components/*.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the layout: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("listing templates: %w", err)
	}
	all := pages{}
	for _, file := range files {
		name := path.Base(file)
		if name == "layout.html" {
			continue
		}
		page, err := around.Clone()
		if err == nil {
			page, err = page.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("parsing %s: %w", name, err)
		}
		all[name] = page
	}
	return all, nil
}

// functions are what templates can call.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"asset":          func(name string) string { return c.assets.paths[name] },
		"initial":        initial,
		"moment":         moment,
		"exactly":        exactly,
		"relatively":     func(t time.Time) template.HTML { return relatively(t, c.Now()) },
		"momentAndWords": func(t time.Time) template.HTML { return momentAndWords(t, c.Now()) },
	}
}

// buffers are for pages on their way out.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// compressors are reused: making one costs more than a page.
var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for levels that do not exist
	return w
}}

// render sends a page: content is the struct of the template with that name.
// Nothing is sent where the template fails.
func (v *visit) render(status int, name string, content any) error {
	page := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(page)
	page.Reset()
	if err := v.console.pages[name].Execute(page, content); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	v.status = status
	if !acceptsGzip(v.Request) {
		h.Set("Content-Length", strconv.Itoa(page.Len()))
		v.w.WriteHeader(status)
		_, _ = v.w.Write(page.Bytes()) // a client that went away is nobody's fault
		return nil
	}
	h.Set("Content-Encoding", "gzip")
	v.w.WriteHeader(status)
	if v.Method != http.MethodHead {
		w := compressors.Get().(*gzip.Writer)
		defer compressors.Put(w)
		w.Reset(v.w)
		_, _ = w.Write(page.Bytes())
		_ = w.Close()
	}
	return nil
}
