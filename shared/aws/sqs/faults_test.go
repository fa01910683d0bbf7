package sqs_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/faulttest"
	"github.com/orcray/orcray/shared/aws/sqs"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/queue"
)

func usual() queue.Limits {
	return queue.Limits{Visibility: 30 * time.Second, MaxReceive: 20, MaxAge: time.Hour, MaxDepth: 1000}
}

// faulty is a queue whose requests meet faults.
func faulty(t *testing.T, choose func(string, int) faulttest.Fault) (*sqs.Queue, *faulttest.Client) {
	t.Helper()
	client := faulttest.New(http.DefaultClient, choose)
	options := faulttest.Patient()
	options.HTTP = client
	url, dead := made(t, clientOf(moto.Config(t, awsclient.Options{})), usual())
	return sqs.New(clientOf(moto.Config(t, options)), url, dead, usual()), client
}

func TestA6_SQSCallsEndTyped(t *testing.T) {
	faulttest.Ends(t, func(config aws.Config) map[string]func(context.Context) error {
		q := sqs.New(clientOf(config), "http://127.0.0.1:1/q", "http://127.0.0.1:1/dead", usual())
		return map[string]func(context.Context) error{
			"send":    func(ctx context.Context) error { return q.Send(ctx, []byte("x")) },
			"receive": func(ctx context.Context) error { _, err := q.Receive(ctx, 1, 0); return err },
			"delete":  func(ctx context.Context) error { return q.Delete(ctx, "r") },
			"release": func(ctx context.Context) error { return q.Release(ctx, "r", 0) },
			"stats":   func(ctx context.Context) error { _, err := q.Stats(ctx); return err },
			"dead":    func(ctx context.Context) error { _, err := q.DeadLetters(ctx, 1); return err },
			"redrive": func(ctx context.Context) error { return q.Redrive(ctx, "id") },
		}
	})
}

// drain finishes messages until each of n bodies was seen; what was given to a lost answer comes after its visibility.
func drain(t *testing.T, q *sqs.Queue, n int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for round := 0; len(seen) < n; round++ {
		if round > 20*n {
			t.Fatalf("%d of %d messages came", len(seen), n)
		}
		got, err := q.Receive(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got {
			seen[string(d.Body)]++
			if err := q.Delete(t.Context(), d.Receipt); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) == 0 {
			moto.Advance(t, usual().Visibility+time.Second)
		}
	}
	return seen
}

// TestN7_SQSDoneButToldFailed: whatever happens to the first request of each kind, every message comes, and none stays.
func TestN7_SQSDoneButToldFailed(t *testing.T) {
	for _, f := range faulttest.All() {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel() // they share a clock: what one moves on makes messages of the others visible, which is fine
			q, _ := faulty(t, faulttest.First(1, f))
			for i := range 3 {
				if err := q.Send(t.Context(), fmt.Append(nil, "m", i)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := q.Receive(t.Context(), 1, 0)
			for len(got) == 0 && err == nil { // the lost answer took what there was
				moto.Advance(t, usual().Visibility+time.Second)
				got, err = q.Receive(t.Context(), 1, 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Release(t.Context(), got[0].Receipt, 0); err != nil {
				t.Fatal(err)
			}
			drain(t, q, 3)
			moto.Advance(t, usual().Visibility+time.Second)
			for { // a sending whose answer was lost is there twice, which consumers can take
				again, err := q.Receive(t.Context(), 10, 0)
				if err != nil {
					t.Fatal(err)
				}
				if len(again) == 0 {
					break
				}
				for _, d := range again {
					if err := q.Delete(t.Context(), d.Receipt); err != nil {
						t.Fatal(err)
					}
				}
			}
			if s, err := q.Stats(t.Context()); err != nil || s != (queue.Stats{}) {
				t.Errorf("in the end %+v, %v", s, err)
			}
		})
	}
}

func TestN7_SQSUnderFaults(t *testing.T) {
	q, _ := faulty(t, faulttest.Sometimes(7, 0.05, faulttest.All()...))
	const n = 60
	for i := range n {
		if err := q.Send(t.Context(), fmt.Append(nil, "m", i)); err != nil {
			t.Fatal(err)
		}
	}
	twice := -n
	for _, times := range drain(t, q, n) {
		twice += times
	}
	if twice > 10 {
		t.Errorf("%d messages came again", twice)
	}
}

// TestN7_SQSRedriveLosesNothing: a dead letter is sent before it is deleted, whatever breaks in between.
func TestN7_SQSRedriveLosesNothing(t *testing.T) {
	for _, broken := range []string{"SendMessage", "DeleteMessage"} {
		t.Run(broken, func(t *testing.T) {
			limits := usual()
			limits.MaxReceive = 1
			client := clientOf(moto.Config(t, awsclient.Options{}))
			url, dead := made(t, client, limits)
			good := sqs.New(client, url, dead, limits)
			if err := good.Send(t.Context(), []byte("poison")); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := good.Receive(t.Context(), 1, 0); err != nil {
					t.Fatal(err)
				}
				moto.Advance(t, limits.Visibility+time.Second)
			}
			found, err := good.DeadLetters(t.Context(), 10)
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			options := faulttest.Answered()
			options.HTTP = faulttest.New(http.DefaultClient, func(operation string, _ int) faulttest.Fault {
				if operation == broken {
					return faulttest.Broken
				}
				return faulttest.None
			})
			bad := sqs.New(clientOf(moto.Config(t, options)), url, dead, limits)
			if err := bad.Redrive(t.Context(), found[0].ID); !fault.Is(err, fault.Unavailable) {
				t.Fatalf("redrive gave %v", err)
			}
			live, err := good.Receive(t.Context(), 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			left, err := good.DeadLetters(t.Context(), 10)
			if err != nil || len(left)+len(live) == 0 {
				t.Errorf("the message is gone: %v", err)
			}
		})
	}
}

func TestA6_SQSRefusesBeforeAsking(t *testing.T) {
	config, asked := faulttest.Config(t, faulttest.Answered(), faulttest.Always(faulttest.Broken))
	q := sqs.New(clientOf(config), "http://127.0.0.1:1/q", "http://127.0.0.1:1/dead", usual())
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nothing":        {q.Send(t.Context(), nil), fault.Invalid},
		"no text":        {q.Send(t.Context(), []byte{0xff, 0xfe}), fault.Invalid},
		"control letter": {q.Send(t.Context(), []byte("a\x00b")), fault.Invalid},
		"too large":      {q.Send(t.Context(), []byte(strings.Repeat("x", queue.MaxBody+1))), fault.TooLarge},
		"no receipt":     {q.Delete(t.Context(), ""), fault.Invalid},
		"late release":   {q.Release(t.Context(), "r", 13*time.Hour), fault.Invalid},
	} {
		if !fault.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %s", name, c.err, c.want)
		}
	}
	if n := asked.Asked("SendMessage") + asked.Asked("DeleteMessage"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
