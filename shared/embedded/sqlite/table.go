package sqlite

import (
	"context"
	"time"

	"github.com/orcray/orcray/shared/embedded/durable"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// live is the condition of every read: expired rows are gone at once, whenever the sweep comes by. The plus keeps the planner from
// weighing the partial index against the bound value, for which it would prepare the statement anew at every call.
const live = `(expires = 0 OR +expires > ?)`

const byKey = `SELECT sk, version, body, expires FROM items WHERE pk = ? AND sk = ? AND ` + live

// Get implements table.Table.
func (db *DB) Get(ctx context.Context, key table.Key) (table.Item, error) {
	if err := table.CheckKey(key); err != nil {
		return table.Item{}, err
	}
	found := false
	item, err := scan(key.PK, func(dest ...any) (err error) {
		found, err = db.file.Row(ctx, byKey, []any{key.PK, key.SK, db.now().Unix()}, dest...)
		return err
	})
	if err == nil && !found {
		return table.Item{}, fault.New(fault.NotFound, "There is nothing under this name.")
	}
	return item, err
}

// Query implements table.Table. It reads one row more than asked for, to know whether a next page exists.
func (db *DB) Query(ctx context.Context, q table.Query) (table.Page, error) {
	q, after, err := q.Checked()
	if err != nil {
		return table.Page{}, err
	}
	text, args := db.selection(q, after)
	var page table.Page
	err = db.file.Rows(ctx, text, args, func(into func(...any) error) error {
		item, err := scan(q.PK, into)
		page.Items = append(page.Items, item)
		return err
	})
	if err != nil {
		return table.Page{}, err
	}
	if len(page.Items) > q.Limit {
		page.Items = page.Items[:q.Limit]
		page.Next = q.CursorAfter(page.Items[q.Limit-1].SK)
	}
	return page, nil
}

func (db *DB) selection(q table.Query, after string) (string, []any) {
	text := `SELECT sk, version, body, expires FROM items WHERE pk = ? AND ` + live
	args := []any{q.PK, db.now().Unix()}
	if q.Prefix != "" {
		text += ` AND sk >= ?`
		args = append(args, q.Prefix)
		if end := prefixEnd(q.Prefix); end != nil {
			// The end is not valid UTF-8, but text compares bytewise, so that it still stands behind all of the prefix.
			text += ` AND sk < CAST(? AS TEXT)`
			args = append(args, end)
		}
	}
	// A sum, not a bare parameter: for that, SQLite would prepare the statement anew at every call.
	compare, order := ` AND sk > ?`, ` ORDER BY sk LIMIT ? + 0`
	if q.Reverse {
		compare, order = ` AND sk < ?`, ` ORDER BY sk DESC LIMIT ? + 0`
	}
	if after != "" {
		text += compare
		args = append(args, after)
	}
	return text + order, append(args, q.Limit+1)
}

// prefixEnd is the smallest byte string behind everything that begins with prefix. UTF-8 has no byte 0xff, so that there
// always is one for a valid prefix.
func prefixEnd(prefix string) []byte {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

func scan(pk string, into func(...any) error) (table.Item, error) {
	item := table.Item{Key: table.Key{PK: pk}}
	var expires int64
	err := into(&item.SK, &item.Version, &item.Body, &expires)
	item.Expires = table.ExpiryTime(expires)
	return item, err
}

// Transact implements table.Table. The conditions are read inside the commit, where no other write happens.
func (db *DB) Transact(ctx context.Context, writes []table.Write) error {
	if err := table.CheckWrites(writes); err != nil {
		return err
	}
	return db.file.Write(ctx, func(tx *durable.Tx) error {
		now := db.now()
		if err := db.sweepNowAndThen(tx, now); err != nil {
			return err
		}
		for i, w := range writes {
			if err := apply(tx, i, w, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func apply(tx *durable.Tx, index int, w table.Write, now time.Time) error {
	var version int64
	present, err := tx.Row(`SELECT version FROM items WHERE pk = ? AND sk = ? AND `+live,
		[]any{w.Item.PK, w.Item.SK, now.Unix()}, &version)
	if err != nil {
		return err
	}
	if !w.Need.Holds(present, version) {
		return table.Conflicted(index, w.Item.Key)
	}
	switch w.Op {
	case table.Put:
		return put(tx, w.Item, version+1)
	case table.Delete:
		_, err = tx.Exec(`DELETE FROM items WHERE pk = ? AND sk = ?`, w.Item.PK, w.Item.SK)
	}
	return err
}

func put(tx *durable.Tx, item table.Item, version int64) error {
	body := item.Body
	if body == nil {
		body = []byte{} // nil would be NULL
	}
	_, err := tx.Exec(`INSERT INTO items (pk, sk, version, body, expires) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (pk, sk) DO UPDATE SET version = excluded.version, body = excluded.body, expires = excluded.expires`,
		item.PK, item.SK, version, body, table.ExpirySeconds(item.Expires))
	return err
}
