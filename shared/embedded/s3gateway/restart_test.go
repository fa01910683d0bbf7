package s3gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orcray/orcray/shared/embedded/s3gateway"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

func reader(c object.Credentials, transport http.RoundTripper) *awss3.Client {
	return awss3.New(awss3.Options{
		Region: c.Region, BaseEndpoint: &c.Endpoint, UsePathStyle: true, RetryMaxAttempts: 1,
		HTTPClient: &http.Client{Transport: transport, Timeout: time.Minute},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
		}),
	})
}

func read(t *testing.T, client *awss3.Client, bucket, key string) (string, error) {
	t.Helper()
	out, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	return string(body), err
}

// TestS6_GatewayGoesOnAfterARestart: objects, root credentials and the grants of runs outlive the gateway.
func TestS6_GatewayGoesOnAfterARestart(t *testing.T) {
	c := &clock{}
	options := s3gateway.Options{Dir: filepath.Join(t.TempDir(), "store"), Now: c.Now}
	first := start(t, options)
	body := []byte("kept")
	if err := storeOf(first, time.Now).Put(t.Context(), "u/ann/data", "text/plain", bytes.NewReader(body), 4); err != nil {
		t.Fatal(err)
	}
	lasting, err := first.Grant(t.Context(), object.Scope{Read: []string{"u/ann/data"}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ending, err := first.Grant(t.Context(), object.Scope{Read: []string{"u/ann/data"}}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	root, err := first.Config().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	c.Advance(2 * time.Minute)
	options.Address = strings.TrimPrefix(first.Endpoint(), "http://")
	second := start(t, options)
	if again, err := second.Config().Credentials.Retrieve(t.Context()); err != nil || again != root {
		t.Error("the root credentials have changed")
	}
	if info, err := storeOf(second, time.Now).Head(t.Context(), "u/ann/data"); err != nil || info.Size != 4 || info.ContentType != "text/plain" {
		t.Errorf("the object is now %+v, %v", info, err)
	}
	if got, err := read(t, reader(lasting, http.DefaultTransport), lasting.Bucket, "u/ann/data"); err != nil || got != "kept" {
		t.Errorf("the run's credentials: %q, %v", got, err)
	}
	if _, err := read(t, reader(ending, http.DefaultTransport), ending.Bucket, "u/ann/data"); err == nil {
		t.Error("credentials that ended meanwhile still read")
	}
	onlyOwnerReads(t, options.Dir)
}

// onlyOwnerReads walks the data folder: nobody else may open anything in it.
func onlyOwnerReads(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if path == dir && info.Mode().Perm() != 0o700 {
			t.Errorf("the data folder has mode %v", info.Mode())
		}
		if name := entry.Name(); name == "credentials.json" || strings.HasPrefix(name, "ASIA") {
			files++
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", name, info.Mode())
			}
		}
		return nil
	})
	if err != nil || files != 2 {
		t.Errorf("%d files with secrets, %v; want the root's and the lasting grant's", files, err)
	}
}

// TestS8_GatewayOnAUnixSocket: a run without network reaches the store through a socket, with the same rights.
func TestS8_GatewayOnAUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "gw") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s3.sock")
	for range 2 { // the second time over the file that the first one left
		gateway := start(t, s3gateway.Options{Dir: filepath.Join(dir, "store"), Socket: socket, Now: time.Now})
		if err := storeOf(gateway, time.Now).Put(t.Context(), "u/ann/data", "text/plain", strings.NewReader("by socket"), 9); err != nil {
			t.Fatal(err)
		}
		c, err := gateway.Grant(t.Context(), object.Scope{Read: []string{"u/ann/data"}}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}
		if got, err := read(t, reader(c, transport), c.Bucket, "u/ann/data"); err != nil || got != "by socket" {
			t.Errorf("through the socket: %q, %v", got, err)
		}
		if _, err := read(t, reader(c, transport), c.Bucket, "u/bob/data"); err == nil {
			t.Error("the socket gives more than the grant")
		}
		transport.CloseIdleConnections()
		if err := gateway.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestS8_GatewayRefusesBadOptions(t *testing.T) {
	good := s3gateway.Options{Dir: t.TempDir(), Bucket: "orcray-data", Now: time.Now, Rand: rand.Reader}
	for name, change := range map[string]func(*s3gateway.Options){
		"every interface":   func(o *s3gateway.Options) { o.Address = "0.0.0.0:0" },
		"no host":           func(o *s3gateway.Options) { o.Address = ":7070" },
		"public address":    func(o *s3gateway.Options) { o.Address = "192.0.2.1:7070" },
		"name":              func(o *s3gateway.Options) { o.Address = "localhost:7070" },
		"relative folder":   func(o *s3gateway.Options) { o.Dir = "data" },
		"relative socket":   func(o *s3gateway.Options) { o.Socket = "s3.sock" },
		"no bucket":         func(o *s3gateway.Options) { o.Bucket = "" },
		"no clock":          func(o *s3gateway.Options) { o.Now = nil },
		"no random numbers": func(o *s3gateway.Options) { o.Rand = nil },
	} {
		options := good
		change(&options)
		if gateway, err := s3gateway.Start(t.Context(), options); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: started %v, %v", name, gateway, err)
		}
	}
	options := good
	options.Rand = brokenRandom{}
	if _, err := s3gateway.Start(t.Context(), options); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without randomness: %v, want unavailable", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	options = good
	options.Address = taken.Addr().String()
	if _, err := s3gateway.Start(t.Context(), options); !fault.Is(err, fault.Unavailable) {
		t.Errorf("on a taken port: %v, want unavailable", err)
	}
}

// TestS8_OneGatewayPerFolder: a second one would serve the same files by other rules.
func TestS8_OneGatewayPerFolder(t *testing.T) {
	options := s3gateway.Options{Dir: filepath.Join(t.TempDir(), "store"), Bucket: "orcray-data", Now: time.Now, Rand: rand.Reader}
	first := start(t, options)
	if second, err := s3gateway.Start(t.Context(), options); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("a second gateway on the folder: %v, %v", second, err)
	}
	options.Dir = t.TempDir()
	if second, err := s3gateway.Start(t.Context(), options); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("a second gateway in the process: %v, %v", second, err)
	}
	if err := storeOf(first, time.Now).Put(t.Context(), "u/ann/data", "text/plain", strings.NewReader("x"), 1); err != nil {
		t.Fatalf("the first one after that: %v", err)
	}
}

type brokenRandom struct{}

func (brokenRandom) Read([]byte) (int, error) { return 0, errors.New("no entropy") }
