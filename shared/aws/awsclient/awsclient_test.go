package awsclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/mototest"
	"github.com/orcray/orcray/shared/fault"
)

// answers serves the n-th request by a function; it counts them.
type answers struct {
	asked atomic.Int32
	by    func(n int32, w http.ResponseWriter, r *http.Request)
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.by(a.asked.Add(1), w, r) }

func configOf(t *testing.T, options awsclient.Options, by func(n int32, w http.ResponseWriter, r *http.Request)) (aws.Config, *answers) {
	t.Helper()
	a := &answers{by: by}
	server := httptest.NewServer(a)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	options.Endpoint, options.Credentials = server.URL, mototest.Keys()
	config, err := awsclient.Config(mototest.Region, options)
	if err != nil {
		t.Fatal(err)
	}
	return config, a
}

func receive(ctx context.Context, config aws.Config) error {
	_, err := awssqs.NewFromConfig(config).ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: aws.String("http://q")})
	return err
}

// unanswered is for servers whose silence is to be noticed.
func unanswered() awsclient.Options {
	options := faulttest.Answered()
	options.Attempt = time.Second
	return options
}

func silent(_ int32, _ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // or the server would not see the client leave
	<-r.Context().Done()
}

func TestA6_ClientsGiveUpInTheirBound(t *testing.T) {
	t.Parallel()
	options := unanswered()
	config, a := configOf(t, options, silent)
	began := time.Now()
	err := receive(t.Context(), config)
	if took := time.Since(began); took < 3*options.Attempt || took > options.Longest()+5*time.Second {
		t.Errorf("gave up after %s", took)
	}
	if !awsclient.TimedOut(err) || !awsclient.Uncertain(err) || a.asked.Load() != 3 {
		t.Errorf("%v after %d attempts", err, a.asked.Load())
	}
}

func TestA6_ClientsRepeatASilentAttempt(t *testing.T) {
	t.Parallel()
	config, a := configOf(t, unanswered(), func(n int32, w http.ResponseWriter, r *http.Request) {
		if n < 3 {
			silent(n, w, r)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	})
	if err := receive(t.Context(), config); err != nil || a.asked.Load() != 3 {
		t.Errorf("%v after %d attempts", err, a.asked.Load())
	}
}

// TestA6_ClientsHearTheirCaller: who gives up is not answered with more attempts.
func TestA6_ClientsHearTheirCaller(t *testing.T) {
	t.Parallel()
	config, a := configOf(t, awsclient.Options{}, silent)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := receive(ctx, config); !errors.Is(err, context.DeadlineExceeded) || a.asked.Load() > 1 || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %d attempts and %s", err, a.asked.Load(), time.Since(began))
	}
}

