package settings_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/settings"
	"github.com/orcray/orcray/shared/table"
)

type known struct{}

func (known) Resolve(id string) (string, error) {
	if id == "good" || id == "" {
		return "good", nil
	}
	return "", fault.At("/model", "There is no model %s.", id)
}

func defaults() settings.Values {
	return settings.Values{JobsPerMinute: 30, ValidateSeconds: 60, ExecuteSeconds: 300, PlaceLimit: 64 << 20, Model: "offline"}
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func store(t *testing.T, now func() time.Time) table.Table {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "t.db"), sqlite.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Table()
}

func ptr[T any](v T) *T { return &v }

func TestR48_SettingsAreReadSavedAndRestored(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1e9, 0)}
	s := settings.New(store(t, c.now), defaults(), known{}, c.now)
	v, version, err := s.Current(t.Context())
	if v != defaults() || version != 0 || err != nil {
		t.Fatal(v, version, err)
	}
	v, version, err = s.Put(t.Context(), settings.Change{JobsPerMinute: ptr(5), Model: ptr("good")}, ptr(int64(0)))
	want := defaults()
	want.JobsPerMinute, want.Model = 5, "good"
	if v != want || version != 1 || err != nil || s.Live(t.Context()) != want {
		t.Fatal(v, version, err)
	}
	// A save replaces the one before: what it does not name is the deployment's again.
	v, version, err = s.Put(t.Context(), settings.Change{ExecuteSeconds: ptr(100)}, nil)
	want = defaults()
	want.ExecuteSeconds = 100
	if v != want || version != 2 || err != nil {
		t.Fatal(v, version, err)
	}
	if _, _, err = s.Reset(t.Context(), ptr(int64(1))); !fault.Is(err, fault.Conflict) {
		t.Errorf("an old version: %v", err)
	}
	if v, version, err = s.Reset(t.Context(), ptr(int64(2))); v != defaults() || version != 3 || err != nil {
		t.Error(v, version, err)
	}
	if _, _, err = s.Put(t.Context(), settings.Change{}, ptr(int64(1))); !fault.Is(err, fault.Conflict) {
		t.Errorf("a version of before the reset: %v", err)
	}
}

func TestR48_SettingsAreValidated(t *testing.T) {
	t.Parallel()
	s := settings.New(store(t, time.Now), defaults(), known{}, time.Now)
	for pointer, c := range map[string]settings.Change{
		"/jobs_per_minute":   {JobsPerMinute: ptr(0)},
		"/execute_seconds":   {ExecuteSeconds: ptr(3601)},
		"/place_limit_bytes": {PlaceLimit: ptr(int64(1))},
		"/default_model":     {Model: ptr("nope")},
		"/validate_seconds":  {ValidateSeconds: ptr(301)}, // more than there is on the data
	} {
		_, _, err := s.Put(t.Context(), c, nil)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Pointer != pointer {
			t.Errorf("%s: %v", pointer, err)
		}
	}
	if _, version, _ := s.Current(t.Context()); version != 0 {
		t.Errorf("something was saved: version %d", version)
	}
}

// Another process hears of a change within two seconds, and works on with the last settings while the store is away.
func TestR48_ChangesTakeEffectWithoutARestart(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1e9, 0)}
	shared := &shaky{Table: store(t, c.now)}
	here, there := settings.New(shared, defaults(), known{}, c.now), settings.New(shared, defaults(), known{}, c.now)
	if there.Live(t.Context()) != defaults() {
		t.Fatal("not the defaults")
	}
	if _, _, err := here.Put(t.Context(), settings.Change{JobsPerMinute: ptr(7)}, nil); err != nil {
		t.Fatal(err)
	}
	reads := shared.count()
	for range 10 {
		there.Live(t.Context())
	}
	if shared.count() != reads {
		t.Errorf("%d reads within the time", shared.count()-reads)
	}
	c.turn(2 * time.Second)
	if v := there.Live(t.Context()); v.JobsPerMinute != 7 {
		t.Errorf("%+v", v)
	}
	shared.down(true)
	c.turn(time.Minute)
	if v := there.Live(t.Context()); v.JobsPerMinute != 7 {
		t.Errorf("while the store is away: %+v", v)
	}
	if _, _, err := there.Put(t.Context(), settings.Change{}, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("saved into nothing: %v", err)
	}
}

func TestR48_OfTwoAdminsAtOnceOneIsTold(t *testing.T) {
	t.Parallel()
	s := settings.New(store(t, time.Now), defaults(), known{}, time.Now)
	results := make(chan error, 8)
	for i := range 8 {
		go func() {
			_, _, err := s.Put(context.WithoutCancel(t.Context()), settings.Change{JobsPerMinute: ptr(i + 1)}, ptr(int64(0)))
			results <- err
		}()
	}
	won := 0
	for range 8 {
		if err := <-results; err == nil {
			won++
		} else if !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

// shaky is a store that counts reads and can be away.
type shaky struct {
	table.Table
	mu    sync.Mutex
	away  bool
	reads int
}

func (s *shaky) Get(ctx context.Context, k table.Key) (table.Item, error) {
	s.mu.Lock()
	s.reads++
	away := s.away
	s.mu.Unlock()
	if away {
		return table.Item{}, fault.New(fault.Unavailable, "away")
	}
	return s.Table.Get(ctx, k)
}

func (s *shaky) count() int { s.mu.Lock(); defer s.mu.Unlock(); return s.reads }
func (s *shaky) down(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// Where a deployment bounds a run, no admin gives more, and what was decided elsewhere is held to the bound.
func TestR48_ADeploymentMayBoundTheLongestRun(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1e9, 0)}
	kept := store(t, c.now)
	if _, _, err := settings.New(kept, defaults(), known{}, c.now).Put(t.Context(), settings.Change{ExecuteSeconds: ptr(3600)}, nil); err != nil {
		t.Fatal(err)
	}
	d := defaults()
	d.LongestExecute = 3300
	s := settings.New(kept, d, known{}, c.now)
	if v, _, err := s.Current(t.Context()); err != nil || v.ExecuteSeconds != 3300 {
		t.Errorf("%d, %v", v.ExecuteSeconds, err)
	}
	if _, _, err := s.Put(t.Context(), settings.Change{ExecuteSeconds: ptr(3301)}, nil); err == nil || fault.MessageOf(err) != "Give a whole number from 1 to 3300." {
		t.Errorf("%v", err)
	}
	if v, _, err := s.Put(t.Context(), settings.Change{ExecuteSeconds: ptr(3300)}, nil); err != nil || v.ExecuteSeconds != 3300 {
		t.Errorf("%d, %v", v.ExecuteSeconds, err)
	}
}
