package session

import (
	"context"
	"errors"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// storage is how many bytes a user has: sent or announced, and not yet gone for sure.
type storage struct {
	Bytes int64 `json:"bytes"`
}

const chargeTries = 100 // each is lost to another upload of the same user only

// charge changes what the owner has by n bytes in one transaction with the writes. More than the owner may have is fault.TooLarge.
func (s *Service) charge(ctx context.Context, owner string, n int64, writes ...table.Write) error {
	if n == 0 {
		return s.table.Transact(ctx, writes)
	}
	for range chargeTries {
		has, version, err := table.Load[storage](ctx, s.table, storageKey(owner))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if n > 0 && s.quota > 0 && has.Bytes+n > s.quota {
			return fault.New(fault.TooLarge, "Your files would take %d bytes; you may keep %d. Remove sources that you no longer need: "+
				"the room of one that was removed right after its upload comes back within %d minutes.", has.Bytes+n, s.quota, int(careAfter.Minutes()))
		}
		has.Bytes = max(0, has.Bytes+n)
		w, err := table.Save(storageKey(owner), has, table.VersionIs(version))
		if err != nil {
			return err
		}
		err = s.table.Transact(ctx, append([]table.Write{w}, writes...))
		if !lostAt(err, storageKey(owner)) || ctx.Err() != nil {
			return err
		}
	}
	return fault.New(fault.Throttled, "Too many of your files begin at once. Try again in a moment.")
}

// lostAt reports whether a transaction was lost to another writer of the key.
func lostAt(err error, key table.Key) bool {
	var conflict *table.ConflictError
	return errors.As(err, &conflict) && conflict.Key == key
}
