package tabletest

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

func (f *fixture) fill(pk string, sks ...string) {
	f.Helper()
	for chunk := range slices.Chunk(sks, table.MaxWrites) {
		var writes []table.Write
		for _, sk := range chunk {
			writes = append(writes, put(key(pk, sk), "body of "+sk, table.Always()))
		}
		f.must(writes...)
	}
}

func numbered(n int) []string {
	sks := make([]string, n)
	for i := range sks {
		sks[i] = fmt.Sprintf("s%05d", i)
	}
	return sks
}

// orderIsBytewise uses keys whose order differs under UTF-16, under a locale and without regard to case.
func orderIsBytewise(f *fixture) {
	sks := []string{"a", "B", "Ä", "é", "z", "~", "\u0000", "\u0001", " ", "\uffff", "\U00010000", "😀", "\u00ff", "a\u0000", "a0", "aa", "A", "0", "10", "9", "漢字"}
	f.fill("p", sks...)
	want := slices.Sorted(slices.Values(sks))
	got := f.all(table.Query{PK: "p", Limit: 4})
	if !slices.Equal(sortKeys(got), want) {
		f.Fatalf("order %q, want %q", sortKeys(got), want)
	}
	for _, item := range got {
		if string(item.Body) != "body of "+item.SK || item.PK != "p" || item.Version != 1 {
			f.Fatalf("a query gave %+v", item)
		}
	}
	slices.Reverse(want)
	if got := sortKeys(f.all(table.Query{PK: "p", Limit: 4, Reverse: true})); !slices.Equal(got, want) {
		f.Fatalf("reverse order %q, want %q", got, want)
	}
}

func prefixes(f *fixture) {
	sks := []string{"job", "job#", "job#1", "job#2", "job$", "joc", "j", "job#\U0010ffff", "job#\uffff", "%", "_", "job_", "\U0010ffff", "\U0010ffffx"}
	f.fill("p", sks...)
	for _, prefix := range []string{"", "j", "job", "job#", "job#1", "job#10", "%", "_", "x", "\U0010ffff"} {
		var want []string
		for _, sk := range sks {
			if strings.HasPrefix(sk, prefix) {
				want = append(want, sk)
			}
		}
		slices.Sort(want)
		if got := sortKeys(f.all(table.Query{PK: "p", Prefix: prefix, Limit: 2})); !slices.Equal(got, want) {
			f.Errorf("prefix %q gave %q, want %q", prefix, got, want)
		}
		slices.Reverse(want)
		if got := sortKeys(f.all(table.Query{PK: "p", Prefix: prefix, Limit: 2, Reverse: true})); !slices.Equal(got, want) {
			f.Errorf("prefix %q in reverse gave %q, want %q", prefix, got, want)
		}
	}
}

// readsOnAfterAKey starts lists behind keys that exist, that do not, and that lie on either side of the prefix.
func readsOnAfterAKey(f *fixture) {
	sks := []string{"a", "job", "job#1", "job#2", "job#3", "job$", "é", "😀", "\uffff"}
	f.fill("p", sks...)
	slices.Sort(sks)
	for _, prefix := range []string{"", "job", "job#", "none"} {
		for _, after := range append([]string{"A", "job#", "job#15", "k", "\U0010ffff"}, sks...) {
			var behind, before []string
			for _, sk := range sks {
				switch {
				case !strings.HasPrefix(sk, prefix):
				case sk > after:
					behind = append(behind, sk)
				case sk < after:
					before = append(before, sk)
				}
			}
			slices.Reverse(before)
			if got := sortKeys(f.all(table.Query{PK: "p", Prefix: prefix, After: after, Limit: 2})); !slices.Equal(got, behind) {
				f.Errorf("prefix %q after %q gave %q, want %q", prefix, after, got, behind)
			}
			if got := sortKeys(f.all(table.Query{PK: "p", Prefix: prefix, After: after, Limit: 2, Reverse: true})); !slices.Equal(got, before) {
				f.Errorf("prefix %q before %q gave %q, want %q", prefix, after, got, before)
			}
		}
	}
}

func partitionsAreApart(f *fixture) {
	f.fill("u#ann", "1", "2")
	f.fill("u#ann2", "3")
	f.fill("u#anN", "4")
	f.fill("u#", "5")
	if got := sortKeys(f.all(table.Query{PK: "u#ann"})); !slices.Equal(got, []string{"1", "2"}) {
		f.Fatalf("partition holds %q", got)
	}
	if page := f.query(table.Query{PK: "u#nobody"}); len(page.Items) != 0 || page.Next != "" {
		f.Fatalf("an empty partition gave %+v", page)
	}
}

