package local

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orcray/orcray/shared/config"
)

func TestR52_ThePageIsServedFromItsFolder(t *testing.T) {
	t.Parallel()
	a := &App{cfg: config.Config{Server: config.Server{Addr: "127.0.0.1:8080"}}, page: fstest.MapFS{
		"index.html":         {Data: []byte("<title>orcray</title>")},
		"assets/app-1234.js": {Data: []byte("go()")},
	}}
	const html, any = "text/html,*/*", "*/*"
	for _, c := range []struct{ name, method, host, path, accept, want string }{
		{"the start", "GET", "127.0.0.1:8080", "/", html, "<title>"},
		{"a deep address", "GET", "127.0.0.1:8080", "/ask/01S/01J", html, "<title>"},
		{"an address that is also a short path", "GET", "localhost:8080", "/history/01S", html, "<title>"},
		{"a file", "GET", "127.0.0.1:8080", "/assets/app-1234.js", any, "go()"},
		{"a client of the API", "GET", "127.0.0.1:8080", "/history/01S", "application/json", ""},
		{"the API", "GET", "127.0.0.1:8080", "/api/v1/jobs", html, ""},
		{"health in a browser", "GET", "127.0.0.1:8080", "/health", html, ""},
		{"a form", "POST", "127.0.0.1:8080", "/", html, ""},
		{"another name", "GET", "evil.example", "/", html, ""},
		{"a way out", "GET", "127.0.0.1:8080", "/assets/../../etc/passwd", any, ""},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+"/", nil)
		r.URL.Path = c.path
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		served := a.servePage(w, r)
		if served != (c.want != "") || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: served=%v %q", c.name, served, w.Body)
		}
		if served && (!strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self';") || w.Header().Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: %v", c.name, w.Header())
		}
	}
	if (&App{}).servePage(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) {
		t.Error("a page was served that was never built")
	}
}

func TestP11_ThePageGoesOutCompressedToWhoeverTakesItSo(t *testing.T) {
	t.Parallel()
	a := &App{cfg: config.Config{Server: config.Server{Addr: "127.0.0.1:8080"}}, page: fstest.MapFS{
		"index.html":         {Data: []byte("<title>orcray</title>")},
		"assets/app-1.js":    {Data: []byte("go()")},
		"assets/app-1.js.gz": {Data: []byte("squeezed")},
	}}
	for _, c := range []struct{ path, accept, part, encoding, want string }{
		{"/assets/app-1.js", "gzip, br", "", "gzip", "squeezed"},
		{"/assets/app-1.js", "", "", "", "go()"},
		{"/assets/app-1.js", "gzip", "bytes=0-1", "", "go"},
		{"/", "gzip", "", "", "<title>"},
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:8080"+c.path, nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Encoding", c.accept)
		r.Header.Set("Range", c.part)
		w := httptest.NewRecorder()
		if !a.servePage(w, r) || !strings.HasPrefix(w.Body.String(), c.want) || w.Header().Get("Content-Encoding") != c.encoding {
			t.Errorf("%+v: %q %v", c, w.Body, w.Header())
		}
		if strings.HasSuffix(c.path, ".js") && !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("%+v: type %q", c, w.Header().Get("Content-Type"))
		}
	}
}
