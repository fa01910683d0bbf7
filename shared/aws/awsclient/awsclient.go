// Package awsclient is what every client of AWS here has in common: how long it waits, how often it asks again, and what
// the errors of the SDK mean.
//
// One layer repeats, and only one: the SDK's standard retryer as set here. Adapters switch it off where a repetition would
// find its own success (dynamo's single writes). The longest that one call of a client can take is Options.Longest.
package awsclient

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/orcray/orcray/shared/fault"
)

// Options of all clients. Zero values mean the default, which is made for Lambdas: a call that fails does so before the
// function's own time is up.
type Options struct {
	Connect  time.Duration // until a connection stands, TLS included; 1 s each
	Attempt  time.Duration // until one attempt has its answer; 4 s, and longer for calls that say so (Longer) or send much
	Idle     time.Duration // without a byte on a connection that is in use; 30 s, which a long poll of 20 s must fit into
	Attempts int           // in all; 4
	Pause    time.Duration // at most between two attempts; 1 s

	Endpoint    string                  // instead of the region's own, for everything on the wire of tests
	Endpoints   Endpoints               // the same for single services
	Credentials aws.CredentialsProvider // who asks; always given
	HTTP        aws.HTTPClient          // instead of the transport made here
}

func (o *Options) fill() {
	setDuration(&o.Connect, time.Second)
	setDuration(&o.Attempt, 4*time.Second)
	setDuration(&o.Idle, 30*time.Second)
	setDuration(&o.Pause, time.Second)
	if o.Attempts <= 0 {
		o.Attempts = 4
	}
}

func setDuration(d *time.Duration, normal time.Duration) {
	if *d <= 0 {
		*d = normal
	}
}

// Longest is how long a call may take until it gives up, when nothing answers.
func (o Options) Longest() time.Duration {
	o.fill()
	return time.Duration(o.Attempts)*o.Attempt + time.Duration(o.Attempts-1)*o.Pause
}

// Endpoints are addresses of services by the SDK's names of them; the SDK finds them among a configuration's sources.
type Endpoints map[string]string

// GetServiceBaseEndpoint is how the SDK asks.
func (e Endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	address, ok := e[service]
	return address, ok, nil
}

// Config is what all clients of a process are made from. It is made by hand, with the values that the SDK's own loader has when
// nothing is set: the loader brings files, sign-in services and the addresses of machines along, which no function has and which
// each would carry and start with.
func Config(region string, o Options) (aws.Config, error) {
	if region == "" || o.Credentials == nil {
		return aws.Config{}, fault.New(fault.Internal, "A client of AWS needs a region and credentials.")
	}
	o.fill()
	made := aws.Config{
		Region: region, Credentials: aws.NewCredentialsCache(o.Credentials), Retryer: o.retryer, APIOptions: []func(*stack) error{watched(o.Attempt)},
		HTTPClient: o.HTTP, ConfigSources: []any{o.Endpoints}, DefaultsMode: aws.DefaultsModeLegacy, AccountIDEndpointMode: aws.AccountIDEndpointModePreferred,
		RequestMinCompressSizeBytes: 10 << 10, RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}
	if o.Endpoint != "" {
		made.BaseEndpoint = &o.Endpoint
	}
	if o.HTTP == nil {
		made.HTTPClient = o.transport()
	}
	return made, nil
}

// retryer is the SDK's standard one, with its budget: when much fails, repetitions stop before they become the load.
func (o Options) retryer() aws.Retryer {
	return retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = o.Attempts
		s.MaxBackoff = o.Pause
		s.Backoff = pauses{retry.NewExponentialJitterBackoff(scale * o.Pause)}
	})
}

// pauses are the SDK's with their jitter, made shorter: its steps begin at a second, a busy service is over it in less.
type pauses struct{ long retry.BackoffDelayer }

const scale = 10

// BackoffDelay implements retry.BackoffDelayer.
func (p pauses) BackoffDelay(attempt int, err error) (time.Duration, error) {
	delay, err := p.long.BackoffDelay(attempt, err)
	return delay / scale, err
}

func (o Options) transport() aws.HTTPClient {
	dialer := &net.Dialer{Timeout: o.Connect, KeepAlive: 15 * time.Second}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.TLSHandshakeTimeout = o.Connect
		t.IdleConnTimeout = o.Idle / 2 // before the connection's own bound can meet a new request
		t.MaxIdleConnsPerHost = 64
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &lively{Conn: conn, idle: o.Idle}, nil
		}
	})
}

// lively is a connection that fails when nothing moves on it for too long. This bounds what an attempt's time cannot: the
// body of a download, which is read after the call has returned.
type lively struct {
	net.Conn
	idle time.Duration
}

// Read implements net.Conn.
func (l *lively) Read(p []byte) (int, error) {
	if err := l.SetReadDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}
	return l.Conn.Read(p)
}

// Write implements net.Conn. The answer to what is written now has its whole time again.
func (l *lively) Write(p []byte) (int, error) {
	if err := l.SetDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}
