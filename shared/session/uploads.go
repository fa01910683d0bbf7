package session

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

// Upload is a file that may now be sent.
type Upload struct {
	Source  source.Source
	Request object.SignedRequest
}

const uploadTTL = 15 * time.Minute

// fixedName is what the object is called, whatever the client's file is called.
func fixedName(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".parquet", ".pq":
		return "data.parquet"
	case ".jsonl", ".ndjson", ".json":
		return "data.jsonl"
	default:
		return "data.csv"
	}
}

// BeginUpload signs an upload of exactly size bytes of one content type.
func (s *Service) BeginUpload(ctx context.Context, owner, session, name, contentType string, size int64) (Upload, error) {
	u, _, err := s.BeginUploadOnce(ctx, owner, session, name, contentType, size, "")
	return u, err
}

// BeginUploadOnce is BeginUpload, or gives the upload that the same request began under the key before: the same address for the
// rest of its time.
func (s *Service) BeginUploadOnce(ctx context.Context, owner, session, name, contentType string, size int64, key string) (u Upload, replayed bool, err error) {
	o := onceOf(owner, "uploads", key, session, name, contentType, size)
	for {
		m, err := s.before(ctx, o)
		if err != nil {
			return Upload{}, false, err
		}
		if m != nil {
			u, err := s.signAgain(ctx, owner, *m)
			return u, true, err
		}
		u, err := s.begin(ctx, owner, session, name, contentType, size, o)
		if !lostAt(err, o.at()) || ctx.Err() != nil {
			return u, false, err
		}
	}
}

func (s *Service) signAgain(ctx context.Context, owner string, m made) (Upload, error) {
	v, err := s.load(ctx, owner, m.Session, m.Source)
	left := v.Created.Add(uploadTTL).Sub(s.now())
	if fault.Is(err, fault.NotFound) || err == nil && left < time.Second {
		return Upload{}, fault.New(fault.Conflict, "The upload of this Idempotency-Key is over. Use a new key for a new upload.")
	}
	if err != nil {
		return Upload{}, err
	}
	req, err := s.signer.SignPut(ctx, v.ObjectKey, v.ContentType, v.Bytes, left.Truncate(time.Second))
	return Upload{Source: v.public(), Request: req}, err
}

// begin signs. The bytes count at once: whoever announces many files has no more room than whoever sends them.
func (s *Service) begin(ctx context.Context, owner, session, name, contentType string, size int64, o once) (Upload, error) {
	if _, err := s.Get(ctx, owner, session); err != nil {
		return Upload{}, err
	}
	if err := s.checkUpload(name, size); err != nil {
		return Upload{}, err
	}
	name, err := cleanName(name, "")
	if err != nil || name == "" {
		return Upload{}, fault.At("/name", "Give the file's name: at most 200 bytes of text without control characters.")
	}
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	id := s.newID()
	key := "u/" + owner + "/s/" + session + "/" + id + "/" + fixedName(name)
	v := stored{ObjectKey: key, ContentType: contentType, Charged: size, Source: source.Source{ID: id, SessionID: session, Name: name,
		State: source.Pending, URI: "s3://" + s.bucket + "/" + key, Bytes: size, Created: s.now()}}
	w, err := table.Save(sourceKey(owner, session, id), v, table.Absent())
	if err != nil {
		return Upload{}, err
	}
	pointer, err := table.Save(uploadKey(owner, id), session, table.Absent())
	if err != nil {
		return Upload{}, err
	}
	care, err := table.Save(careKey(id), v.care(owner), table.Absent())
	if err != nil {
		return Upload{}, err
	}
	again, err := s.remember(o, made{Session: session, Source: id})
	if err != nil {
		return Upload{}, err
	}
	if err := s.charge(ctx, owner, size, append(again, w, pointer, care)...); err != nil {
		return Upload{}, err
	}
	req, err := s.signer.SignPut(ctx, key, contentType, size, uploadTTL)
	return Upload{Source: v.public(), Request: req}, err
}

func (s *Service) checkUpload(name string, size int64) error {
	switch {
	case size == 0:
		return fault.New(fault.Unprocessable, "The file is empty. Choose a file with a header and at least one row.")
	case size < 0:
		return fault.At("/size", "The size is the file's length in bytes.")
	case size > s.max:
		return fault.New(fault.TooLarge, "The file has %d bytes; at most %d can be uploaded. Split it, or write it as Parquet.", size, s.max)
	}
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case "", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq":
		return nil
	default:
		return fault.New(fault.Unprocessable, "%s files cannot be read. Upload CSV, JSON lines (.jsonl) or Parquet.", ext)
	}
}

