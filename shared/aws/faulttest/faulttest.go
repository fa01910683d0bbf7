// Package faulttest puts faults between a client of AWS and whoever answers it: throttling, errors of the server, answers
// that never come, and calls that take effect although their answer is lost. The same seed gives the same faults.
package faulttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Fault is what happens to one request.
type Fault int

// The faults.
const (
	None     Fault = iota
	Throttle       // refused as too fast, in the service's own words; without effect
	Broken         // 500 without effect
	Silence        // no answer until the client gives up; without effect
	Lost           // takes effect, and the connection breaks before the answer
	LostSlow       // takes effect, and the answer does not come until the client gives up
)

// All are the faults that there are.
func All() []Fault { return []Fault{Throttle, Broken, Silence, Lost, LostSlow} }

func (f Fault) String() string {
	return [...]string{"none", "throttle", "broken", "silence", "lost", "lost and slow"}[f]
}

// Client is an HTTP client with faults.
type Client struct {
	next   aws.HTTPClient
	choose func(operation string, n int) Fault

	mu    sync.Mutex
	asked map[string]int // by operation
}

// New makes a client that asks choose what happens to the n-th request of an operation, from 0.
func New(next aws.HTTPClient, choose func(operation string, n int) Fault) *Client {
	return &Client{next: next, choose: choose, asked: map[string]int{}}
}

// Sometimes makes a share of all requests fail, each fault as likely as the others. It may be used concurrently.
func Sometimes(seed uint64, share float64, faults ...Fault) func(string, int) Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, seed))
	return func(string, int) Fault {
		mu.Lock()
		defer mu.Unlock()
		if random.Float64() >= share {
			return None
		}
		return faults[random.IntN(len(faults))]
	}
}

// First makes the first requests of every operation fail.
func First(n int, fault Fault) func(string, int) Fault {
	return func(_ string, i int) Fault {
		if i < n {
			return fault
		}
		return None
	}
}

// Always makes every request fail.
func Always(fault Fault) func(string, int) Fault { return func(string, int) Fault { return fault } }

// Asked tells how often an operation was requested.
func (c *Client) Asked(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[operation]
}

// Do implements aws.HTTPClient.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	body, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	operation := operationOf(r, body)
	c.mu.Lock()
	n := c.asked[operation]
	c.asked[operation]++
	fault := c.choose(operation, n)
	c.mu.Unlock()
	switch fault {
	case Throttle:
		return refusal(r, throttled(r)), nil
	case Broken:
		return refusal(r, broken(r)), nil
	case Silence:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case Lost, LostSlow:
		return nil, c.lose(r, fault)
	}
	return c.next.Do(r)
}

func (c *Client) lose(r *http.Request, fault Fault) error {
	response, err := c.next.Do(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if fault == LostSlow {
		<-r.Context().Done()
		return r.Context().Err()
	}
	return fmt.Errorf("read tcp: %w", errors.Join(syscall.ECONNRESET, io.ErrUnexpectedEOF))
}

// bodyOf reads the body, and puts it back. Large ones are streams of S3, which say nothing of the operation.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

// operationOf names the operation: the SDK's name where the protocol has one, method and kind for S3.
func operationOf(r *http.Request, form []byte) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	for _, part := range strings.Split(string(form), "&") {
		if name, ok := strings.CutPrefix(part, "Action="); ok {
			return name
		}
	}
	switch {
	case r.URL.Query().Has("list-type"):
		return "ListObjectsV2"
	case r.URL.Query().Has("delete"):
		return "DeleteObjects"
	}
	return map[string]string{http.MethodGet: "GetObject", http.MethodPut: "PutObject", http.MethodHead: "HeadObject"}[r.Method]
}
