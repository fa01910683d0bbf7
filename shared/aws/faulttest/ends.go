package faulttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/fault"
)

// Answered are bounds in which a test sees a client give up on faults that are answered at once: an attempt is long, so that a busy
// machine is not taken for a silent service.
func Answered() awsclient.Options {
	return awsclient.Options{Attempt: 10 * time.Second, Pause: 20 * time.Millisecond, Attempts: 3}
}

// unanswered are bounds in which a test sees a client give up on a service that is silent.
func unanswered() awsclient.Options {
	options := Answered()
	options.Attempt = 100 * time.Millisecond
	return options
}

// Patient are bounds for calls that must succeed in the end, on a machine that is busy.
func Patient() awsclient.Options {
	return awsclient.Options{Attempt: time.Second, Pause: 50 * time.Millisecond, Attempts: 5}
}

// Config is one whose requests meet the faults, and nobody beyond them but an empty answer: for calls that never succeed.
func Config(t testing.TB, options awsclient.Options, choose func(string, int) Fault) (aws.Config, *Client) {
	t.Helper()
	client := New(nowhere{}, choose)
	options.HTTP, options.Endpoint = client, "http://127.0.0.1:1"
	options.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "testing", SecretAccessKey: "testing"}, nil
	})
	config, err := awsclient.Config("us-east-1", options)
	if err != nil {
		t.Fatal(err)
	}
	return config, client
}

// nowhere answers every request with nothing, as a service does that has no more to say.
type nowhere struct{}

func (nowhere) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

// Ends makes every request of calls fail, with each fault, and demands that each call ends with the fault's own code within
// its bound, and that the person is told nothing of the inside. calls makes them on a client of the configuration.
func Ends(t *testing.T, calls func(config aws.Config) map[string]func(ctx context.Context) error) {
	t.Helper()
	for _, f := range All() {
		options := Answered()
		if f == Silence || f == LostSlow {
			options = unanswered()
		}
		config, _ := Config(t, options, Always(f))
		for name, call := range calls(config) {
			t.Run(f.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				err := call(t.Context())
				// Twice: a busy machine may be slow, and some calls make a second request when the first one failed.
				most := 2*unanswered().Longest() + 5*time.Second
				if took := time.Since(began); took > most {
					t.Errorf("ended after %s, want at most %s", took, most)
				}
				check(t, f, err)
			})
		}
	}
}

func check(t *testing.T, f Fault, err error) {
	t.Helper()
	want := map[Fault]fault.Code{Throttle: fault.Throttled, Broken: fault.Unavailable, Lost: fault.Unavailable,
		Silence: fault.Timeout, LostSlow: fault.Timeout}[f]
	var coded *fault.Error
	if !errors.As(err, &coded) || coded.Code != want {
		t.Errorf("ended with %v, want %s", err, want)
		return
	}
	if want == fault.Throttled && coded.RetryAfter <= 0 {
		t.Error("throttled without a time to wait")
	}
	if strings.Contains(coded.Message, "internal detail") {
		t.Errorf("the person is told %q", coded.Message)
	}
}
