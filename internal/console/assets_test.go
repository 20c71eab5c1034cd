package console

import (
	"net/http"
	"testing"
)

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"":                         false,
		"gzip":                     true,
		"gzip, deflate, br, zstd":  true,
		"deflate, GZIP;q=0.5":      true,
		"gzip;q=0":                 false,
		"gzip;q=0.0":               false,
		"br, gzip;q=0.000":         false,
		"gzip;q=nonsense":          false,
		"identity":                 false,
		"x-gzip":                   false,
		"identity;q=1, gzip;q=1.0": true,
	} {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {header}}}
		if got := acceptsGzip(r); got != want {
			t.Errorf("acceptsGzip(%q) = %v, want %v", header, got, want)
		}
	}
}
