package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets/*
var assetFiles embed.FS

// assets are the files that pages load, by the paths that they are served at
// and by their names. A path changes with the content, so that browsers may
// keep what they have.
type assets struct {
	served map[string]asset
	paths  map[string]string
}

// asset is a file, compressed once for all.
type asset struct {
	mediaType         string
	plain, compressed []byte
}

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

func loadAssets() (assets, error) {
	all := assets{served: map[string]asset{}, paths: map[string]string{}}
	files, err := fs.Glob(assetFiles, "assets/*")
	if err != nil {
		return all, fmt.Errorf("listing assets: %w", err)
	}
	for _, file := range files {
		plain, err := assetFiles.ReadFile(file)
		if err != nil {
			return all, fmt.Errorf("reading an asset: %w", err)
		}
		name, extension := path.Base(file), path.Ext(file)
		sum := sha256.Sum256(plain)
		served := "/assets/" + strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:6]) + extension
		all.served[served] = asset{mediaTypes[extension], plain, compress(plain)}
		all.paths[name] = served
	}
	return all, nil
}

// compress is plain by gzip, as small as it gets.
func compress(plain []byte) []byte {
	var compressed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&compressed, gzip.BestCompression) // fails for levels that do not exist
	_, _ = w.Write(plain)                                          // a buffer takes everything
	_ = w.Close()
	return compressed.Bytes()
}

// ServeHTTP sends the file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.compressed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that went away is nobody's fault
}

// acceptsGzip reports whether the client says that it reads gzip, and does not
// give it the weight 0 (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for offer := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, weighed := strings.Cut(offer, ";q=")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return !weighed || err == nil && q > 0
	}
	return false
}
