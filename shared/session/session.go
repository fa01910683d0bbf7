// Package session keeps conversations: who owns one, which sources it has, and which of them the next job reads.
package session

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

// Session is one user's conversation. Version is its ETag.
type Session struct {
	ID      string    `json:"id"`
	Owner   string    `json:"owner"`
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
	Version int64     `json:"-"`
}

// The key schema:
//
//	U#<user>           S#<session>    the session
//	U#<user>           UP#<source>    which session an upload belongs to
//	U#<user>           IDEM#<route>#… an idempotency record
//	U#<user>           STORAGE        how many bytes the user has
//	U#<user>#S#<sess>  SRC#<source>   a source
//	UPLOADS            <source>       every upload that is to be looked after, for the reaper
func ownerPK(owner string) string            { return "U#" + owner }
func sessionPK(owner, session string) string { return "U#" + owner + "#S#" + session }

func sessionKey(owner, id string) table.Key { return table.Key{PK: ownerPK(owner), SK: "S#" + id} }

func uploadKey(owner, source string) table.Key {
	return table.Key{PK: ownerPK(owner), SK: "UP#" + source}
}

func storageKey(owner string) table.Key { return table.Key{PK: ownerPK(owner), SK: "STORAGE"} }

const carePK = "UPLOADS"

func careKey(id string) table.Key { return table.Key{PK: carePK, SK: id} }

func sourceKey(owner, session, id string) table.Key {
	return table.Key{PK: sessionPK(owner, session), SK: "SRC#" + id}
}

// Service keeps sessions and their sources.
type Service struct {
	table   table.Table
	objects object.Store
	signer  object.Signer
	inspect Inspector
	bucket  string
	max     int64
	quota   int64
	looks   *looks
	now     func() time.Time
	newID   func() string
}

// Inspector looks into a file and makes its sample.
type Inspector interface {
	// Inspect gives the profile of an object; fault.Unprocessable with a sentence for a file that cannot be used.
	// The sample is stored under sampleKey unless the whole file is small enough to be its own sample.
	Inspect(ctx context.Context, key, name string, size int64, sampleKey string) (source.Profile, error)
}

// Deps are the parts of a service.
type Deps struct {
	Table     table.Table
	Objects   object.Store
	Signer    object.Signer
	Inspector Inspector
	Bucket    string
	MaxUpload int64 // bytes
	Quota     int64 // bytes that one user may keep; 0: any number
	Now       func() time.Time
	NewID     func() string // ULIDs
}

// NewService makes a service.
func NewService(d Deps) *Service {
	return &Service{table: d.Table, objects: d.Objects, signer: d.Signer, inspect: d.Inspector, bucket: d.Bucket,
		max: d.MaxUpload, quota: d.Quota, looks: newLooks(), now: d.Now, newID: d.NewID}
}

func missing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "There is no such session.")
	}
	return err
}

// cleanName makes a display name of what a client sent; it is shown, never used as a key.
func cleanName(name, otherwise string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return otherwise, nil
	}
	if !utf8.ValidString(name) || len(name) > 200 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fault.At("/name", "A name is at most 200 bytes of text without control characters.")
	}
	return name, nil
}

// Create makes a session.
func (s *Service) Create(ctx context.Context, owner, name string) (*Session, error) {
	v, _, err := s.CreateOnce(ctx, owner, name, "")
	return v, err
}

// CreateOnce makes a session, or gives the one that the same request made under the key before.
func (s *Service) CreateOnce(ctx context.Context, owner, name, key string) (v *Session, replayed bool, err error) {
	o := onceOf(owner, "sessions", key, name)
	for {
		m, err := s.before(ctx, o)
		if err != nil {
			return nil, false, err
		}
		if m != nil {
			v, err := s.Get(ctx, owner, m.Session)
			if fault.Is(err, fault.NotFound) {
				err = fault.New(fault.Conflict, "The session of this Idempotency-Key was deleted. Use a new key for a new session.")
			}
			return v, true, err
		}
		v, err := s.create(ctx, owner, name, o)
		if !lostAt(err, o.at()) || ctx.Err() != nil {
			return v, false, err
		}
	}
}

func (s *Service) create(ctx context.Context, owner, name string, o once) (*Session, error) {
	name, err := cleanName(name, "New session")
	if err != nil {
		return nil, err
	}
	v := &Session{ID: s.newID(), Owner: owner, Name: name, Created: s.now(), Updated: s.now()}
	w, err := table.Save(sessionKey(owner, v.ID), v, table.Absent())
	if err != nil {
		return nil, err
	}
	again, err := s.remember(o, made{Session: v.ID})
	if err != nil {
		return nil, err
	}
	v.Version = 1
	return v, s.table.Transact(ctx, append(again, w))
}

// Get reads a session; missing and foreign are both fault.NotFound.
func (s *Service) Get(ctx context.Context, owner, id string) (*Session, error) {
	v, version, err := table.Load[Session](ctx, s.table, sessionKey(owner, id))
	if err != nil {
		return nil, missing(err)
	}
	v.Version = version
	return &v, nil
}

// Exists is nil for a session of the owner, else fault.NotFound.
func (s *Service) Exists(ctx context.Context, owner, id string) error {
	_, err := s.Get(ctx, owner, id)
	return err
}

// List gives the owner's sessions, newest first.
func (s *Service) List(ctx context.Context, owner, cursor string, limit int) ([]Session, string, error) {
	page, err := s.table.Query(ctx, table.Query{PK: ownerPK(owner), Prefix: "S#", Cursor: cursor, Limit: limit, Reverse: true})
	if err != nil {
		return nil, "", err
	}
	out := make([]Session, 0, len(page.Items))
	for _, item := range page.Items {
		v, err := table.Decode[Session](item)
		if err != nil {
			return nil, "", err
		}
		v.Version = item.Version
		out = append(out, v)
	}
	return out, page.Next, nil
}

// Rename changes the display name if the session still has the version; 0 means whatever it has.
func (s *Service) Rename(ctx context.Context, owner, id, name string, version int64) (*Session, error) {
	v, err := s.Get(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	if v.Name, err = cleanName(name, v.Name); err != nil {
		return nil, err
	}
	if version == 0 {
		version = v.Version
	}
	v.Updated = s.now()
	w, err := table.Save(sessionKey(owner, id), v, table.VersionIs(version))
	if err != nil {
		return nil, err
	}
	v.Version = version + 1
	return v, changed(s.table.Transact(ctx, []table.Write{w}))
}

func changed(err error) error {
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "It was changed by somebody else meanwhile. Read it again and repeat the change.")
	}
	return err
}

// Delete removes a session with its sources. Its jobs stay readable by their ids.
func (s *Service) Delete(ctx context.Context, owner, id string) error {
	if _, err := s.Get(ctx, owner, id); err != nil {
		return err
	}
	if err := s.Reset(ctx, owner, id); err != nil {
		return err
	}
	return s.table.Transact(ctx, []table.Write{{Op: table.Delete, Item: table.Item{Key: sessionKey(owner, id)}}})
}

// Reset removes all sources of a session.
func (s *Service) Reset(ctx context.Context, owner, id string) error {
	sources, err := s.Sources(ctx, owner, id)
	if err != nil {
		return err
	}
	for _, src := range sources {
		if err := s.Remove(ctx, owner, id, src.ID); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}