// CompleteUpload checks what was sent and looks into it. It can be repeated, also at the same time: the file is read once. A file
// that cannot be used becomes Refused and its object is removed; the error says what to do.
func (s *Service) CompleteUpload(ctx context.Context, owner, id string) (source.Source, error) {
	session, _, err := table.Load[string](ctx, s.table, uploadKey(owner, id))
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "There is no such upload.")
		}
		return source.Source{}, err
	}
	v, err := s.load(ctx, owner, session, id)
	if err != nil {
		return source.Source{}, err
	}
	if v.State != source.Pending {
		return v.settled()
	}
	return s.looks.once(ctx, id, func() (source.Source, error) {
		v, err := s.load(ctx, owner, session, id) // somebody may have looked while this one waited for its turn
		if err != nil {
			return source.Source{}, err
		}
		if v.State != source.Pending {
			return v.settled()
		}
		return s.examine(ctx, owner, v)
	})
}

// settled is the answer for a source that was looked at before.
func (v stored) settled() (source.Source, error) {
	if v.State == source.Refused {
		return v.public(), fault.New(fault.Unprocessable, "%s", v.Reason)
	}
	return v.public(), nil
}

func (s *Service) examine(ctx context.Context, owner string, v stored) (source.Source, error) {
	info, err := s.objects.Head(ctx, v.ObjectKey)
	if fault.Is(err, fault.NotFound) {
		return v.public(), fault.New(fault.Conflict, "The file has not arrived yet. Send it to the address you were given, then complete the upload.")
	}
	if err != nil {
		return v.public(), err
	}
	if info.Size != v.Bytes {
		return v.public(), s.refuse(ctx, owner, &v, fault.New(fault.Unprocessable,
			"The file has %d bytes, but %d were announced. Upload it again.", info.Size, v.Bytes))
	}
	v.ETag = info.ETag
	return s.look(ctx, owner, v)
}

func (s *Service) look(ctx context.Context, owner string, v stored) (source.Source, error) {
	if s.inspect == nil { // a process that was not made for it; the file stays as it is
		return v.public(), fault.New(fault.Unavailable, "Files cannot be looked at here. Complete the upload again in a moment.")
	}
	p, err := s.inspect.Inspect(ctx, v.ObjectKey, v.Name, v.Bytes, v.sampleKey())
	if fault.Is(err, fault.Unprocessable) || fault.Is(err, fault.TooLarge) {
		return v.public(), s.refuse(ctx, owner, &v, err)
	}
	if err != nil {
		return v.public(), err
	}
	if err := bound(&p); err != nil {
		return v.public(), s.refuse(ctx, owner, &v, err)
	}
	v.Profile, v.State, v.Selected = &p, source.Ready, true
	err = s.store(ctx, owner, &v)
	if fault.Is(err, fault.Conflict) {
		return s.overtaken(ctx, owner, v, err)
	}
	return v.public(), err
}

// overtaken answers for a source that somebody else changed while it was looked at: completed as well, and the answer is the same;
// or removed, and then the sample that was just stored has no owner any more.
func (s *Service) overtaken(ctx context.Context, owner string, v stored, conflict error) (source.Source, error) {
	now, err := s.load(ctx, owner, v.SessionID, v.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return source.Source{}, firstOf(s.objects.Delete(context.WithoutCancel(ctx), v.keys()...), err)
	case err != nil:
		return source.Source{}, err
	case now.State == source.Pending:
		return now.public(), conflict
	}
	return now.settled()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// refuse remembers why a file cannot be used, and removes whatever was stored of it.
func (s *Service) refuse(ctx context.Context, owner string, v *stored, why error) error {
	v.State, v.Reason, v.Selected = source.Refused, fault.MessageOf(why), false
	if err := s.store(ctx, owner, v); err != nil {
		return err
	}
	return firstOf(s.objects.Delete(ctx, v.keys()...), why)
}

func (v stored) sampleKey() string { return path.Dir(v.ObjectKey) + "/sample" + path.Ext(v.ObjectKey) }

// keys are all objects that a source can have.
func (v stored) keys() []string { return []string{v.ObjectKey, v.sampleKey()} }