func TestA6_LongPollsHaveMoreTime(t *testing.T) {
	t.Parallel()
	options := faulttest.Answered()
	options.Attempt = 100 * time.Millisecond
	config, a := configOf(t, options, func(_ int32, w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(3 * options.Attempt):
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{}`)
	})
	if err := receive(awsclient.Longer(t.Context(), 10*time.Second), config); err != nil || a.asked.Load() != 1 {
		t.Errorf("%v after %d attempts", err, a.asked.Load())
	}
}

// TestA6_DownloadsOutliveTheAttempt: the bound is of the answer's head; a body may take longer, but must not stand still.
func TestA6_DownloadsOutliveTheAttempt(t *testing.T) {
	t.Parallel()
	options := faulttest.Answered()
	options.Attempt, options.Idle = 2*time.Second, 3*time.Second
	config, _ := configOf(t, options, func(_ int32, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		for i := range 5 {
			if r.URL.Path == "/bucket/stands" && i == 3 {
				<-r.Context().Done()
				return
			}
			_, _ = fmt.Fprint(w, i)
			_ = http.NewResponseController(w).Flush()
			if i < 4 {
				<-time.After(600 * time.Millisecond)
			}
		}
	})
	client := awss3.NewFromConfig(config, func(o *awss3.Options) { o.UsePathStyle = true })
	get := func(key string) (string, error) {
		ctx, cancel := context.WithCancel(awsclient.Streaming(t.Context()))
		defer cancel()
		out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
		if err != nil {
			return "", err
		}
		defer out.Body.Close()
		body, err := io.ReadAll(out.Body)
		return string(body), err
	}
	if body, err := get("moves"); err != nil || body != "01234" {
		t.Errorf("a slow body came as %q, %v", body, err)
	}
	began := time.Now()
	if body, err := get("stands"); err == nil || body != "012" || time.Since(began) > 20*time.Second {
		t.Errorf("a body that stands still came as %q, %v after %s", body, err, time.Since(began))
	}
}

func TestA6_ConnectionsMustStandInTime(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	options := faulttest.Answered()
	options.Attempt, options.Connect = time.Minute, 50*time.Millisecond
	options.Endpoint, options.Credentials = "https://"+listener.Addr().String(), mototest.Keys() // nobody shakes hands
	config, err := awsclient.Config(mototest.Region, options)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := receive(t.Context(), config); err == nil || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestA6_ErrorsOfTheSDKHaveCodes(t *testing.T) {
	t.Parallel()
	service := awsclient.Service{Part: "The part", Meanings: map[string]awsclient.Meaning{"Special": {Code: fault.Conflict, Message: "Special."}}}
	for name, c := range map[string]struct {
		status    int
		code      string
		want      fault.Code
		attempts  int32
		uncertain bool
	}{
		"throttled":  {400, "ThrottlingException", fault.Throttled, 3, false},
		"429":        {429, "Odd", fault.Throttled, 1, false},
		"denied":     {403, "AccessDenied", fault.Internal, 1, false},
		"own code":   {400, "Special", fault.Conflict, 1, false},
		"other code": {400, "Other", fault.Internal, 1, false},
		"broken":     {500, "InternalError", fault.Unavailable, 3, true},
		"not there":  {503, "", fault.Unavailable, 3, true},
	} {
		config, a := configOf(t, faulttest.Answered(), func(_ int32, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"internal detail"}`, c.code)
		})
		err := receive(t.Context(), config)
		coded := service.Failed(err)
		if !fault.Is(coded, c.want) || a.asked.Load() != c.attempts || awsclient.Uncertain(err) != c.uncertain ||
			strings.Contains(fault.MessageOf(coded), "internal detail") || !errors.Is(coded, err) {
			t.Errorf("%s: %v after %d attempts, uncertain %v", name, coded, a.asked.Load(), awsclient.Uncertain(err))
		}
	}
	given := fault.New(fault.NotFound, "Gone.")
	if service.Failed(nil) != nil || !errors.Is(service.Failed(fmt.Errorf("around: %w", given)), given) {
		t.Error("nil or an error with a code does not stay what it is")
	}
}

// TestA6_LostThenRefused: a refusal after a lost answer may speak of the call's own success; the caller can tell.
func TestA6_LostThenRefused(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"lost first": true, "throttled first": false} {
		config, _ := configOf(t, faulttest.Answered(), func(n int32, w http.ResponseWriter, _ *http.Request) {
			code := "AlreadyExists"
			if n == 1 && lost {
				panic(http.ErrAbortHandler) // breaks the connection
			}
			if n == 1 {
				code = "ThrottlingException"
			}
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"__type":%q}`, code)
		})
		err := receive(t.Context(), config)
		if awsclient.CodeOf(err) != "AlreadyExists" || awsclient.Uncertain(err) != lost {
			t.Errorf("%s: %v, uncertain %v", name, err, awsclient.Uncertain(err))
		}
	}
}

func TestA6_TheBoundFitsALambda(t *testing.T) {
	t.Parallel()
	if longest := (awsclient.Options{}).Longest(); longest > 25*time.Second {
		t.Errorf("a call can take %s; the API's functions have 30 s", longest)
	}
}
