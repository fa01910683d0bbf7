package tabletest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

func getPutAndVersions(f *fixture) {
	k := key("u#ann", "job#1")
	f.mustMiss(k)
	for version, body := range []string{`{"n":1}`, `{"n":2}`, ``} {
		f.must(put(k, body, table.Always()))
		item := f.get(k)
		if item.Key != k || item.Version != int64(version+1) || string(item.Body) != body || !item.Expires.IsZero() {
			f.Fatalf("got %+v, want version %d and body %q", item, version+1, body)
		}
	}
	ignored := put(k, "x", table.Always())
	ignored.Item.Version = 77
	f.must(ignored)
	if got := f.get(k).Version; got != 4 {
		f.Fatalf("version %d, want 4: the writer's own version is ignored", got)
	}
	f.mustMiss(key("u#bob", "job#1"))
	f.mustMiss(key("u#ann", "job#10"))
}

func deletes(f *fixture) {
	k := key("p", "s")
	f.must(remove(k, table.Always()))
	f.must(put(k, "a", table.Always()), put(key("p", "t"), "b", table.Always()))
	f.must(remove(k, table.Always()))
	f.mustMiss(k)
	f.get(key("p", "t"))
	f.must(put(k, "c", table.Always()))
	if got := f.get(k).Version; got != 1 {
		f.Fatalf("version %d after a delete, want 1", got)
	}
}

// everyCondition holds each operation against each condition on a missing item and on one of version 2.
func everyCondition(f *fixture) {
	needs := []struct {
		name              string
		need              table.Need
		ifAbsent, ifThere bool
	}{
		{"always", table.Always(), true, true},
		{"absent", table.Absent(), true, false},
		{"present", table.Present(), false, true},
		{"version 0", table.VersionIs(0), true, false},
		{"version 1", table.VersionIs(1), false, false},
		{"version 2", table.VersionIs(2), false, true},
		{"version 3", table.VersionIs(3), false, false},
	}
	for i, n := range needs {
		for _, op := range []table.Op{table.Put, table.Delete, table.Check} {
			for _, there := range []bool{false, true} {
				k := key("p", fmt.Sprintf("%d-%d-%v", i, op, there))
				if there {
					f.must(put(k, "1", table.Always()))
					f.must(put(k, "2", table.Always()))
				}
				w := table.Write{Op: op, Item: table.Item{Key: k, Body: []byte("new")}, Need: n.need}
				wants := n.ifAbsent
				if there {
					wants = n.ifThere
				}
				f.checkOne(w, wants, there)
			}
		}
	}
}

// checkOne applies w, alone and beside another write, and compares with what should have come of it. It restores the
// item in between, so that it can be called again.
func (f *fixture) checkOne(w table.Write, wants, there bool) {
	f.Helper()
	k := w.Item.Key
	beside := put(key("beside", k.SK), "x", table.Always())
	for _, writes := range [][]table.Write{{w}, {beside, w}} {
		if !wants {
			f.mustConflict(len(writes)-1, writes...)
		} else {
			f.must(writes...)
		}
		switch {
		case !wants && there, w.Op == table.Check && there:
			if item := f.get(k); item.Version != 2 || string(item.Body) != "2" {
				f.Fatalf("%v changed the item to %+v", w, item)
			}
		case !wants, w.Op == table.Check, w.Op == table.Delete:
			f.mustMiss(k)
		default:
			want := int64(1)
			if there {
				want = 3
			}
			if item := f.get(k); item.Version != want || string(item.Body) != "new" {
				f.Fatalf("%v gave %+v, want version %d", w, item, want)
			}
		}
		f.must(remove(k, table.Always()))
		if there {
			f.must(put(k, "1", table.Always()))
			f.must(put(k, "2", table.Always()))
		}
	}
}

func allOrNothing(f *fixture) {
	f.must(put(key("p", "old"), "old", table.Always()), put(key("p", "gone"), "gone", table.Always()))
	writes := []table.Write{
		put(key("p", "old"), "new", table.Always()),
		put(key("q", "other partition"), "new", table.Absent()),
		remove(key("p", "gone"), table.Present()),
		check(key("p", "missing"), table.Present()),
	}
	f.mustConflict(3, writes...)
	if item := f.get(key("p", "old")); string(item.Body) != "old" || item.Version != 1 {
		f.Fatalf("a failed transaction left %+v", item)
	}
	f.get(key("p", "gone"))
	f.mustMiss(key("q", "other partition"))
	f.must(writes[:3]...)
	f.mustMiss(key("p", "gone"))
	f.get(key("q", "other partition"))
}

