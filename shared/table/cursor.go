package table

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"

	"github.com/orcray/orcray/shared/fault"
)

// digestSize is how many bytes of SHA-256 a cursor carries.
const digestSize = 12

// CursorAfter makes the cursor that goes on after the sort key. It is bound to the query's partition, prefix and
// direction, so that a cursor of one list does not work on another. It is opaque but no secret: whoever forges one only
// moves within the partition that the caller may read anyway.
func (q Query) CursorAfter(sk string) string {
	return base64.RawURLEncoding.EncodeToString(append(q.digest(sk), sk...))
}

// openCursor gives the sort key inside the query's cursor, or fault.Invalid when the cursor is not one of this query's.
func (q Query) openCursor() (string, error) {
	if q.Cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err == nil && len(raw) > digestSize {
		if sk := string(raw[digestSize:]); subtle.ConstantTimeCompare(raw[:digestSize], q.digest(sk)) == 1 {
			return sk, nil
		}
	}
	return "", fault.New(fault.Invalid, "This cursor does not belong to this list. Start again from the first page.")
}

// digest binds a sort key to the query; lengths go in first so that no two field lists hash alike.
func (q Query) digest(sk string) []byte {
	h := sha256.New()
	for _, s := range []string{q.PK, q.Prefix, sk} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	if q.Reverse {
		h.Write([]byte{1})
	}
	return h.Sum(nil)[:digestSize]
}
