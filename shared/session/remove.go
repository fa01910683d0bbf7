package session

import (
	"context"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

const (
	// careAfter is when a signed upload cannot be sent any more, and one that was begun in time has ended: only from then on is
	// what was removed gone for sure.
	careAfter = time.Hour
	// abandonedAfter is when an upload that nobody completed is removed.
	abandonedAfter = 24 * time.Hour
	maxSwept       = 500 // uploads that one sweep looks after
)

// care is an upload that is to be looked after: until its address cannot be used any more, until it is completed or given up, and
// until a removal that broke off has ended.
type care struct {
	Owner   string    `json:"owner"`
	Session string    `json:"session"`
	ID      string    `json:"id"`
	Keys    []string  `json:"keys"`
	Charged int64     `json:"charged,omitempty"` // of a source whose row is gone
	Due     time.Time `json:"due"`
}

func (v stored) care(owner string) care {
	return care{Owner: owner, Session: v.SessionID, ID: v.ID, Keys: v.keys(), Due: v.Created.Add(careAfter)}
}

// Remove deletes a source: at once for everybody who looks, then its objects, and last what is known of it. Whatever interrupts it,
// Sweep goes on.
func (s *Service) Remove(ctx context.Context, owner, session, id string) error {
	for {
		v, err := s.load(ctx, owner, session, id)
		if err != nil {
			return err
		}
		err = s.remove(ctx, owner, v)
		if !fault.Is(err, fault.Conflict) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *Service) remove(ctx context.Context, owner string, v stored) error {
	v.Removing, v.Selected = true, false
	mark, err := table.Save(sourceKey(owner, v.SessionID, v.ID), v, table.VersionIs(v.version))
	if err != nil {
		return err
	}
	note, err := table.Save(careKey(v.ID), v.care(owner), table.Always())
	if err != nil {
		return err
	}
	if err := s.table.Transact(ctx, []table.Write{mark, note}); err != nil {
		return err
	}
	v.version++
	return s.forget(ctx, owner, v)
}

// forget deletes the objects and then the rows of a source that is being removed. While its address can still be used, a note stays
// that lets Sweep delete what comes late, and until then the bytes count.
func (s *Service) forget(ctx context.Context, owner string, v stored) error {
	if err := s.objects.Delete(ctx, v.keys()...); err != nil {
		return err
	}
	note := v.care(owner)
	writes := []table.Write{
		{Op: table.Delete, Item: table.Item{Key: sourceKey(owner, v.SessionID, v.ID)}, Need: table.VersionIs(v.version)},
		{Op: table.Delete, Item: table.Item{Key: uploadKey(owner, v.ID)}},
	}
	if s.now().Before(note.Due) {
		note.Charged = v.Charged
		w, err := table.Save(careKey(v.ID), note, table.Always())
		if err != nil {
			return err
		}
		return s.done(s.table.Transact(ctx, append(writes, w)))
	}
	return s.done(s.charge(ctx, owner, -v.Charged, append(writes, table.Write{Op: table.Delete, Item: table.Item{Key: careKey(v.ID)}})...))
}

// done is nil also when somebody else came first: a removal and a sweep do the same.
func (s *Service) done(err error) error {
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Sweep looks after uploads: those that nobody completed, removals that broke off, and files that came after they were removed. One
// that fails does not keep the others from it.
func (s *Service) Sweep(ctx context.Context) error {
	type noted struct {
		care
		version int64
	}
	var due []noted
	var errs []error
	err := table.All(ctx, s.table, table.Query{PK: carePK, Limit: table.MaxPage}, func(item table.Item) bool {
		c, err := table.Decode[care](item)
		switch {
		case err != nil:
			errs = append(errs, err)
		case !s.now().Before(c.Due):
			due = append(due, noted{c, item.Version})
		}
		return len(due) < maxSwept
	})
	errs = append(errs, err)
	for _, c := range due {
		errs = append(errs, s.done(s.settle(ctx, c.care, c.version)))
	}
	return errors.Join(errs...)
}

func (s *Service) settle(ctx context.Context, c care, version int64) error {
	gone := table.Write{Op: table.Delete, Item: table.Item{Key: careKey(c.ID)}, Need: table.VersionIs(version)}
	v, err := s.find(ctx, c.Owner, c.Session, c.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		if err := s.objects.Delete(ctx, c.Keys...); err != nil {
			return err
		}
		return s.charge(ctx, c.Owner, -c.Charged, gone)
	case err != nil:
		return err
	case v.Removing:
		return s.forget(ctx, c.Owner, v)
	case v.State == source.Pending:
		return s.abandon(ctx, c, v, version)
	case v.State == source.Refused:
		return s.discharge(ctx, c.Owner, v, gone)
	}
	return s.table.Transact(ctx, []table.Write{gone})
}

// abandon removes an upload that nobody completed in a day; before, it puts the next look off, so that a look costs nothing for a while.
func (s *Service) abandon(ctx context.Context, c care, v stored, version int64) error {
	if end := v.Created.Add(abandonedAfter); s.now().Before(end) {
		c.Due = end
		w, err := table.Save(careKey(c.ID), c, table.VersionIs(version))
		if err != nil {
			return err
		}
		return s.table.Transact(ctx, []table.Write{w})
	}
	return s.remove(ctx, c.Owner, v)
}

// discharge ends the care for a refused file: it stays in the list with its reason, and takes no room.
func (s *Service) discharge(ctx context.Context, owner string, v stored, gone table.Write) error {
	if err := s.objects.Delete(ctx, v.keys()...); err != nil {
		return err
	}
	charged := v.Charged
	v.Charged = 0
	w, err := table.Save(sourceKey(owner, v.SessionID, v.ID), v, table.VersionIs(v.version))
	if err != nil {
		return err
	}
	return s.charge(ctx, owner, -charged, w, gone)
}
