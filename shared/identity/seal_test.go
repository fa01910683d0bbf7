package identity_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

type cursor struct {
	After string `json:"after"`
	Page  int    `json:"page"`
}

func newSealer(t testing.TB, clock *clock, fill byte) *identity.Sealer {
	t.Helper()
	sealer, err := identity.NewSealer([]byte(strings.Repeat(string(fill), 32)), clock.Now, rand.Reader)
	must(t, err)
	return sealer
}

func TestASealedCursorOpensForItsPurposeAndUserOnly(t *testing.T) {
	t.Parallel()
	clock := newClock()
	sealer := newSealer(t, clock, 'k')
	text, err := sealer.Seal("jobs", "u1", cursor{After: "j9", Page: 2}, time.Hour)
	must(t, err)
	if plain, _ := base64.RawURLEncoding.DecodeString(text); strings.Contains(string(plain), "j9") {
		t.Fatal("the cursor can be read")
	}
	var got cursor
	must(t, sealer.Open("jobs", "u1", text, &got))
	if got != (cursor{After: "j9", Page: 2}) {
		t.Fatalf("got %+v", got)
	}
	for name, open := range map[string]func() error{
		"another purpose": func() error { return sealer.Open("users", "u1", text, &got) },
		"another user":    func() error { return sealer.Open("jobs", "u2", text, &got) },
		"shifted":         func() error { return sealer.Open("job", "su1", text, &got) },
		"another key":     func() error { return newSealer(t, clock, 'x').Open("jobs", "u1", text, &got) },
		"padded":          func() error { return sealer.Open("jobs", "u1", text+"=", &got) },
		"with a break":    func() error { return sealer.Open("jobs", "u1", text[:9]+"\n"+text[9:], &got) },
		"empty":           func() error { return sealer.Open("jobs", "u1", "", &got) },
		"another format":  func() error { return sealer.Open("jobs", "u1", "B"+text[1:], &got) },
		"huge":            func() error { return sealer.Open("jobs", "u1", strings.Repeat("A", 1<<20), &got) },
		"too old": func() error {
			clock.Advance(time.Hour)
			return sealer.Open("jobs", "u1", text, &got)
		},
	} {
		if name == "too old" {
			defer func() { wantCode(t, open(), fault.Invalid) }() // last: it moves the clock
			continue
		}
		if err := open(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEveryChangedBitOfASealedCursorIsRefused(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t, newClock(), 'k')
	text, err := sealer.Seal("jobs", "u1", cursor{After: "j9"}, time.Hour)
	must(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	must(t, err)
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		var got cursor
		if err := sealer.Open("jobs", "u1", base64.RawURLEncoding.EncodeToString(raw), &got); !fault.Is(err, fault.Invalid) {
			t.Fatalf("bit %d: got %v", bit, err)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

func TestWhatWasSealedComesBack(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t, newClock(), 'k')
	rapid.Check(t, func(t *rapid.T) {
		purpose, user := rapid.String().Draw(t, "purpose"), rapid.String().Draw(t, "user")
		value := map[string]string{"after": strings.ToValidUTF8(rapid.StringN(0, 50, 400).Draw(t, "after"), "")}
		text, err := sealer.Seal(purpose, user, value, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := sealer.Open(purpose, user, text, &got); err != nil || got["after"] != value["after"] {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}

func TestWhatIsTooLargeOrCannotBeWrittenIsNotSealed(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t, newClock(), 'k')
	if _, err := sealer.Seal("jobs", "u1", strings.Repeat("x", identity.MaxSealed), time.Hour); err == nil {
		t.Error("a value over the limit was sealed")
	}
	if _, err := sealer.Seal("jobs", "u1", func() {}, time.Hour); err == nil {
		t.Error("a function was sealed")
	}
	if _, err := identity.NewSealer([]byte("short"), newClock().Now, rand.Reader); err == nil {
		t.Error("a short key was taken")
	}
}

func TestO10_TheSealingKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := identity.LoadSealer(t.Context(), w.keys, w.clock.Now, rand.Reader)
	must(t, err)
	second, err := identity.LoadSealer(t.Context(), w.keys, w.clock.Now, rand.Reader)
	must(t, err)
	text, err := first.Seal("jobs", "u1", 7, time.Hour)
	must(t, err)
	var got int
	must(t, second.Open("jobs", "u1", text, &got))
	if got != 7 {
		t.Fatalf("got %d", got)
	}
}
