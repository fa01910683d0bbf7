// Package settings keeps what an admin may change while orcray runs. What nobody changed is as the deployment says, so that a
// deployment with other values takes effect wherever no admin decided otherwise.
package settings

import (
	"context"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// Values are the settings in force.
type Values struct {
	JobsPerMinute   int
	ValidateSeconds int
	ExecuteSeconds  int
	PlaceLimit      int64  // bytes of all sources up to which a job runs in a cell
	Model           string // id of the model that is asked when a request names none
	// LongestExecute is the most that ExecuteSeconds may be: the deployment's own bound, which no admin changes. 0: MaxExecute.
	LongestExecute int
}

// longest is the bound in force.
func (v Values) longest() int {
	if v.LongestExecute > 0 {
		return v.LongestExecute
	}
	return MaxExecute
}

// Change is what an admin decided; nil is as the deployment says.
type Change struct {
	JobsPerMinute   *int    `json:"jobs_per_minute,omitempty"`
	ValidateSeconds *int    `json:"validate_seconds,omitempty"`
	ExecuteSeconds  *int    `json:"execute_seconds,omitempty"`
	PlaceLimit      *int64  `json:"place_limit_bytes,omitempty"`
	Model           *string `json:"default_model,omitempty"`
}

// over lays the change over the deployment's own values.
func (c Change) over(v Values) Values {
	lay(&v.JobsPerMinute, c.JobsPerMinute)
	lay(&v.ValidateSeconds, c.ValidateSeconds)
	lay(&v.ExecuteSeconds, c.ExecuteSeconds)
	lay(&v.PlaceLimit, c.PlaceLimit)
	lay(&v.Model, c.Model)
	if v.LongestExecute > 0 { // it may have been decided where more was possible
		v.ExecuteSeconds = min(v.ExecuteSeconds, v.LongestExecute)
	}
	return v
}

func lay[T any](target, value *T) {
	if value != nil {
		*target = *value
	}
}

// Bounds of what an admin may choose. A step of the workflow has a quarter of an hour on AWS, and asks for more as often as needed;
// the upper ends keep one job from holding a place for a working day.
const (
	MaxJobsPerMinute = 100_000
	MaxValidate      = 600
	MaxExecute       = 3600
	MinPlaceLimit    = 1 << 20
	MaxPlaceLimit    = 1 << 40
)

// Models says which models exist.
type Models interface {
	// Resolve gives the id of the model to use: the default for "", fault.Invalid for an unknown one.
	Resolve(id string) (string, error)
}

// fresh is how old the settings may be that a job is held to. Between two reads of it a process asks the store once.
const fresh = 2 * time.Second

// Service keeps the settings.
type Service struct {
	table    table.Table
	defaults Values
	models   Models
	now      func() time.Time

	mu    sync.Mutex
	live  Values
	until time.Time
}

// New makes the service of a deployment whose own values are these.
func New(t table.Table, defaults Values, models Models, now func() time.Time) *Service {
	return &Service{table: t, defaults: defaults, models: models, now: now, live: defaults}
}

func key() table.Key { return table.Key{PK: "SETTINGS", SK: "CURRENT"} }

// Defaults are the deployment's own values.
func (s *Service) Defaults() Values { return s.defaults }

// Current reads the settings and their version; 0: nobody ever changed them.
func (s *Service) Current(ctx context.Context) (Values, int64, error) {
	c, version, err := table.Load[Change](ctx, s.table, key())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return s.defaults, 0, err
	}
	return c.over(s.defaults), version, nil
}

// Live gives the settings as they were a moment ago at most. While the store does not answer, the last ones stay in force.
func (s *Service) Live(ctx context.Context) Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); !now.Before(s.until) {
		if v, _, err := s.Current(ctx); err == nil {
			s.live = v
		}
		s.until = now.Add(fresh)
	}
	return s.live
}

// Put replaces what the admins decided. need is the version that was read; nil is any.
func (s *Service) Put(ctx context.Context, c Change, need *int64) (Values, int64, error) {
	if err := s.check(c); err != nil {
		return Values{}, 0, err
	}
	if c.Model != nil {
		id, err := s.models.Resolve(*c.Model)
		if err != nil {
			return Values{}, 0, fault.At("/default_model", "%s", fault.MessageOf(err))
		}
		c.Model = &id
	}
	return s.save(ctx, c, need)
}

// Reset makes everything as the deployment says. The record stays, empty: its version goes on, and an old one never fits again.
func (s *Service) Reset(ctx context.Context, need *int64) (Values, int64, error) {
	return s.save(ctx, Change{}, need)
}

func (s *Service) save(ctx context.Context, c Change, need *int64) (Values, int64, error) {
	_, version, err := s.Current(ctx)
	if err != nil {
		return Values{}, 0, err
	}
	if need != nil && *need != version {
		return Values{}, 0, fault.New(fault.Conflict, "The settings were changed meanwhile. Read them again and repeat the change.")
	}
	w, err := table.Save(key(), c, table.VersionIs(version))
	if err == nil {
		err = s.table.Transact(ctx, []table.Write{w})
	}
	if fault.Is(err, fault.Conflict) {
		err = fault.New(fault.Conflict, "The settings were changed meanwhile. Read them again and repeat the change.")
	}
	if err != nil {
		return Values{}, 0, err
	}
	v := c.over(s.defaults)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live, s.until = v, s.now().Add(fresh)
	return v, version + 1, nil
}

func (s *Service) check(c Change) error {
	v := c.over(s.defaults)
	lay(&v.ExecuteSeconds, c.ExecuteSeconds) // as it was asked for
	for _, b := range []struct {
		pointer     string
		value       int64
		least, most int64
	}{
		{"/jobs_per_minute", int64(v.JobsPerMinute), 1, MaxJobsPerMinute},
		{"/validate_seconds", int64(v.ValidateSeconds), 1, MaxValidate},
		{"/execute_seconds", int64(v.ExecuteSeconds), 1, int64(v.longest())},
		{"/place_limit_bytes", v.PlaceLimit, MinPlaceLimit, MaxPlaceLimit},
	} {
		if b.value < b.least || b.value > b.most {
			return fault.At(b.pointer, "Give a whole number from %d to %d.", b.least, b.most)
		}
	}
	if v.ValidateSeconds > v.ExecuteSeconds {
		return fault.At("/validate_seconds", "A program gets %d seconds on the samples and %d on the data. Give it no more on the samples than on the data.", v.ValidateSeconds, v.ExecuteSeconds)
	}
	return nil
}
