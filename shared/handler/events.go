package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orcray/orcray/shared/job"
)

// EventPage is a part of a job's log.
type EventPage struct {
	Events []job.Event `json:"events" nullable:"false"`
	Next   int64       `json:"next" doc:"the number to give as after in the next request"`
	Done   bool        `json:"done" doc:"the job has ended and nothing follows"`
}

type eventsInput struct {
	JobPath
	After       int64  `query:"after" minimum:"0" doc:"give only events with a greater number"`
	Wait        int    `query:"wait" minimum:"0" maximum:"20" doc:"seconds to wait for at least one event"`
	Limit       int    `query:"limit" minimum:"1" maximum:"1000" default:"500"`
	Accept      string `header:"Accept" doc:"text/event-stream gives live events until the job has ended"`
	LastEventID string `header:"Last-Event-ID" maxLength:"20" doc:"resumes a stream after this event"`
}

var errFull = errors.New("the page is full")

const keepAlive = 10 * time.Second

func (a *API) eventRoutes() {
	op := route("get-job-events", http.MethodGet, "/api/v1/jobs/{job}/events", "jobs", "The log of a job: as pages, or live as server-sent events")
	schema := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[EventPage](), true, "EventPage")
	op.Responses = map[string]*huma.Response{"200": {Description: "A page, or a stream whose data lines are events", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schema}, "text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}}
	register(a, op, a.events)
}

func (a *API) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	j, err := a.Jobs.Get(ctx, caller(ctx).UserID, in.Job)
	if err != nil {
		return nil, err
	}
	if strings.Contains(in.Accept, "text/event-stream") {
		if n, err := strconv.ParseInt(in.LastEventID, 10, 64); err == nil && n > in.After {
			in.After = n
		}
		return &huma.StreamResponse{Body: func(hctx huma.Context) { a.stream(hctx, j, in.After) }}, nil
	}
	page, err := a.page(ctx, j, in)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		hctx.SetHeader("Content-Type", "application/json")
		_ = json.NewEncoder(hctx.BodyWriter()).Encode(page) // the client is gone
	}}, nil
}

func (a *API) page(ctx context.Context, j *job.Job, in *eventsInput) (EventPage, error) {
	page := EventPage{Events: []job.Event{}, Next: in.After}
	events, err := a.Jobs.Log().After(ctx, j.Owner, j.ID, in.After, in.Limit)
	if err != nil {
		return page, err
	}
	if len(events) == 0 && in.Wait > 0 && !j.Status.Terminal() {
		if events, err = a.waitForEvents(ctx, j, in); err != nil {
			return page, err
		}
	}
	page.Events = append(page.Events, events...)
	if n := len(events); n > 0 {
		page.Next, page.Done = events[n-1].Seq, events[n-1].Ends()
	} else {
		page.Done = j.Status.Terminal()
	}
	return page, nil
}

func (a *API) waitForEvents(ctx context.Context, j *job.Job, in *eventsInput) ([]job.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(in.Wait)*time.Second)
	defer cancel()
	var events []job.Event
	err := a.Jobs.Log().Follow(ctx, j.Owner, j.ID, in.After, time.Second, func(e job.Event) error {
		events = append(events, e)
		cancel() // what came together is given together; the rest waits for the next request
		if len(events) == in.Limit {
			return errFull
		}
		return nil
	}, func() error { return nil })
	if errors.Is(err, errFull) {
		err = nil
	}
	return events, err
}

// stream writes server-sent events. Comments keep the connection open, and padding at the start makes proxies that buffer
// pass it on.
func (a *API) stream(hctx huma.Context, j *job.Job, after int64) {
	hctx.SetHeader("Content-Type", "text/event-stream")
	hctx.SetHeader("X-Accel-Buffering", "no")
	hctx.SetStatus(http.StatusOK)
	w := hctx.BodyWriter()
	flush := flusher(w)
	if _, err := fmt.Fprintf(w, ":%s\nretry: 1000\n\n", strings.Repeat(" ", 2048)); err != nil {
		return
	}
	flush()
	_ = a.Jobs.Log().Follow(hctx.Context(), j.Owner, j.ID, after, keepAlive, func(e job.Event) error {
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type, body)
		flush()
		return err
	}, func() error {
		_, err := fmt.Fprint(w, ": still here\n\n")
		flush()
		return err
	}) // an error here is a client that went away: it comes back with Last-Event-ID
}

func flusher(w any) func() {
	if rw, ok := w.(http.ResponseWriter); ok {
		rc := http.NewResponseController(rw)
		return func() { _ = rc.Flush() }
	}
	return func() {}
}
