// Package table is the one store port: items under a partition and a sort key, queries over one partition, and
// transactions with conditions. Repositories are written once on top of it; tabletest is the suite every backend passes.
package table

import (
	"context"
	"time"
)

// Limits that every backend enforces, so that one machine refuses what AWS would refuse.
const (
	MaxBody   = 350 << 10 // bytes of one item's body
	MaxWrites = 100       // writes in one transaction
	MaxKey    = 1024      // bytes of PK or SK; neither may be empty
	MaxPage   = 1000      // items in one page
)

// Key addresses one item. The owner is part of PK, always: nothing can be read by an id alone.
type Key struct {
	PK, SK string
}

// Item is one stored value. Version is set by the store: 1 on the first write, one more on every later one.
type Item struct {
	Key
	Version int64
	Body    []byte // JSON
	// Expires, kept in whole seconds (rounded down); zero: never. An expired item is invisible at once and removed some
	// time later. A Put with Absent over it starts at version 1; one without a condition may also count on.
	Expires time.Time
}

// Op is what a write does.
type Op int

// The operations of a transaction.
const (
	Put    Op = iota + 1 // create or replace the item
	Delete               // remove it; removing what is not there succeeds unless Need says otherwise
	Check                // change nothing, only hold the condition
)

// Need is the condition under which a write may happen.
type Need struct {
	kind    needKind
	version int64
}

type needKind int

const (
	needNothing needKind = iota
	needAbsent
	needPresent
	needVersion
)

// Always is no condition; it is the zero Need.
func Always() Need { return Need{} }

// Absent holds while no live item has the key.
func Absent() Need { return Need{kind: needAbsent} }

// Present holds while a live item has the key.
func Present() Need { return Need{kind: needPresent} }

// VersionIs holds while the live item has exactly this version. Zero means Absent.
func VersionIs(v int64) Need {
	if v == 0 {
		return Absent()
	}
	return Need{kind: needVersion, version: v}
}

// Holds evaluates the condition against what is stored; present says whether a live item exists.
func (n Need) Holds(present bool, version int64) bool {
	switch n.kind {
	case needAbsent:
		return !present
	case needPresent:
		return present
	case needVersion:
		return present && version == n.version
	default:
		return true
	}
}

// Version gives the version that VersionIs asked for, and whether it did.
func (n Need) Version() (int64, bool) { return n.version, n.kind == needVersion }

// WantsAbsent reports whether the condition is Absent.
func (n Need) WantsAbsent() bool { return n.kind == needAbsent }

// WantsPresent reports whether the condition is Present.
func (n Need) WantsPresent() bool { return n.kind == needPresent }

// Write is one part of a transaction. Two writes of one transaction may not name the same key.
type Write struct {
	Op   Op
	Item Item // Version is ignored
	Need Need
}

// Query reads one partition in the order of the sort key (bytewise).
type Query struct {
	PK      string
	Prefix  string // of the sort key; empty: all
	After   string // only sort keys strictly after this one (before it when Reverse); empty: all
	Cursor  string // from Page.Next; empty: from the start
	Limit   int    // 1..MaxPage; 0: 100
	Reverse bool   // newest first for keys that grow
}

// Page is a part of a query's answer. Next is empty at the end, and only there.
type Page struct {
	Items []Item
	Next  string
}

// ConflictError says which write's condition did not hold. Its code is fault.Conflict; backends return it inside a fault.Error.
type ConflictError struct {
	Index int // in the slice given to Transact
	Key   Key
}

func (e *ConflictError) Error() string { return "condition not met for " + e.Key.PK + " / " + e.Key.SK }

// Table is the store.
//
// Get returns fault.NotFound for what is not there. Transact applies all writes or none; it returns fault.Conflict with a
// ConflictError inside when a condition does not hold, fault.Invalid for a malformed transaction and fault.TooLarge for a
// body over MaxBody. When Transact returns nil the writes survive a crash. All may return fault.Unavailable, fault.Timeout or
// fault.Throttled, after which the outcome is unknown: repeat with conditions.
type Table interface {
	Get(ctx context.Context, key Key) (Item, error)
	Query(ctx context.Context, q Query) (Page, error)
	Transact(ctx context.Context, writes []Write) error
}
