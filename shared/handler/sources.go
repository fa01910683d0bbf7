package handler

import (
	"context"
	"net/http"
	"time"

	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
)

// SourcePath addresses a source of a session.
type SourcePath struct {
	SessionPath
	Source string `path:"source" maxLength:"64" doc:"the source's id"`
}

type sourceOutput struct{ Body source.Source }

// UploadView tells how to send the file: one request, with exactly these headers and exactly this many bytes.
type UploadView struct {
	ID      string            `json:"id" doc:"complete the upload under this id; it becomes the source's id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Expires time.Time         `json:"expires_at"`
	Source  source.Source     `json:"source"`
}

type uploadOutput struct {
	Replayed string `header:"Idempotent-Replayed"`
	Body     UploadView
}

type uploadInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key and body give the same upload, while its address lasts"`
	Body           struct {
		SessionID   string `json:"session_id" maxLength:"64"`
		Name        string `json:"name" maxLength:"400" doc:"the file's name; shown, never used as a key"`
		Size        int64  `json:"size" doc:"bytes, exactly"`
		ContentType string `json:"content_type,omitempty" maxLength:"200" pattern:"^[\\w.+-]+/[\\w.+-]+$"`
	}
}

func (a *API) sourceRoutes() {
	register(a, answering(route("create-upload", http.MethodPost, "/api/v1/uploads", "uploads", "Announce a file and get the address to send it to"), http.StatusCreated),
		func(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
			b := in.Body
			u, again, err := a.Sessions.BeginUploadOnce(ctx, caller(ctx).UserID, b.SessionID, b.Name, b.ContentType, b.Size, in.IdempotencyKey)
			if err != nil {
				return nil, err
			}
			view := UploadView{ID: u.Source.ID, Method: u.Request.Method, URL: u.Request.URL, Headers: map[string]string{},
				Expires: u.Request.Expires, Source: u.Source}
			for k := range u.Request.Header {
				view.Headers[k] = u.Request.Header.Get(k)
			}
			return &uploadOutput{replayed(again), view}, nil
		})
	register(a, route("list-sources", http.MethodGet, "/api/v1/sessions/{session}/sources", "sources", "The sources of a session"),
		func(ctx context.Context, in *SessionPath) (*struct{ Body Page[source.Source] }, error) {
			list, err := a.Sessions.Sources(ctx, caller(ctx).UserID, in.Session)
			return &struct{ Body Page[source.Source] }{Page[source.Source]{Items: append([]source.Source{}, list...)}}, err
		})
	register(a, route("get-source", http.MethodGet, "/api/v1/sessions/{session}/sources/{source}", "sources", "A source with its profile"),
		func(ctx context.Context, in *SourcePath) (*sourceOutput, error) {
			src, err := a.Sessions.Source(ctx, caller(ctx).UserID, in.Session, in.Source)
			return &sourceOutput{src}, err
		})
	type choice struct {
		SourcePath
		Body struct {
			Selected *bool `json:"selected,omitempty" doc:"the next job reads it"`
			Pinned   *bool `json:"pinned,omitempty" doc:"it stays selected after a job"`
		}
	}
	register(a, route("update-source", http.MethodPatch, "/api/v1/sessions/{session}/sources/{source}", "sources", "Select or pin a source"),
		func(ctx context.Context, in *choice) (*sourceOutput, error) {
			src, err := a.Sessions.Choose(ctx, caller(ctx).UserID, in.Session, in.Source, session.Choice{Selected: in.Body.Selected, Pinned: in.Body.Pinned})
			return &sourceOutput{src}, err
		})
	register(a, answering(route("delete-source", http.MethodDelete, "/api/v1/sessions/{session}/sources/{source}", "sources", "Remove a source and its file"), http.StatusNoContent),
		func(ctx context.Context, in *SourcePath) (*struct{}, error) {
			return nil, a.forgetting(in.Session, a.Sessions.Remove(ctx, caller(ctx).UserID, in.Session, in.Source))
		})
}

// uploadRoutes look into files.
func (a *API) uploadRoutes() {
	type uploadPath struct {
		Upload string `path:"upload" maxLength:"64"`
	}
	register(a, route("complete-upload", http.MethodPost, "/api/v1/uploads/{upload}/complete", "uploads", "Say that the file was sent; it is checked and becomes a source"),
		func(ctx context.Context, in *uploadPath) (*sourceOutput, error) {
			src, err := a.Sessions.CompleteUpload(ctx, caller(ctx).UserID, in.Upload)
			return &sourceOutput{src}, err
		})
}

// forgetting ends the session's cell after something was removed: it may hold a copy that later programs could read.
func (a *API) forgetting(session string, err error) error {
	if err == nil && a.Forget != nil {
		a.Forget(session)
	}
	return err
}
