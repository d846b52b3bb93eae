package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var embedded embed.FS

// assets serves the page and its parts. Their tags are hashes of what they hold,
// so that a browser takes a new version as soon as there is one.
func assets() http.Handler {
	type file struct {
		data       []byte
		kind, etag string
	}
	files := map[string]file{}
	entries, err := fs.ReadDir(embedded, "assets")
	if err != nil {
		panic(err) // it is linked in
	}
	for _, entry := range entries {
		data, err := embedded.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		files["/"+entry.Name()] = file{data: data, kind: kindOf(entry.Name()), etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	files["/"] = files["/index.html"]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", f.kind)
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", f.etag)
		if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(f.data)
	})
}

// kindOf does not ask the machine for its types, which differ.
func kindOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}
