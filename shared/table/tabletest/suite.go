// Package tabletest is the conformance suite of the store port: what the repositories rely on, checked on every backend.
package tabletest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// Open makes an empty table that takes its time from now; it cleans up with t.Cleanup.
type Open func(t *testing.T, now func() time.Time) table.Table

// Options tell the suite how hard to work the backend.
type Options struct {
	Parallel int // concurrent writers of the contention tests; 0: 100
}

// Run runs the suite. Every part gets a table and a clock of its own.
func Run(t *testing.T, open Open, options Options) {
	if options.Parallel == 0 {
		options.Parallel = 100
	}
	for _, part := range []struct {
		name string
		run  func(*fixture)
	}{
		{"TestR39_GetPutAndVersions", getPutAndVersions},
		{"TestR39_Deletes", deletes},
		{"TestN7_EveryCondition", everyCondition},
		{"TestN7_AllOrNothing", allOrNothing},
		{"TestN7_ConflictNamesTheWrite", conflictNamesTheWrite},
		{"TestN7_ConcurrentIncrementsAddUp", concurrentIncrements},
		{"TestN7_OneWinnerOfAbsent", oneWinner},
		{"TestR39_OrderIsBytewise", orderIsBytewise},
		{"TestR39_Prefix", prefixes},
		{"TestR39_ReadsOnAfterAKey", readsOnAfterAKey},
		{"TestR39_PartitionsAreApart", partitionsAreApart},
		{"TestR39_PagingHasNoGaps", pagingHasNoGaps},
		{"TestR39_PagingOverLargeItems", pagingOverLargeItems},
		{"TestR39_PagingWhileItemsChange", pagingWhileItemsChange},
		{"TestS7_TamperedCursors", tamperedCursors},
		{"TestR39_ExpiredIsInvisibleAtOnce", expiredIsInvisible},
		{"TestR39_ExpiredCountsAsAbsent", expiredCountsAsAbsent},
		{"TestR39_PagesSkipTheExpired", pagesSkipTheExpired},
		{"TestS7_Limits", limits},
		{"TestS7_MalformedTransactions", malformed},
		{"TestS7_MalformedReads", malformedReads},
		{"TestR39_EndedContext", endedContext},
		{"TestN7_Model", model},
	} {
		t.Run(part.name, func(t *testing.T) {
			clock := NewClock()
			part.run(&fixture{T: t, clock: clock, table: open(t, clock.Now), options: options})
		})
	}
}

// fixture is one part's table, clock and shorthands.
type fixture struct {
	*testing.T
	clock   *Clock
	table   table.Table
	options Options
}

func (f *fixture) transact(writes ...table.Write) error {
	return f.table.Transact(context.Background(), writes)
}

func (f *fixture) must(writes ...table.Write) {
	f.Helper()
	if err := f.transact(writes...); err != nil {
		f.Fatalf("transaction failed: %v", err)
	}
}

func (f *fixture) mustFail(code fault.Code, writes ...table.Write) {
	f.Helper()
	if err := f.transact(writes...); fault.CodeOf(err) != code {
		f.Fatalf("transaction gave %v, want code %s", err, code)
	}
}

// mustConflict checks that the write at index is named as the one whose condition did not hold.
func (f *fixture) mustConflict(index int, writes ...table.Write) {
	f.Helper()
	err := f.transact(writes...)
	var conflict *table.ConflictError
	if fault.CodeOf(err) != fault.Conflict || !errors.As(err, &conflict) {
		f.Fatalf("transaction gave %v, want a conflict", err)
	}
	if conflict.Index != index || conflict.Key != writes[index].Item.Key {
		f.Fatalf("conflict names write %d (%v), want %d (%v)", conflict.Index, conflict.Key, index, writes[index].Item.Key)
	}
}

func (f *fixture) get(key table.Key) table.Item {
	f.Helper()
	item, err := f.table.Get(context.Background(), key)
	if err != nil {
		f.Fatalf("get %v: %v", key, err)
	}
	return item
}

func (f *fixture) mustMiss(key table.Key) {
	f.Helper()
	if item, err := f.table.Get(context.Background(), key); fault.CodeOf(err) != fault.NotFound {
		f.Fatalf("get %v gave %+v, %v; want not found", key, item, err)
	}
}

func (f *fixture) query(q table.Query) table.Page {
	f.Helper()
	page, err := f.table.Query(context.Background(), q)
	if err != nil {
		f.Fatalf("query %+v: %v", q, err)
	}
	return page
}

// all reads a list to its end, page by page.
func (f *fixture) all(q table.Query) []table.Item {
	f.Helper()
	var items []table.Item
	for pages := 0; ; pages++ {
		page := f.query(q)
		items = append(items, page.Items...)
		if page.Next == "" {
			return items
		}
		if pages > 10_000 {
			f.Fatal("the list has no end")
		}
		q.Cursor = page.Next
	}
}

func key(pk, sk string) table.Key { return table.Key{PK: pk, SK: sk} }

func put(k table.Key, body string, need table.Need) table.Write {
	return table.Write{Op: table.Put, Item: table.Item{Key: k, Body: []byte(body)}, Need: need}
}

func remove(k table.Key, need table.Need) table.Write {
	return table.Write{Op: table.Delete, Item: table.Item{Key: k}, Need: need}
}

func check(k table.Key, need table.Need) table.Write {
	return table.Write{Op: table.Check, Item: table.Item{Key: k}, Need: need}
}

func sortKeys(items []table.Item) []string {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = item.SK
	}
	return keys
}
