package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/orcray/orcray/shared/topology"
)

// objectsPath is where signed requests to the object store are answered: under the server's own origin, so that a page needs
// no second one.
const objectsPath = topology.PathObjects

// front leads requests to the API or to the object store.
func (a *App) front() http.Handler {
	target, _ := url.Parse(a.gateway.Endpoint())
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, target.Host
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, objectsPath)
		r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.RawPath, objectsPath)
		for _, h := range []string{"Authorization", "Cookie", "Origin", "Referer"} {
			r.Out.Header.Del(h)
		}
	}, ModifyResponse: func(r *http.Response) error {
		r.Header.Set("X-Content-Type-Options", "nosniff")
		r.Header.Set("Content-Security-Policy", topology.PolicyData)
		return nil
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, objectsPath+"/") {
			if !a.servePage(w, r) {
				a.api.ServeHTTP(w, r)
			}
			return
		}
		if !a.knownHost(r.Host) || r.URL.Query().Get("X-Amz-Signature") == "" {
			http.Error(w, "Only signed requests are answered here.", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// knownHost keeps pages of other names, which resolve to this machine, away.
func (a *App) knownHost(host string) bool {
	hosts := a.hosts() // empty: any name, for a server that is meant to be reached from elsewhere
	return len(hosts) == 0 || slices.Contains(hosts, strings.ToLower(host))
}

// hosts are the names under which this server may be addressed.
func (a *App) hosts() []string {
	host, port, err := net.SplitHostPort(a.cfg.Server.Addr)
	if err != nil || a.cfg.Server.AllowRemote {
		return nil
	}
	return []string{net.JoinHostPort(host, port), "localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port}
}

// Serve answers on the configured address until ctx ends.
func (a *App) Serve(ctx context.Context, listener net.Listener) error {
	srv := &http.Server{Handler: a.front(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := srv.Shutdown(bounded); err != nil {
		return errors.Join(err, srv.Close())
	}
	return nil
}

// lock makes sure that one orcray works on a data folder at a time; the lock goes with the process, however it ends.
func (a *App) lock() error {
	f, err := os.OpenFile(a.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return fmt.Errorf("another orcray works on %s. Stop it with `make down`, or set ORCRAY_DATA to another folder", a.cfg.Data.Dir)
	}
	a.onClose(f.Close)
	return nil
}
