package local

import (
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/topology"
)

// openPage opens the folder of the built page; without one there is none, and browsers see the API's index.
func (a *App) openPage() error {
	root, err := os.OpenRoot(a.cfg.Server.Page)
	if err != nil {
		a.log.Info("there is no built page", "folder", a.cfg.Server.Page)
		return nil
	}
	a.onClose(root.Close)
	if _, err := root.Stat("index.html"); err == nil {
		a.page = root.FS()
	}
	return nil
}

// servePage answers a browser that wants the page or a file of it, and reports whether it did. Every address of the page is the
// same document; a client that does not ask for HTML gets the API's answer at the same address.
func (a *App) servePage(w http.ResponseWriter, r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if a.page == nil || !reads || ofAPI(r.URL.Path) || !a.knownHost(r.Host) {
		return false
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	info, err := fs.Stat(a.page, name)
	isFile := err == nil && info.Mode().IsRegular() && name != "index.html"
	if !isFile && !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", topology.PolicyPage)
	h.Set("Cache-Control", topology.CacheNever)
	if !isFile {
		name = "index.html"
	} else if strings.HasPrefix("/"+name, topology.PathAssets) {
		h.Set("Cache-Control", topology.CacheAlways) // their names change with their content
	}
	http.ServeFileFS(w, r, a.page, encoded(a.page, name, w, r))
	return true
}

// encoded gives the name of the file to send: what the build compressed goes out compressed to whoever takes it so.
func encoded(page fs.FS, name string, w http.ResponseWriter, r *http.Request) string {
	info, err := fs.Stat(page, name+".gz")
	if err != nil || !info.Mode().IsRegular() {
		return name
	}
	w.Header().Add("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || r.Header.Get("Range") != "" {
		return name
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name))) // else it is guessed from the compressed bytes
	return name + ".gz"
}

// ofAPI reports whether an address is never one of the page.
func ofAPI(address string) bool {
	return slices.ContainsFunc(topology.APIPrefixes(), func(prefix string) bool { return strings.HasPrefix(address, prefix) })
}
