package modeltest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Host is what scripted servers are built on: a loopback listener, and waits that end with it.
type Host struct {
	Script
	server *httptest.Server
	leave  chan struct{}
	once   sync.Once
}

// Serve starts the listener on a free port. Close it.
func (h *Host) Serve(handler http.Handler) {
	h.leave = make(chan struct{})
	h.server = httptest.NewServer(handler)
}

// Root is the address of the listener, without a path.
func (h *Host) Root() string { return h.server.URL }

// Close ends the server and every stalled reply; a second call does nothing.
func (h *Host) Close() {
	h.once.Do(func() {
		close(h.leave)
		h.server.CloseClientConnections()
		h.server.Close()
	})
}

// Wait blocks until the gate opens (a nil gate never does), the client leaves, or the server closes.
func (h *Host) Wait(client context.Context, gate <-chan struct{}) bool {
	select {
	case <-gate:
		return true
	case <-client.Done():
	case <-h.leave:
	}
	return false
}

// Pieces hands out a behaviour's pieces, each when its gate is open; false when the client or the server left before the end.
func (h *Host) Pieces(client context.Context, b Behaviour, write func(piece string)) bool {
	for i, piece := range b.Pieces {
		if i > 0 && b.Gate != nil && !h.Wait(client, b.Gate) {
			return false
		}
		write(piece)
	}
	return true
}
