package pat

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

// A struct's hidden fields print without asking their methods, so the secret
// must not lie where fmt finds it.
type hiding struct {
	name   string
	secret Secret
}

type showing struct {
	Name   string
	Secret Secret
	List   []Secret
	Map    map[string]Secret
	Any    any
	Ref    *Secret
}

type embedding struct {
	Secret

	Name string
}

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	secret, err := ParseSecret(vector)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"secret":            secret,
		"pointer":           &secret,
		"slice":             []Secret{secret},
		"any slice":         []any{secret, &secret},
		"map":               map[string]Secret{"a": secret},
		"exported field":    showing{"a", secret, []Secret{secret}, map[string]Secret{"a": secret}, secret, &secret},
		"hidden field":      hiding{"a", secret},
		"pointer to hidden": &hiding{"a", secret},
		"slice of hidden":   []hiding{{"a", secret}},
		"map of hidden":     map[string]hiding{"a": {"a", secret}},
		"embedding":         embedding{secret, "a"},
		"anonymous":         struct{ s Secret }{secret},
		"error":             fmt.Errorf("presented %v: %w", secret, errors.New("refused")),
		"creation": struct {
			t Token
			s Secret
		}{Token{}, secret},
	}
	for name, value := range values {
		for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "t", "o", "b", "c", "U", "e", "f", "p", "T", "w", "z", "10s", ".84s", "#x", " x", "+q"} {
			leaks(t, name+" under %"+verb, fmt.Sprintf("%"+verb, value))
		}
		noVerb := ""
		leaks(t, name+" as a superfluous argument", fmt.Sprintf(noVerb, value)) //nolint:staticcheck // the mistake is the point
		leaks(t, name+" printed", fmt.Sprint("a", value, 1)+fmt.Sprintln(value))
		leaks(t, name+" in an error", fmt.Errorf("storing %v: %+v", value, value).Error())
		if text, err := json.Marshal(value); err == nil {
			leaks(t, name+" in JSON", string(text))
		}
		if text, err := xml.Marshal(value); err == nil {
			leaks(t, name+" in XML", string(text))
		}
		var out bytes.Buffer
		if err := gob.NewEncoder(&out).Encode(value); err == nil {
			leaks(t, name+" in gob", out.String())
		}
		out.Reset()
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			log := slog.New(handler).With("with", value)
			log.Info("secret", "key", value, slog.Group("group", "key", value))
		}
		leaks(t, name+" in a log", out.String())
		out.Reset()
		if err := template.Must(template.New("").Parse("{{.}} {{printf `%v %q` . .}}")).Execute(&out, value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		leaks(t, name+" in a template", out.String())
	}
}

func TestSecretSaysRedacted(t *testing.T) {
	t.Parallel()
	secret, err := ParseSecret(vector)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"token": secret})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("minted", "token", secret)
	for how, got := range map[string]string{
		"%v": fmt.Sprintf("%v", secret), "%#v": fmt.Sprintf("%#v", secret), "%x": fmt.Sprintf("%x", secret),
		"String": secret.String(), "GoString": secret.GoString(), "JSON": string(text), "log": log.String(),
	} {
		if !strings.Contains(got, "redacted") {
			t.Errorf("%s = %q, want it to say redacted", how, got)
		}
	}
}

// leaks fails the test where a run of eight characters of the vector is in
// text, plain, in hexadecimal or as numbers.
func leaks(t *testing.T, where, text string) {
	t.Helper()
	piece := vector[markAt-2 : markAt+8]
	for _, form := range []string{
		piece, strings.ToLower(piece), fmt.Sprintf("%x", piece), fmt.Sprintf("%X", piece), fmt.Sprintf("% x", piece),
		strings.Trim(fmt.Sprint([]byte(piece)), "[]"), strings.Trim(fmt.Sprintf("%#v", []byte(piece)), "[]byte{}"),
	} {
		if strings.Contains(text, form) {
			t.Errorf("%s: the secret shows", where)
		}
	}
}
