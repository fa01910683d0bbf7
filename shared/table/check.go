package table

import (
	"time"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
)

// MaxTransaction is the most that the keys and bodies of one transaction may weigh together, in bytes.
const MaxTransaction = 4_000_000

// defaultPage is the page size of a query that names none.
const defaultPage = 100

// CheckKey tells whether every backend can hold the key: not empty, at most MaxKey bytes each, valid UTF-8.
// It returns fault.Invalid otherwise.
func CheckKey(key Key) error {
	for _, part := range []struct{ name, value string }{{"partition key", key.PK}, {"sort key", key.SK}} {
		switch {
		case part.value == "":
			return fault.New(fault.Invalid, "The %s is empty. Give both parts of the key.", part.name)
		case len(part.value) > MaxKey:
			return fault.New(fault.Invalid, "The %s has %d bytes; at most %d fit.", part.name, len(part.value), MaxKey)
		case !utf8.ValidString(part.value):
			return fault.New(fault.Invalid, "The %s is not valid UTF-8.", part.name)
		}
	}
	return nil
}

// CheckWrites tells whether a transaction is well formed: 1..MaxWrites writes, known operations, good and distinct keys
// (fault.Invalid), bodies within MaxBody and MaxTransaction (fault.TooLarge). Every backend asks it first, so that all
// refuse the same.
func CheckWrites(writes []Write) error {
	if len(writes) == 0 || len(writes) > MaxWrites {
		return fault.New(fault.Invalid, "A transaction has 1 to %d writes, not %d.", MaxWrites, len(writes))
	}
	seen := make(map[Key]struct{}, len(writes))
	total := 0
	for _, w := range writes {
		if w.Op < Put || w.Op > Check {
			return fault.New(fault.Invalid, "A write is a put, a delete or a check; %d is none of them.", w.Op)
		}
		if err := CheckKey(w.Item.Key); err != nil {
			return err
		}
		if _, twice := seen[w.Item.Key]; twice {
			return fault.New(fault.Invalid, "Two writes of one transaction name the same key.")
		}
		seen[w.Item.Key] = struct{}{}
		if w.Op != Put {
			continue
		}
		if len(w.Item.Body) > MaxBody {
			return fault.New(fault.TooLarge, "The item has %d bytes; at most %d fit.", len(w.Item.Body), MaxBody)
		}
		total += len(w.Item.PK) + len(w.Item.SK) + len(w.Item.Body)
	}
	if total > MaxTransaction {
		return fault.New(fault.TooLarge, "The transaction has %d bytes; at most %d fit.", total, MaxTransaction)
	}
	return nil
}

// Checked gives the query with its default limit filled in and the sort key that the cursor stands after ("": from the
// start), or fault.Invalid.
func (q Query) Checked() (checked Query, after string, err error) {
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.Limit < 0 || q.Limit > MaxPage {
		return q, "", fault.New(fault.Invalid, "A page has 1 to %d items, not %d.", MaxPage, q.Limit)
	}
	if err := CheckKey(Key{PK: q.PK, SK: "-"}); err != nil {
		return q, "", err
	}
	if len(q.Prefix) > MaxKey || !utf8.ValidString(q.Prefix) {
		return q, "", fault.New(fault.Invalid, "The sort key's prefix is not valid UTF-8 of at most %d bytes.", MaxKey)
	}
	if q.After != "" {
		if err := CheckKey(Key{PK: q.PK, SK: q.After}); err != nil {
			return q, "", err
		}
	}
	if after, err = q.openCursor(); err == nil && after == "" {
		after = q.After // a cursor stands further on already
	}
	return q, after, err
}

// Conflicted makes the error for the write whose condition did not hold.
func Conflicted(index int, key Key) error {
	return fault.Wrap(&ConflictError{Index: index, Key: key}, fault.Conflict,
		"This was changed by somebody else in the meantime. Load it again and repeat your change.")
}

// ExpirySeconds is how backends keep Item.Expires: whole Unix seconds, rounded down so that nothing is seen past its
// time; 0 is never.
func ExpirySeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.Unix(), 1)
}

// ExpiryTime is the inverse of ExpirySeconds, in UTC.
func ExpiryTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
