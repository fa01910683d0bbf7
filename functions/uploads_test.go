package functions_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/shared/aws/awsclient"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/source/reader"
	"github.com/orcray/orcray/shared/topology"
)

// objects is the object store as the functions see it.
func (w *world) objects() *s3.Store {
	w.t.Helper()
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: w.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: w.env["AWS_SECRET_ACCESS_KEY"]}, nil
	})
	config, err := awsclient.Config(region, awsclient.Options{Endpoint: w.env["AWS_ENDPOINT_URL_S3"], Credentials: keys})
	w.must(err)
	return s3.New(s3.NewClient(config, ""), w.env[topology.EnvBucket], time.Now)
}

// sessions is the service of sessions as it was at another time.
func (w *world) sessions(now func() time.Time) *session.Service {
	w.t.Helper()
	store := w.objects()
	return session.NewService(session.Deps{Table: w.table, Objects: store, Signer: store, Inspector: reader.Objects{Store: store}, Bucket: "orcray-data",
		MaxUpload: 1 << 20, Now: now, NewID: func() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }})
}

// upload makes a source of a text.
func (w *world) upload(name, text string) source.Source {
	w.t.Helper()
	s := w.sessions(time.Now)
	u, err := s.BeginUpload(w.t.Context(), w.user, w.session, name, "text/csv", int64(len(text)))
	w.must(err)
	w.must(w.objects().Put(w.t.Context(), keyOf(u.Source), "text/csv", strings.NewReader(text), int64(len(text))))
	src, err := s.CompleteUpload(w.t.Context(), w.user, u.Source.ID)
	w.must(err)
	return src
}

// keyOf is where a source lies in the store.
func keyOf(s source.Source) string { return strings.TrimPrefix(s.URI, "s3://orcray-data/") }

// A file is announced to one function, lies in the store, and is looked into by another. The one that cannot look says so.
func TestA5_AnUploadIsCompletedByAFunctionOfItsOwn(t *testing.T) {
	w := newWorld(t)
	api, uploads := w.start(topology.FnAPI), w.start(topology.FnUploads)
	token := w.token()
	made := w.ask(api, "POST", "/api/v1/sessions", `{"name":"S"}`, token)
	session := decode[struct {
		ID string `json:"id"`
	}](t, []byte(made.Body)).ID
	text := "region,amount\nnorth,1\nsouth,2\n"
	begun := w.ask(api, "POST", "/api/v1/uploads", `{"session_id":"`+session+`","name":"sales.csv","size":30}`, token)
	if begun.StatusCode != 201 {
		t.Fatalf("%d %s\n%s", begun.StatusCode, begun.Body, api.Log())
	}
	upload := decode[struct {
		ID     string
		Source source.Source
	}](t, []byte(begun.Body))
	complete := "/api/v1/uploads/" + upload.ID + "/complete"
	if a := w.ask(uploads, "POST", complete, "", token); a.StatusCode != 409 {
		t.Errorf("before the file is there: %d %s", a.StatusCode, a.Body)
	}
	w.must(w.objects().Put(t.Context(), keyOf(upload.Source), "text/csv", strings.NewReader(text), int64(len(text))))
	if a := w.ask(api, "POST", complete, "", token); a.StatusCode != 404 || !strings.Contains(a.Body, `"code":"not_found"`) {
		t.Errorf("the function without a reader: %d %s", a.StatusCode, a.Body)
	}
	if a := w.ask(uploads, "GET", "/api/v1/sessions", "", token); a.StatusCode != 404 {
		t.Errorf("uploads answers for others: %d %s", a.StatusCode, a.Body)
	}
	a := w.ask(uploads, "POST", complete, "", token)
	src := decode[source.Source](t, []byte(a.Body))
	if a.StatusCode != 200 || src.State != source.Ready || src.Profile == nil || src.Profile.Rows != 2 || len(src.Profile.Columns) != 2 {
		t.Fatalf("%d %s\n%s", a.StatusCode, a.Body, uploads.Log())
	}
	if a := w.ask(api, "GET", "/api/v1/sessions/"+session+"/sources", "", token); !strings.Contains(a.Body, `"state":"ready"`) {
		t.Errorf("%d %s", a.StatusCode, a.Body)
	}
}
