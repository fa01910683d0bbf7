// Package s3gateway is the object store of one machine: the versitygw S3 server in this process, on loopback, over a
// folder. It also gives temporary credentials to runs (object.Granter), as STS does on AWS.
//
// The server works relative to its folder, so that the working directory of the process is there until Close: every other
// path of the process must be absolute. One gateway can run per process at a time.
//
// Objects are files: a key `a` and a key `a/b` cannot both exist.
package s3gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/orcray/orcray/shared/fault"
)

// Bounds on the start: until the server answers, and for one question, which somebody else on the port may never answer.
const (
	startBound = 20 * time.Second
	askBound   = 2 * time.Second
)

// Options say where the gateway lives and what it takes from outside.
type Options struct {
	Dir     string           // data folder, absolute: objects, credentials, grants; made with mode 0700
	Address string           // loopback host:port; empty: a free port of 127.0.0.1
	Socket  string           // unix socket to listen on as well, absolute; empty: none
	Bucket  string           // made at start
	Region  string           // that clients sign for; empty: us-east-1
	Now     func() time.Time // decides what has expired; required
	Rand    io.Reader        // makes the credentials; required
}

// Gateway is a running server. It implements object.Granter.
type Gateway struct {
	options Options
	root    rootKey
	grants  *grants
	lock    *os.File // held while this gateway uses the folder
	before  string   // the working directory before the start
	stop    context.CancelFunc
	ended   chan error // gets the server's error, nil after Close
	once    sync.Once
	err     error
}

// Start runs the gateway and returns when the bucket can be used. ctx bounds the start only; Close ends the gateway.
// fault.Invalid tells of bad options, fault.Unavailable of a folder or port that cannot be used.
func Start(ctx context.Context, options Options) (*Gateway, error) {
	if err := options.fill(); err != nil {
		return nil, err
	}
	g := &Gateway{options: options, ended: make(chan error, 1)}
	backend, err := g.prepare()
	if err != nil {
		g.leave()
		return nil, fault.Wrap(err, fault.Unavailable,
			"The object store's folder cannot be used. Check who may write to it, and that no other process uses it.")
	}
	serving, stop := context.WithCancel(context.Background())
	g.stop = stop
	go func() {
		err := embedgw.RunVersityGW(serving, backend, g.config())
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		g.ended <- err
	}()
	if err := g.awaitBucket(ctx); err != nil {
		_ = g.Close()
		return nil, err
	}
	return g, nil
}

// fill completes the options, or says what is wrong with them.
func (o *Options) fill() error {
	if !filepath.IsAbs(o.Dir) || (o.Socket != "" && !filepath.IsAbs(o.Socket)) || o.Bucket == "" || o.Now == nil || o.Rand == nil {
		return fault.New(fault.Invalid, "The object store needs an absolute folder, a bucket, a clock and a source of randomness.")
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Address == "" {
		free, err := freeAddress()
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "No free port for the object store.")
		}
		o.Address = free
	}
	host, _, err := net.SplitHostPort(o.Address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fault.New(fault.Invalid, "The object store listens on a loopback address with a port only, such as 127.0.0.1:7070.")
	}
	return nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func (g *Gateway) objects() string { return filepath.Join(g.options.Dir, "objects") }

