package ray_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/ray"
)

func line(seq int, kind, data string) string {
	return fmt.Sprintf(`{"seq":%d,"time":"2026-11-23T04:00:00Z","type":%q,"data":%s}`, seq, kind, data) + "\n"
}

// stream serves the same lines to every poll.
func stream(t *testing.T, o ray.Options, lines ...string) *ray.Client {
	t.Helper()
	return serve(t, o, func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, strings.Join(lines, "")) })
}

func collect(t *testing.T, c *ray.Client) ([]ray.Event, ray.RunState, error) {
	t.Helper()
	var got []ray.Event
	_, state, err := c.Events(t.Context(), "r", 0, func(e ray.Event) error {
		got = append(got, e)
		return nil
	})
	return got, state, err
}

func TestR16_FollowReachesTheEndOverBrokenConnections(t *testing.T) {
	t.Parallel()
	var polls atomic.Int32
	c := serve(t, ray.Options{}, func(w http.ResponseWriter, r *http.Request) {
		after := r.URL.Query().Get("after")
		switch polls.Add(1) {
		case 1: // a whole event and a part of the next, then the connection breaks
			write(w, http.StatusOK, line(1, "status", `{"state":"running"}`)+`{"seq":2,"ti`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			if after != "1" {
				t.Errorf("asked again after %s", after)
			}
			write(w, http.StatusOK, line(2, "log", `{"stream":"stdout","text":"hi"}`))
		default:
			write(w, http.StatusOK, line(3, "status", `{"state":"succeeded"}`))
		}
	})
	var seen []int64
	state, err := c.Follow(t.Context(), "r", 0, func(e ray.Event) error {
		seen = append(seen, e.Seq)
		return nil
	})
	if err != nil || state != ray.Succeeded || fmt.Sprint(seen) != "[1 2 3]" {
		t.Errorf("%v, %s, %v", seen, state, err)
	}
}

func TestR16_AnEventWhoseHandlingFailedComesAgain(t *testing.T) {
	t.Parallel()
	c := stream(t, ray.Options{}, line(1, "status", `{"state":"running"}`), line(2, "log", `{"stream":"stdout","text":"hi"}`))
	full := fault.New(fault.Unavailable, "the store is away")
	next, _, err := c.Events(t.Context(), "r", 0, func(e ray.Event) error {
		if e.Seq == 2 {
			return full
		}
		return nil
	})
	if next != 1 || !errors.Is(err, full) || errors.Is(err, ray.ErrAway) {
		t.Errorf("go on after %d, %v", next, err)
	}
}

func TestS3_WhatIsNotTheProtocolEndsTheRun(t *testing.T) {
	t.Parallel()
	ok := line(1, "status", `{"state":"running"}`)
	output := func(data string) []string { return []string{ok, line(2, "output", data)} }
	for name, lines := range map[string][]string{
		"a gap":                {ok, line(3, "log", `{}`)},
		"a repetition":         {ok, ok},
		"begins late":          {line(2, "log", `{}`)},
		"no JSON":              {ok, "hello\n"},
		"a number that is big": {`{"seq":1e300,"time":"2026-11-23T04:00:00Z","type":"log","data":{}}` + "\n"},
		"no time":              {`{"seq":1,"time":"yesterday","type":"log","data":{}}` + "\n"},
		"an endless line":      {ok, strings.Repeat("x", 17<<20)},
		"an unknown state":     {line(1, "status", `{"state":"free"}`)},
		"after the end":        {line(1, "status", `{"state":"failed"}`), line(2, "log", `{"text":"boo"}`)},
		"an unknown kind":      output(`{"kind":"html","text":"<script>"}`),
		"a table without one":  output(`{"kind":"table","text":"x"}`),
		"a row that is short":  output(`{"kind":"table","table":{"columns":[{"name":"a"},{"name":"b"}],"rows":[[1]],"total":1}}`),
		"a total that lies":    output(`{"kind":"table","table":{"columns":[{"name":"a"}],"rows":[[1],[2]],"total":1}}`),
		"a file above":         output(`{"kind":"image","image":{"file":"../../etc/passwd"}}`),
		"a file elsewhere":     output(`{"kind":"image","image":{"file":"/etc/passwd"}}`),
		"another run's file":   output(`{"kind":"image","image":{"file":"other/output-1.png"}}`),
		"a hidden file":        output(`{"kind":"image","image":{"file":".."}}`),
		"a file in the run":    output(`{"kind":"image","image":{"file":"r/../x"}}`),
		"a name with a NUL":    output(`{"kind":"table","table":{"columns":[],"rows":[],"total":0,"file":"a\u0000b"}}`),
		"an image of no size":  output(`{"kind":"image","image":{"file":"a.png","width":-1}}`),
		"a chart that is text": output(`{"kind":"chart","spec":"javascript:alert(1)"}`),
		"an error without one": output(`{"kind":"error"}`),
		"a read that is less":  {ok, line(2, "read", `{"uri":"x","rows":-1}`)},
		"data that is a list":  {ok, line(2, "log", `[1]`)},
	} {
		if _, state, err := collect(t, stream(t, ray.Options{}, lines...)); !errors.Is(err, ray.ErrProtocol) && name != "after the end" {
			t.Errorf("%s: %v", name, err)
		} else if name == "after the end" && (state != ray.Failed || err == nil) {
			t.Errorf("%s: %s, %v", name, state, err)
		}
	}
}

func TestS3_WhatIsKeptIsOfTheProtocolOnly(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1<<20)
	got, state, err := collect(t, stream(t, ray.Options{},
		line(1, "status", `{"state":"running","__proto__":{"admin":true}}`),
		line(2, "shell", `{"command":"rm -rf /"}`),
		line(3, "log", `{"stream":"admin","text":"`+long+`","html":"<b>"}`),
		line(4, "progress", `{"done":3,"note":"`+long+`","nested":{"a":1},"list":[1]}`),
		line(5, "output", `{"kind":"text","text":"hi","table":{"rows":[[1]]},"spec":{"x":1},"image":{"file":"/etc/passwd"}}`),
		line(6, "output", `{"kind":"table","table":{"columns":[{"name":"a","type":"int"}],"rows":[["9007199254740993"]],"total":1,"file":"r/output-1.parquet"}}`),
		line(7, "failure", `{"class":"pwned","name":"KeyError","value":"`+long+`","line":2}`),
		line(8, "status", `{"state":"failed"}`)))
	if err != nil || state != ray.Failed {
		t.Fatalf("%s, %v", state, err)
	}
	text := ""
	for _, e := range got {
		if !json.Valid(e.Data) || len(e.Data) > 3<<20 {
			t.Errorf("event %d has %d bytes", e.Seq, len(e.Data))
		}
		text += fmt.Sprintf("%d %s %s\n", e.Seq, e.Type, strings.ReplaceAll(string(e.Data), "é", ""))
	}
	want := `1 status {"state":"running"}
3 log {"stream":"raw","text":""}
4 progress {"done":3,"note":""}
5 output {"kind":"text","text":"hi"}
6 output {"kind":"table","table":{"columns":[{"name":"a","type":"int"}],"rows":[["9007199254740993"]],"total":1,"file":"output-1.parquet"}}
7 failure {"class":"internal","name":"KeyError","value":"","line":2}
8 status {"state":"failed"}
`
	if text != want {
		t.Errorf("kept\n%s\nwant\n%s", text, want)
	}
}

