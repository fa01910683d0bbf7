package session

import (
	"context"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

// stored is a source as the table has it: with its key.
type stored struct {
	source.Source
	ObjectKey   string `json:"object_key"`
	ContentType string `json:"content_type"`
	ETag        string `json:"etag,omitempty"`     // of the object that was looked at
	Charged     int64  `json:"charged,omitempty"`  // bytes that its owner's storage counts for it
	Removing    bool   `json:"removing,omitempty"` // nobody sees it any more; its objects and then its rows go
	version     int64
}

func (v stored) public() source.Source {
	v.Source.Key = v.ObjectKey
	return v.Source
}

// Sources lists a session's sources in the order they were added.
func (s *Service) Sources(ctx context.Context, owner, session string) ([]source.Source, error) {
	if _, err := s.Get(ctx, owner, session); err != nil {
		return nil, err
	}
	var out []source.Source
	err := s.each(ctx, owner, session, func(v stored) { out = append(out, v.public()) })
	return out, err
}

func (s *Service) each(ctx context.Context, owner, session string, visit func(stored)) error {
	var bad error
	err := table.All(ctx, s.table, table.Query{PK: sessionPK(owner, session), Prefix: "SRC#", Limit: table.MaxPage}, func(item table.Item) bool {
		v, err := table.Decode[stored](item)
		if err != nil {
			bad = err
			return false
		}
		v.version = item.Version
		if !v.Removing {
			visit(v)
		}
		return true
	})
	if err == nil {
		err = bad
	}
	return err
}

func (s *Service) load(ctx context.Context, owner, session, id string) (stored, error) {
	v, err := s.find(ctx, owner, session, id)
	if fault.Is(err, fault.NotFound) || err == nil && v.Removing {
		return stored{}, fault.New(fault.NotFound, "There is no such source in this session.")
	}
	return v, err
}

// find also gives a source that is being removed.
func (s *Service) find(ctx context.Context, owner, session, id string) (stored, error) {
	v, version, err := table.Load[stored](ctx, s.table, sourceKey(owner, session, id))
	v.version = version
	return v, err
}

func (s *Service) store(ctx context.Context, owner string, v *stored) error {
	w, err := table.Save(sourceKey(owner, v.SessionID, v.ID), v, table.VersionIs(v.version))
	if err != nil {
		return err
	}
	if err := changed(s.table.Transact(ctx, []table.Write{w})); err != nil {
		return err
	}
	v.version++
	return nil
}

// Source reads one source.
func (s *Service) Source(ctx context.Context, owner, session, id string) (source.Source, error) {
	v, err := s.load(ctx, owner, session, id)
	return v.public(), err
}

// Choice changes whether the next job reads a source, and whether it stays selected after that. Nil leaves it as it is.
type Choice struct {
	Selected *bool
	Pinned   *bool
}

// Choose changes the selection of one source. A job that ends in the same moment and unselects it comes first or second, and
// never refuses the choice.
func (s *Service) Choose(ctx context.Context, owner, session, id string, c Choice) (source.Source, error) {
	for {
		v, err := s.choose(ctx, owner, session, id, c)
		if !fault.Is(err, fault.Conflict) || v.State != source.Ready || ctx.Err() != nil {
			return v, err
		}
	}
}

func (s *Service) choose(ctx context.Context, owner, session, id string, c Choice) (source.Source, error) {
	v, err := s.load(ctx, owner, session, id)
	if err != nil {
		return v.public(), err
	}
	if v.State != source.Ready {
		return v.public(), fault.New(fault.Conflict, "The source is not ready. Complete its upload first.")
	}
	if c.Selected != nil {
		v.Selected = *c.Selected
	}
	if c.Pinned != nil {
		v.Pinned = *c.Pinned
		v.Selected = v.Selected || v.Pinned
	}
	return v.public(), s.store(ctx, owner, &v)
}

// Bind gives the named sources, or the selected ones when ids is empty, as a job binds them.
func (s *Service) Bind(ctx context.Context, owner, session string, ids []string) ([]source.Binding, error) {
	if _, err := s.Get(ctx, owner, session); err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		return s.bindNamed(ctx, owner, session, ids)
	}
	out := []source.Binding{}
	err := s.each(ctx, owner, session, func(v stored) {
		if v.Selected && v.State == source.Ready {
			out = append(out, v.binding())
		}
	})
	return out, err
}

func (v stored) binding() source.Binding {
	return source.Binding{ID: v.ID, Name: v.Name, URI: v.URI, Key: v.ObjectKey, ETag: v.ETag, Profile: *v.Profile}
}

func (s *Service) bindNamed(ctx context.Context, owner, session string, ids []string) ([]source.Binding, error) {
	out := make([]source.Binding, 0, len(ids))
	seen := map[string]bool{}
	for _, id := range ids {
		v, err := s.load(ctx, owner, session, id)
		if err != nil {
			return nil, err
		}
		if v.State != source.Ready {
			return nil, fault.New(fault.Unprocessable, "The source %q is not ready. Complete its upload first.", v.Name)
		}
		if !seen[id] {
			out = append(out, v.binding())
		}
		seen[id] = true
	}
	return out, nil
}

// Unselecting makes the writes that end the selection of sources that are not pinned; sources that are gone are fine. A write
// conflicts when its source was changed in between: then ask again.
func (s *Service) Unselecting(ctx context.Context, owner, session string, ids []string) ([]table.Write, error) {
	var writes []table.Write
	for _, id := range ids {
		v, err := s.load(ctx, owner, session, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !v.Selected || v.Pinned {
			continue
		}
		v.Selected = false
		w, err := table.Save(sourceKey(owner, session, id), v, table.VersionIs(v.version))
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}