func pagingHasNoGaps(f *fixture) {
	sks := numbered(257)
	f.fill("p", sks...)
	for _, limit := range []int{1, 7, 64, 256, 257, 258, table.MaxPage} {
		for _, reverse := range []bool{false, true} {
			q := table.Query{PK: "p", Limit: limit, Reverse: reverse}
			want := slices.Clone(sks)
			if reverse {
				slices.Reverse(want)
			}
			if got := sortKeys(f.all(q)); !slices.Equal(got, want) {
				f.Fatalf("limit %d, reverse %v: %d keys, want %d", limit, reverse, len(got), len(want))
			}
			if page := f.query(q); len(page.Items) != min(limit, len(sks)) || (page.Next == "") != (limit >= len(sks)) {
				f.Fatalf("limit %d: %d items, next %q", limit, len(page.Items), page.Next)
			}
		}
	}
	if page := f.query(table.Query{PK: "p"}); len(page.Items) != 100 {
		f.Fatalf("the default page has %d items, want 100", len(page.Items))
	}
}

// pagingOverLargeItems goes over what one answer of DynamoDB holds (1 MB): a page must be full all the same.
func pagingOverLargeItems(f *fixture) {
	body := strings.Repeat("x", 300<<10)
	for _, sk := range numbered(9) {
		f.must(put(key("p", sk), body, table.Always()))
	}
	page := f.query(table.Query{PK: "p", Limit: 8})
	if len(page.Items) != 8 || page.Next == "" {
		f.Fatalf("%d items, next %q; want a full page and a next one", len(page.Items), page.Next)
	}
	if page = f.query(table.Query{PK: "p", Limit: 8, Cursor: page.Next}); len(page.Items) != 1 || page.Next != "" {
		f.Fatalf("%d items on the last page, next %q", len(page.Items), page.Next)
	}
}

// pagingWhileItemsChange removes the item that a cursor stands on, and adds items on both sides of it.
func pagingWhileItemsChange(f *fixture) {
	f.fill("p", "b", "d", "f", "h")
	page := f.query(table.Query{PK: "p", Limit: 2})
	f.must(remove(key("p", "d"), table.Present()), put(key("p", "a"), "x", table.Always()), put(key("p", "e"), "x", table.Always()))
	rest := f.all(table.Query{PK: "p", Limit: 2, Cursor: page.Next})
	if got := sortKeys(rest); !slices.Equal(got, []string{"e", "f", "h"}) {
		f.Fatalf("the rest is %q", got)
	}
}

func tamperedCursors(f *fixture) {
	f.fill("p", numbered(10)...)
	f.fill("other", numbered(10)...)
	good := table.Query{PK: "p", Prefix: "s", Limit: 3}
	cursor := f.query(good).Next
	good.Cursor = cursor
	f.query(good)
	if strings.Contains(cursor, "s00002") {
		f.Error("the cursor shows the key")
	}
	flipped := []byte(cursor)
	flipped[len(flipped)-2] ^= 1
	for name, q := range map[string]table.Query{
		"flipped":          {PK: "p", Prefix: "s", Cursor: string(flipped)},
		"cut":              {PK: "p", Prefix: "s", Cursor: cursor[:len(cursor)-3]},
		"longer":           {PK: "p", Prefix: "s", Cursor: cursor + "AAAA"},
		"plain key":        {PK: "p", Prefix: "s", Cursor: "s00002"},
		"encoded key":      {PK: "p", Prefix: "s", Cursor: base64.RawURLEncoding.EncodeToString([]byte("s00002"))},
		"no base64":        {PK: "p", Prefix: "s", Cursor: "%%%"},
		"other partition":  {PK: "other", Prefix: "s", Cursor: cursor},
		"other prefix":     {PK: "p", Cursor: cursor},
		"other direction":  {PK: "p", Prefix: "s", Cursor: cursor, Reverse: true},
		"very long cursor": {PK: "p", Prefix: "s", Cursor: strings.Repeat("A", 100_000)},
	} {
		if page, err := f.table.Query(context.Background(), q); !fault.Is(err, fault.Invalid) {
			f.Errorf("%s: got %d items, %v; want invalid", name, len(page.Items), err)
		}
	}
}

func malformedReads(f *fixture) {
	for name, q := range map[string]table.Query{
		"no partition":     {},
		"negative limit":   {PK: "p", Limit: -1},
		"limit over page":  {PK: "p", Limit: table.MaxPage + 1},
		"partition UTF-8":  {PK: "\xff"},
		"prefix UTF-8":     {PK: "p", Prefix: "\xff"},
		"prefix too long":  {PK: "p", Prefix: strings.Repeat("s", table.MaxKey+1)},
		"partition length": {PK: strings.Repeat("p", table.MaxKey+1)},
	} {
		if _, err := f.table.Query(context.Background(), q); !fault.Is(err, fault.Invalid) {
			f.Errorf("%s: got %v, want invalid", name, err)
		}
	}
	for _, k := range []table.Key{{}, {PK: "p"}, {SK: "s"}, {PK: "p", SK: "\xff"}} {
		if _, err := f.table.Get(context.Background(), k); !fault.Is(err, fault.Invalid) {
			f.Errorf("get %q: got %v, want invalid", k, err)
		}
	}
}

