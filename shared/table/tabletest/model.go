package tabletest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// model compares the backend with a map, over random histories of transactions, reads and the passing of time.
func model(f *fixture) {
	var history atomic.Int64
	rapid.Check(f.T, func(t *rapid.T) {
		m := &machine{f: f, items: map[table.Key]table.Item{}, run: "run" + strconv.FormatInt(history.Add(1), 10)}
		t.Repeat(map[string]func(*rapid.T){
			"transact": m.transact,
			"get":      m.get,
			"list":     m.list,
			"wait":     m.wait,
		})
	})
}

// machine is the map that the backend must agree with. run keeps the histories of one table apart.
type machine struct {
	f     *fixture
	run   string
	items map[table.Key]table.Item
}

func (m *machine) key(t *rapid.T) table.Key {
	pk := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "pk")
	sk := rapid.SampledFrom([]string{"x", "x1", "x2", "y", "é", "😀", "\uffff"}).Draw(t, "sk")
	return key(m.run+pk, sk)
}

func (m *machine) live(k table.Key) (table.Item, bool) {
	item, ok := m.items[k]
	if ok && !item.Expires.IsZero() && !item.Expires.After(m.f.clock.Now()) {
		return table.Item{}, false
	}
	return item, ok
}

func (m *machine) need(t *rapid.T, k table.Key) table.Need {
	item, _ := m.live(k)
	return rapid.SampledFrom([]table.Need{
		table.Always(), table.Absent(), table.Present(), table.VersionIs(item.Version), table.VersionIs(item.Version + 1),
	}).Draw(t, "need")
}

func (m *machine) write(t *rapid.T, k table.Key) table.Write {
	w := table.Write{
		Op:   rapid.SampledFrom([]table.Op{table.Put, table.Put, table.Delete, table.Check}).Draw(t, "op"),
		Item: table.Item{Key: k, Body: rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "body")},
		Need: m.need(t, k),
	}
	if seconds := rapid.IntRange(0, 3).Draw(t, "life"); w.Op == table.Put && seconds > 0 {
		w.Item.Expires = m.f.clock.Now().Add(time.Duration(seconds) * time.Second)
	}
	if _, there := m.items[k]; there && w.Op == table.Put && w.Need == table.Always() {
		if _, live := m.live(k); !live {
			w.Need = table.Absent() // the one case where the version is the backend's own affair
		}
	}
	return w
}

func (m *machine) transact(t *rapid.T) {
	var writes []table.Write
	for _, k := range m.distinctKeys(t) {
		writes = append(writes, m.write(t, k))
	}
	failing := slices.IndexFunc(writes, func(w table.Write) bool {
		item, live := m.live(w.Item.Key)
		return !w.Need.Holds(live, item.Version)
	})
	err := m.f.table.Transact(context.Background(), writes)
	if failing >= 0 {
		var conflict *table.ConflictError
		if !errors.As(err, &conflict) || conflict.Index != failing {
			t.Fatalf("got %v, want a conflict at %d of %+v", err, failing, writes)
		}
		return
	}
	if err != nil {
		t.Fatalf("got %v for %+v", err, writes)
	}
	for _, w := range writes {
		m.apply(w)
	}
}

func (m *machine) distinctKeys(t *rapid.T) []table.Key {
	var keys []table.Key
	for range rapid.IntRange(1, 4).Draw(t, "writes") {
		if k := m.key(t); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (m *machine) apply(w table.Write) {
	switch w.Op {
	case table.Put:
		old, _ := m.live(w.Item.Key)
		w.Item.Version = old.Version + 1
		m.items[w.Item.Key] = w.Item
	case table.Delete:
		delete(m.items, w.Item.Key)
	}
}

func (m *machine) get(t *rapid.T) {
	k := m.key(t)
	want, live := m.live(k)
	got, err := m.f.table.Get(context.Background(), k)
	if !live {
		if !fault.Is(err, fault.NotFound) {
			t.Fatalf("get %q gave %+v, %v; want not found", k, got, err)
		}
		return
	}
	if err != nil || !same(got, want) {
		t.Fatalf("get %q gave %+v, %v; want %+v", k, got, err, want)
	}
}

func (m *machine) list(t *rapid.T) {
	q := table.Query{
		PK:      m.key(t).PK,
		Prefix:  rapid.SampledFrom([]string{"", "x", "é"}).Draw(t, "prefix"),
		Limit:   rapid.IntRange(1, 4).Draw(t, "limit"),
		Reverse: rapid.Bool().Draw(t, "reverse"),
	}
	var want []table.Item
	for k := range m.items {
		if item, live := m.live(k); live && k.PK == q.PK && strings.HasPrefix(k.SK, q.Prefix) {
			want = append(want, item)
		}
	}
	slices.SortFunc(want, func(a, b table.Item) int { return strings.Compare(a.SK, b.SK) })
	if q.Reverse {
		slices.Reverse(want)
	}
	var got []table.Item
	for {
		page, err := m.f.table.Query(context.Background(), q)
		if err != nil {
			t.Fatalf("query %+v: %v", q, err)
		}
		got = append(got, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if !slices.EqualFunc(got, want, same) {
		t.Fatalf("query %+v gave %+v, want %+v", q, got, want)
	}
}

func (m *machine) wait(t *rapid.T) {
	m.f.clock.Advance(time.Duration(rapid.IntRange(1, 2).Draw(t, "seconds")) * time.Second)
}

func same(a, b table.Item) bool {
	return a.Key == b.Key && a.Version == b.Version && string(a.Body) == string(b.Body) && a.Expires.Equal(b.Expires)
}