// prepare makes the folder ready. On an error the lock may be held.
func (g *Gateway) prepare() (served *posix.Posix, err error) {
	for _, dir := range []string{g.options.Dir, g.objects(), filepath.Join(g.options.Dir, "grants")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if err := g.lockFolder(); err != nil {
		return nil, err
	}
	if g.root, err = loadRoot(filepath.Join(g.options.Dir, "credentials.json"), g.options.Rand); err != nil {
		return nil, err
	}
	if g.grants, err = loadGrants(filepath.Join(g.options.Dir, "grants"), g.options); err != nil {
		return nil, err
	}
	if g.before, err = os.Getwd(); err != nil {
		return nil, err
	}
	return g.backend()
}

// leave undoes prepare. The working directory goes back, in case another gateway of this process depends on it.
func (g *Gateway) leave() {
	if g.before != "" {
		_ = os.Chdir(g.before)
	}
	_ = g.lock.Close()
}

// lockFolder keeps two processes from serving one folder. The lock ends with the process, however that ends.
func (g *Gateway) lockFolder() (err error) {
	if g.lock, err = os.OpenFile(filepath.Join(g.options.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err = syscall.Flock(int(g.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another process uses the folder: %w", err)
	}
	return nil
}

// backend keeps the objects' attributes in the file system where it can, and in files beside them where it cannot.
func (g *Gateway) backend() (*posix.Posix, error) {
	options := posix.PosixOpts{NewDirPerm: 0o700, NewFilePerm: 0o600, Concurrency: 256, CopyObjectThreshold: 5 << 30}
	if (meta.XattrMeta{}).Test(g.objects()) == nil {
		return posix.New(g.objects(), meta.XattrMeta{}, options)
	}
	options.SideCarDir = filepath.Join(g.options.Dir, "attributes")
	if err := os.MkdirAll(options.SideCarDir, 0o700); err != nil {
		return nil, err
	}
	sidecar, err := meta.NewSideCar(options.SideCarDir)
	if err != nil {
		return nil, err
	}
	return posix.New(g.objects(), sidecar, options)
}

// config: KeepAlive stays off, because the server misreads what follows a chunked upload with a checksum trailer, which
// is how pyarrow writes.
func (g *Gateway) config() *embedgw.Config {
	ports := []string{g.options.Address}
	if g.options.Socket != "" {
		ports = append(ports, g.options.Socket)
	}
	root := auth.Account{Access: g.root.AccessKeyID, Secret: g.root.SecretAccessKey, Role: auth.RoleAdmin}
	return &embedgw.Config{
		RootUserAccess: root.Access, RootUserSecret: root.Secret, Region: g.options.Region,
		Ports: ports, SocketPerm: "0666", // every request is signed; the socket's folder says who may connect at all
		MaxConnections: 2000, MaxRequests: 1000, MultipartMaxParts: 10_000,
		KeepAlive: false, Quiet: true,
		IAMService: &service{IAMService: auth.NewIAMServiceSingle(root), root: root, grants: g.grants},
	}
}

// awaitBucket asks until the server answers, and makes the bucket on the way.
func (g *Gateway) awaitBucket(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	client := s3.NewFromConfig(g.Config(), func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle, o.RetryMaxAttempts = aws.String(g.Endpoint()), true, 1
	})
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := g.makeBucket(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case ended := <-g.ended:
			g.ended <- ended
			return fault.Wrap(fmt.Errorf("gateway ended: %w", errors.Join(ended, err)), fault.Unavailable,
				"The object store did not start. Its port may be taken, or another one runs in this process.")
		case <-ctx.Done():
			return fault.Wrap(err, fault.Unavailable, "The object store did not start in time.")
		case <-again.C:
		}
	}
}

func (g *Gateway) makeBucket(ctx context.Context, client *s3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, askBound)
	defer cancel()
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &g.options.Bucket})
	if owned := (*types.BucketAlreadyOwnedByYou)(nil); errors.As(err, &owned) {
		return nil
	}
	return err
}

// Close ends the server and waits for it. It may be called twice.
func (g *Gateway) Close() error {
	g.once.Do(func() {
		g.stop()
		err := <-g.ended
		g.leave()
		g.err = fault.Wrap(err, fault.Unavailable, "The object store did not end properly.")
	})
	return g.err
}

// Endpoint is the gateway's URL, http://host:port.
func (g *Gateway) Endpoint() string { return "http://" + g.options.Address }

// Bucket is the one bucket.
func (g *Gateway) Bucket() string { return g.options.Bucket }

// Config is how our own services sign: the root credentials and the region. They never leave the house.
func (g *Gateway) Config() aws.Config {
	return aws.Config{
		Region: g.options.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: g.root.AccessKeyID, SecretAccessKey: g.root.SecretAccessKey}, nil
		}),
	}
}
