package handler

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/telemetry"
)

// SessionView is a session as the API shows one.
type SessionView struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
}

func viewSession(s session.Session) SessionView {
	return SessionView{ID: s.ID, Name: s.Name, Created: s.Created, Updated: s.Updated}
}

type sessionOutput struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed"`
	Body     SessionView
}

func sessionReply(s *session.Session, err error) (*sessionOutput, error) {
	if err != nil {
		return nil, err
	}
	return &sessionOutput{ETag: etag(s.Version), Body: viewSession(*s)}, nil
}

// SessionPath addresses a session.
type SessionPath struct {
	Session string `path:"session" maxLength:"64" doc:"the session's id"`
}

// Paging asks for one page of a list.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"2048" doc:"next_cursor of the page before; opaque"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"items in a page"`
}

// Page is one page of a list; next_cursor is empty at the end.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next_cursor" doc:"empty at the end"`
}

const cursorLife = 24 * time.Hour

func (a *API) sealCursor(ctx context.Context, purpose, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	sealer, err := a.Sealer(ctx)
	if err != nil {
		return "", err
	}
	return sealer.Seal(purpose, caller(ctx).UserID, cursor, cursorLife)
}

func (a *API) openCursor(ctx context.Context, purpose, sealed string) (string, error) {
	var cursor string
	if sealed == "" {
		return "", nil
	}
	sealer, err := a.Sealer(ctx)
	if err != nil {
		return "", err
	}
	if err := sealer.Open(purpose, caller(ctx).UserID, sealed, &cursor); err != nil {
		return "", fault.New(fault.Invalid, "This cursor is not one of this list, or it is too old. Start again without a cursor.")
	}
	return cursor, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// Precondition carries If-Match.
type Precondition struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"the ETag that was read; the change is refused with 412 if it is another one by now"`
}

// check compares If-Match with the current version; it gives the version that the change must find, 0: any.
func (p Precondition) check(ctx context.Context, current int64) (int64, error) {
	if p.IfMatch == "" || p.IfMatch == "*" {
		return 0, nil
	}
	if strings.TrimPrefix(p.IfMatch, "W/") == etag(current) {
		return current, nil
	}
	return 0, newProblem(http.StatusPreconditionFailed, fault.Conflict, "It was changed meanwhile. Read it again and repeat the change.", telemetry.TraceID(ctx))
}

func (a *API) sessionRoutes() {
	type named struct {
		IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key and body give the same session, for seven days"`
		Body           struct {
			Name string `json:"name,omitempty" maxLength:"200"`
		}
	}
	register(a, answering(route("create-session", http.MethodPost, "/api/v1/sessions", "sessions", "Start a session"), http.StatusCreated),
		func(ctx context.Context, in *named) (*sessionOutput, error) {
			s, again, err := a.Sessions.CreateOnce(ctx, caller(ctx).UserID, in.Body.Name, in.IdempotencyKey)
			out, err := sessionReply(s, err)
			if err == nil {
				out.Replayed = replayed(again)
			}
			return out, err
		})
	register(a, route("list-sessions", http.MethodGet, "/api/v1/sessions", "sessions", "My sessions, newest first"), a.listSessions)
	register(a, route("get-session", http.MethodGet, "/api/v1/sessions/{session}", "sessions", "A session"),
		func(ctx context.Context, in *SessionPath) (*sessionOutput, error) {
			return sessionReply(a.Sessions.Get(ctx, caller(ctx).UserID, in.Session))
		})
	type renaming struct {
		SessionPath
		Precondition
		Body struct {
			Name string `json:"name" minLength:"1" maxLength:"200"`
		}
	}
	register(a, route("update-session", http.MethodPatch, "/api/v1/sessions/{session}", "sessions", "Rename a session"),
		func(ctx context.Context, in *renaming) (*sessionOutput, error) {
			owner := caller(ctx).UserID
			s, err := a.Sessions.Get(ctx, owner, in.Session)
			if err != nil {
				return nil, err
			}
			version, err := in.check(ctx, s.Version)
			if err != nil {
				return nil, err
			}
			return sessionReply(a.Sessions.Rename(ctx, owner, in.Session, in.Body.Name, version))
		})
	register(a, answering(route("delete-session", http.MethodDelete, "/api/v1/sessions/{session}", "sessions", "Delete a session with its files"), http.StatusNoContent),
		func(ctx context.Context, in *SessionPath) (*struct{}, error) {
			return nil, a.forgetting(in.Session, a.Sessions.Delete(ctx, caller(ctx).UserID, in.Session))
		})
	register(a, answering(route("reset-session", http.MethodPost, "/api/v1/sessions/{session}/reset", "sessions", "Remove all sources of a session"), http.StatusNoContent),
		func(ctx context.Context, in *SessionPath) (*struct{}, error) {
			return nil, a.forgetting(in.Session, a.Sessions.Reset(ctx, caller(ctx).UserID, in.Session))
		})
	register(a, route("get-examples", http.MethodGet, "/api/v1/sessions/{session}/examples", "sessions", "Questions that this session's sources can answer"),
		func(ctx context.Context, in *SessionPath) (*struct{ Body Page[string] }, error) {
			examples, err := a.Examples(ctx, caller(ctx).UserID, in.Session)
			return &struct{ Body Page[string] }{Page[string]{Items: append([]string{}, examples...)}}, err
		})
	register(a, route("get-history", http.MethodGet, "/api/v1/sessions/{session}/history", "sessions", "What was asked and run in a session, newest first"), a.history)
}

func (a *API) listSessions(ctx context.Context, in *Paging) (*struct{ Body Page[SessionView] }, error) {
	cursor, err := a.openCursor(ctx, "sessions", in.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := a.Sessions.List(ctx, caller(ctx).UserID, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &struct{ Body Page[SessionView] }{Page[SessionView]{Items: []SessionView{}}}
	for _, s := range list {
		out.Body.Items = append(out.Body.Items, viewSession(s))
	}
	out.Body.Next, err = a.sealCursor(ctx, "sessions", next)
	return out, err
}

// HistoryEntry is one job of a session with its program.
type HistoryEntry struct {
	JobView
	Program string `json:"program,omitempty"`
}

// history of a session that does not exist is empty: a client asks before it ever created one.
func (a *API) history(ctx context.Context, in *struct {
	SessionPath
	Paging
}) (*struct{ Body Page[HistoryEntry] }, error) {
	purpose := "history " + in.Session
	cursor, err := a.openCursor(ctx, purpose, in.Cursor)
	if err != nil {
		return nil, err
	}
	jobs, next, err := a.Jobs.List(ctx, caller(ctx).UserID, job.Filter{SessionID: in.Session}, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &struct{ Body Page[HistoryEntry] }{Page[HistoryEntry]{Items: []HistoryEntry{}}}
	for i := range jobs {
		program, err := a.Jobs.Program(ctx, &jobs[i])
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, HistoryEntry{JobView: viewJob(&jobs[i]), Program: program})
	}
	out.Body.Next, err = a.sealCursor(ctx, purpose, next)
	return out, err
}