func TestS3_OnTheClusterFilesAreKeys(t *testing.T) {
	t.Parallel()
	image := func(file string) string {
		return line(1, "output", `{"kind":"image","image":{"file":"`+file+`","width":1,"height":1}}`)
	}
	for file, good := range map[string]bool{"u/a/s/b/out/1.png": true, "/u/a": false, "u/../b": false, "": false, "..": false} {
		if _, _, err := collect(t, stream(t, ray.Options{ObjectKeys: true}, image(file))); (err == nil) != good {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// answer is a connection whose other end reads a request and answers it, within this process.
func answer(body string) ray.Dialer {
	return func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
				_, _ = io.WriteString(there, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+body)
			}
		}()
		return here, nil
	}
}

// FuzzEvents feeds any bytes as a runner's answer: what comes through is always whole, bounded and of the protocol.
func FuzzEvents(f *testing.F) {
	f.Add(line(1, "status", `{"state":"running"}`) + line(2, "output", `{"kind":"text","text":"x"}`))
	f.Add(line(1, "output", `{"kind":"table","table":{"columns":[{"name":"a"}],"rows":[[null]],"total":1}}`))
	f.Add(line(1, "failure", `{"class":"code","nearest":["a"]}`) + "\xff\xfe{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := int64(0)
		c := ray.NewClient(answer(text), ray.Options{})
		_, state, _ := c.Events(t.Context(), "r", 0, func(e ray.Event) error {
			if e.Seq <= last || !json.Valid(e.Data) {
				t.Errorf("event %d after %d: %q", e.Seq, last, e.Data)
			}
			last = e.Seq
			var o ray.Output
			if e.Type == "output" && json.Unmarshal(e.Data, &o) == nil && o.Image != nil && strings.Contains(o.Image.File, "/") {
				t.Errorf("a file with a folder: %q", o.Image.File)
			}
			return nil
		})
		if state != ray.Running && !state.Terminal() {
			t.Errorf("state %q", state)
		}
	})
}