func conflictNamesTheWrite(f *fixture) {
	const n = table.MaxWrites
	for _, bad := range []int{0, 1, n / 2, n - 1} {
		var writes []table.Write
		for i := range n {
			k := key("p"+strconv.Itoa(bad), strconv.Itoa(i))
			if i == bad {
				writes = append(writes, put(k, "x", table.VersionIs(9)))
			} else {
				writes = append(writes, put(k, "x", table.Absent()))
			}
		}
		f.mustConflict(bad, writes...)
	}
	f.mustConflict(1, put(key("z", "1"), "x", table.Always()), check(key("z", "2"), table.Present()), check(key("z", "3"), table.Present()))
}

// concurrentIncrements lets many writers count up one item by compare and set: no increment may be lost or doubled.
func concurrentIncrements(f *fixture) {
	k := key("p", "counter")
	f.must(put(k, "0", table.Absent()))
	f.together(func(int) error {
		for {
			item, err := f.table.Get(context.Background(), k)
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(item.Body))
			if err != nil {
				return err
			}
			err = f.transact(put(k, strconv.Itoa(n+1), table.VersionIs(item.Version)))
			if !fault.Is(err, fault.Conflict) && !fault.CodeOf(err).Retryable() {
				return err
			}
		}
	})
	item := f.get(k)
	if want := f.options.Parallel; string(item.Body) != strconv.Itoa(want) || item.Version != int64(want)+1 {
		f.Fatalf("counter is %s at version %d after %d increments", item.Body, item.Version, want)
	}
}

func oneWinner(f *fixture) {
	k := key("p", "lock")
	var won atomic.Int32
	var winner atomic.Value
	f.together(func(i int) error {
		me := strconv.Itoa(i)
		err := f.transact(put(k, me, table.Absent()), put(key("p", "mark"+me), me, table.Absent()))
		for fault.CodeOf(err).Retryable() {
			err = f.transact(put(k, me, table.Absent()), put(key("p", "mark"+me), me, table.Absent()))
		}
		if err == nil {
			won.Add(1)
			winner.Store(me)
		}
		if fault.Is(err, fault.Conflict) {
			return nil
		}
		return err
	})
	if won.Load() != 1 {
		f.Fatalf("%d writers won, want 1", won.Load())
	}
	marks := f.all(table.Query{PK: "p", Prefix: "mark"})
	if string(f.get(k).Body) != winner.Load() || len(marks) != 1 || string(marks[0].Body) != winner.Load() {
		f.Fatalf("winner %v, but the store has %s and marks %v", winner.Load(), f.get(k).Body, sortKeys(marks))
	}
}

// together runs do in parallel and fails on the first error.
func (f *fixture) together(do func(i int) error) {
	f.Helper()
	errs := make(chan error, f.options.Parallel)
	var wg sync.WaitGroup
	for i := range f.options.Parallel {
		wg.Go(func() { errs <- do(i) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			f.Fatalf("a parallel writer failed: %v", err)
		}
	}
}

func limits(f *fixture) {
	full := strings.Repeat("b", table.MaxBody)
	f.must(put(key("p", "full"), full, table.Always()))
	if string(f.get(key("p", "full")).Body) != full {
		f.Fatal("the largest body came back changed")
	}
	f.mustFail(fault.TooLarge, put(key("p", "over"), full+"b", table.Always()))
	f.mustMiss(key("p", "over"))

	var heavy []table.Write
	for i := 0; i*table.MaxBody <= table.MaxTransaction; i++ {
		heavy = append(heavy, put(key("p", "heavy"+strconv.Itoa(i)), full, table.Always()))
	}
	f.mustFail(fault.TooLarge, heavy...)
	f.must(heavy[1:]...)

	longest := strings.Repeat("k", table.MaxKey)
	f.must(put(key(longest, longest), "x", table.Always()))
	f.get(key(longest, longest))
	f.mustFail(fault.Invalid, put(key(longest+"k", "s"), "x", table.Always()))
	f.mustFail(fault.Invalid, put(key("p", longest+"k"), "x", table.Always()))
}

func malformed(f *fixture) {
	one := put(key("p", "s"), "x", table.Always())
	var many []table.Write
	for i := range table.MaxWrites + 1 {
		many = append(many, put(key("p", strconv.Itoa(i)), "x", table.Always()))
	}
	for name, writes := range map[string][]table.Write{
		"no writes":           nil,
		"too many writes":     many,
		"duplicate key":       {one, check(one.Item.Key, table.Present())},
		"no operation":        {{Item: one.Item}},
		"unknown operation":   {{Op: 4, Item: one.Item}},
		"empty partition key": {put(key("", "s"), "x", table.Always())},
		"empty sort key":      {remove(key("p", ""), table.Always())},
		"invalid UTF-8":       {check(key("p", "\xff"), table.Absent())},
	} {
		if err := f.transact(writes...); !fault.Is(err, fault.Invalid) {
			f.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	f.must(many[1:]...)
	f.mustMiss(one.Item.Key)
}
