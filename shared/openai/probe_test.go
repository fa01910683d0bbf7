package openai_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/openai"
)

// A server is alive when it lists its models, or has no such list; not when it refuses the key, is broken, silent or gone.
func TestR49_AProbeFindsADeadServer(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fault.Code{200: "", 404: "", 401: fault.Forbidden, 500: fault.Unavailable} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/v1/models" {
				t.Errorf("%s %s", r.Method, r.URL.Path)
			}
			w.WriteHeader(status)
		}))
		client, err := openai.New(openai.Config{BaseURL: server.URL + "/v1", Model: "m"})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Probe(t.Context()); fault.CodeOf(err) != want {
			t.Errorf("%d: %v, want %q", status, err, want)
		}
		client.Close()
		server.Close()
		if err := client.Probe(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("gone: %v", err)
		}
	}
}

func TestR49_AProbeOfASilentServerIsBounded(t *testing.T) {
	t.Parallel()
	var dialer net.Dialer
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := openai.New(openai.Config{BaseURL: "http://" + listener.Addr().String() + "/v1", Model: "m",
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	begun := time.Now()
	if err := client.Probe(t.Context()); !fault.Is(err, fault.Unavailable) || time.Since(begun) > 10*time.Second {
		t.Fatalf("%v after %s", err, time.Since(begun))
	}
}
