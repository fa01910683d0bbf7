package objecttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

func (f *fixture) list(prefix string, limit int) []string {
	f.Helper()
	var keys []string
	cursor := ""
	for {
		infos, next, err := f.Store.List(context.Background(), prefix, cursor, limit)
		if err != nil {
			f.Fatalf("list %q: %v", prefix, err)
		}
		if limit > 0 && len(infos) > limit {
			f.Fatalf("list gave %d objects, at most %d were asked for", len(infos), limit)
		}
		for _, info := range infos {
			if info.Size != int64(len("body of "+info.Key)) || info.ETag == "" || info.Modified.IsZero() {
				f.Fatalf("listed %+v", info)
			}
			keys = append(keys, info.Key)
		}
		if next == "" {
			return keys
		}
		cursor = next
	}
}

func listsInPages(f *fixture) {
	var keys []string
	for i := range 23 {
		keys = append(keys, fmt.Sprintf("u/ann/s/1/run/part-%02d", i))
	}
	keys = append(keys, "u/ann/s/1/run-evil/part", "u/ann/s/1/deep/a/b/c", "u/anna/s/1/data", "u/ann/s/1/run.txt")
	for _, key := range keys {
		f.put(key, "text/plain", "body of "+key)
	}
	for _, prefix := range []string{"", "u/ann/", "u/ann/s/1/run/", "u/ann/s/1/run", "u/ann/s/1/run/part-1", "u/ann/s/1/deep/", "u/bob/"} {
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		for _, limit := range []int{0, 1, 5, 23, 1000} {
			if got := f.list(prefix, limit); !slices.Equal(got, want) {
				f.Errorf("prefix %q by %d gave %q, want %q", prefix, limit, got, want)
			}
		}
	}
}

func deletes(f *fixture) {
	keys := make([]string, 40)
	for i := range keys {
		keys[i] = fmt.Sprintf("%spart-%03d", home, i)
		f.put(keys[i], "text/plain", "body of "+keys[i])
	}
	f.put(home+"kept", "text/plain", "body of "+home+"kept")
	again := append(slices.Clone(keys), home+"never there")
	for range 2 {
		if err := f.Store.Delete(context.Background(), again...); err != nil {
			f.Fatal(err)
		}
	}
	if got := f.list(home, 0); !slices.Equal(got, []string{home + "kept"}) {
		f.Fatalf("left: %q", got)
	}
}
