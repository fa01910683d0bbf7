// Package modeltest holds what the tests of models share: a script of how a server behaves, and the suite that every
// adapter of codegen.Model passes against a server that misbehaves on its own wire.
package modeltest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Behaviour is what a server does with one request. The zero value answers with an empty, proper reply.
type Behaviour struct {
	Pieces []string        // the text, streamed piece by piece; bytes go out as they are, valid UTF-8 or not
	Stop   Stop            // how the reply ends
	Gate   <-chan struct{} // if set, every piece after the first waits for one value

	Status     int    // if set, an HTTP error instead of a reply
	Kind       string // of the error, as the wire names it; "" picks what the real service sends with Status
	Message    string // of the error
	RetryAfter string // the header, as it stands
}

// Stop is how a reply ends.
type Stop int

// The ends.
const (
	Ends      Stop = iota // properly, with its end mark
	OutOfRoom             // with its end mark, out of tokens
	Declines              // with its end mark, refused by the model or a filter
	Cut                   // the connection breaks
	Stalls                // nothing more comes, and the connection stays open until the client leaves
	Fails                 // the stream itself reports an error
	Unmarked              // the stream closes cleanly, without its end mark
)

// Says is a proper reply in pieces.
func Says(pieces ...string) Behaviour { return Behaviour{Pieces: pieces} }

// Refuses is an HTTP error.
func Refuses(status int) Behaviour {
	return Behaviour{Status: status, Message: "scripted: " + http.StatusText(status)}
}

// Request is what a server was asked, as it arrived.
type Request struct {
	Model     string
	System    string
	User      string
	MaxTokens int
	Stream    bool
	Header    http.Header
	Body      []byte
}

// Script is a queue of behaviours and the record of requests. Servers embed it; it is safe for concurrent use.
type Script struct {
	mu        sync.Mutex
	queue     []Behaviour
	otherwise func(Request) Behaviour
	requests  []Request
}

// Push adds behaviours, one a request.
func (s *Script) Push(behaviours ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, behaviours...)
}

// Otherwise answers requests that come when the queue is empty; without it they get a 500.
func (s *Script) Otherwise(answer func(Request) Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.otherwise = answer
}

// Requests gives what came so far, in order.
func (s *Script) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Next records a request and says what to do with it.
func (s *Script) Next(r Request) Behaviour {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	if len(s.queue) > 0 {
		b := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		return b
	}
	otherwise := s.otherwise
	s.mu.Unlock()
	if otherwise != nil {
		return otherwise(r)
	}
	return Behaviour{Status: http.StatusInternalServerError, Message: "the script is over"}
}

// RawJSON quotes a text as JSON but leaves bytes that are not UTF-8 as they are: encoding/json would replace them.
func RawJSON(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