func endedContext(f *fixture) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k := key("p", "s")
	if err := f.table.Transact(ctx, []table.Write{put(k, "x", table.Absent())}); !fault.CodeOf(err).Retryable() {
		f.Errorf("transact: got %v, want unavailable", err)
	}
	if _, err := f.table.Get(ctx, k); !fault.CodeOf(err).Retryable() {
		f.Errorf("get: got %v, want unavailable", err)
	}
	if _, err := f.table.Query(ctx, table.Query{PK: "p"}); !fault.CodeOf(err).Retryable() {
		f.Errorf("query: got %v, want unavailable", err)
	}
}

func (f *fixture) putFor(k table.Key, life time.Duration, need table.Need) table.Write {
	w := put(k, "short", need)
	w.Item.Expires = f.clock.Now().Add(life)
	return w
}

func expiredIsInvisible(f *fixture) {
	short, long, last := key("p", "1 short"), key("p", "2 long"), key("p", "3 never")
	f.must(f.putFor(short, 10*time.Second, table.Always()), f.putFor(long, time.Hour, table.Always()), put(last, "x", table.Always()))
	if got, want := f.get(short).Expires, f.clock.Now().Add(10*time.Second); !got.Equal(want) {
		f.Fatalf("expires %v, want %v", got, want)
	}
	f.clock.Advance(9 * time.Second)
	f.get(short)
	f.clock.Advance(time.Second)
	f.mustMiss(short)
	f.get(long)
	if got := sortKeys(f.all(table.Query{PK: "p"})); !slices.Equal(got, []string{long.SK, last.SK}) {
		f.Fatalf("the list still has %q", got)
	}
	f.must(put(long, "now for ever", table.Present()))
	f.clock.Advance(1000 * time.Hour)
	if item := f.get(long); !item.Expires.IsZero() || item.Version != 2 {
		f.Fatalf("a put without expiry left %+v", item)
	}
}

func expiredCountsAsAbsent(f *fixture) {
	dead := func(sk string) table.Key {
		k := key("p", sk)
		f.must(f.putFor(k, time.Second, table.Always()))
		f.clock.Advance(time.Second)
		return k
	}
	f.mustConflict(0, put(dead("present"), "x", table.Present()))
	f.mustConflict(0, put(dead("version"), "x", table.VersionIs(1)))
	f.mustConflict(0, remove(dead("delete"), table.Present()))
	f.mustConflict(1, put(key("p", "beside"), "x", table.Always()), check(dead("check"), table.VersionIs(1)))
	f.must(check(dead("check absent"), table.Absent()))
	f.must(remove(dead("delete anyway"), table.Always()))
	k := dead("absent")
	f.must(put(k, "again", table.Absent()))
	if item := f.get(k); item.Version != 1 || string(item.Body) != "again" || !item.Expires.IsZero() {
		f.Fatalf("put over an expired item gave %+v", item)
	}
	k = dead("always")
	f.must(put(k, "again", table.Always()))
	if item := f.get(k); item.Version < 1 || string(item.Body) != "again" || !item.Expires.IsZero() {
		f.Fatalf("put over an expired item gave %+v", item)
	}
}

// pagesSkipTheExpired has many expired items between the live ones: pages must be full and end properly all the same.
func pagesSkipTheExpired(f *fixture) {
	var live []string
	for i, sk := range numbered(120) {
		if i%10 == 0 {
			live = append(live, sk)
			f.must(put(key("p", sk), "x", table.Always()))
		} else {
			f.must(f.putFor(key("p", sk), time.Minute, table.Always()))
		}
	}
	f.clock.Advance(time.Minute)
	page := f.query(table.Query{PK: "p", Limit: 5})
	if !slices.Equal(sortKeys(page.Items), live[:5]) || page.Next == "" {
		f.Fatalf("first page %q, next %q", sortKeys(page.Items), page.Next)
	}
	if got := sortKeys(f.all(table.Query{PK: "p", Limit: 5})); !slices.Equal(got, live) {
		f.Fatalf("all pages %q, want %q", got, live)
	}
	if page := f.query(table.Query{PK: "p", Limit: len(live)}); page.Next != "" {
		f.Fatal("a next page is promised where only expired items follow")
	}
}
