package interpret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/source"
)

// place is where one run happens.
type place struct {
	runner    Runner
	host      string
	isolation string
	cell      Cell // nil on the cluster
	stubborn  bool // it did not stop when it was told to: it is not to be used again
}

// Limits of one run that are not the job's own.
const (
	inlineRows  = 1000
	outputBytes = 1 << 20
	maxOutputs  = 50
	whole       = -1
)

// errLost says that the place of a run is gone, and the run with it.
var errLost = errors.New("the run's place is gone")

// attend starts the run of a step, or finds it where it was started, and follows it until it is terminal or the step's time
// is up (then the verdict is nil).
func (s *Steps) attend(ctx context.Context, j *job.Job, step job.Step, mode ray.Mode, limit time.Duration) (*verdict, *place, error) {
	runID := j.RunID(step)
	rec, err := s.jobs.FindRun(ctx, j, runID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, nil, err
	}
	fresh := err != nil
	if fresh && j.StopRequested {
		return nil, nil, errStopRequested
	}
	p, err := s.placed(ctx, j, step, mode, limit, &rec, fresh)
	if err != nil {
		return nil, p, err
	}
	if p == nil {
		return nil, nil, nil // no place yet: the step asks again
	}
	v, err := s.follow(ctx, j, &rec, p, limit)
	return v, p, err
}

// placed finds the run's place, or waits for one and starts the run there. It gives up when the job is to stop, and gives no
// place at all when the step's time is up first.
func (s *Steps) placed(ctx context.Context, j *job.Job, step job.Step, mode ray.Mode, limit time.Duration, rec *job.Run, fresh bool) (*place, error) {
	watched, cancel := s.untilStopped(ctx, j)
	defer cancel()
	p, err := s.place(watched, j, step, *rec, fresh)
	if err == nil && fresh && p != nil {
		*rec, err = s.start(ctx, watched, j, step, mode, limit, p)
	}
	if err == nil || watched.Err() == nil || ctx.Err() != nil {
		return p, err
	}
	if errors.Is(context.Cause(watched), errGone) {
		return p, job.ErrSuperseded
	}
	return p, errStopRequested
}

// place finds the host of a run that was started, or chooses one for a new run.
func (s *Steps) place(ctx context.Context, j *job.Job, step job.Step, rec job.Run, fresh bool) (*place, error) {
	if step == job.Running && j.RanIn == job.Cluster {
		return s.onCluster(ctx, j, step, rec, fresh)
	}
	if !fresh {
		c, ok := s.cells.Find(j.SessionID, rec.Host)
		if !ok {
			return nil, errLost
		}
		return &place{runner: c.Runner(), host: c.ID(), isolation: c.Isolation(), cell: c}, nil
	}
	c, err := s.lease(ctx, j, step)
	if c == nil || err != nil {
		return nil, err
	}
	return &place{runner: c.Runner(), host: c.ID(), isolation: c.Isolation(), cell: c}, nil
}

// onCluster waits for the cluster; it gives no place when the step's time is up first. A run that was started is lost with the
// cluster that it was started on.
func (s *Steps) onCluster(ctx context.Context, j *job.Job, step job.Step, rec job.Run, fresh bool) (*place, error) {
	patient, cancel := context.WithTimeout(ctx, s.set.StepBudget)
	defer cancel()
	r, id, err := s.cluster.Runner(patient, s.tells(ctx, j, step, "the cluster"))
	switch {
	case err != nil && !fresh && patient.Err() != nil && ctx.Err() == nil:
		return nil, errLost
	case err != nil:
		return nil, s.patience(ctx, patient, j, err, errNoCluster)
	case !fresh && rec.Host != id:
		return nil, errLost
	}
	return &place{runner: r, host: id, isolation: s.cluster.Isolation()}, nil
}

// tells puts into the job's log what a wait is for. It is a courtesy: a note that cannot be written is left out.
func (s *Steps) tells(ctx context.Context, j *job.Job, step job.Step, what string) func(Wait) {
	return func(w Wait) {
		note := "waiting for " + what
		if w.Ahead > 0 {
			note += fmt.Sprintf(", %d ahead", w.Ahead)
		}
		if w.Why != "" {
			note += ": " + w.Why
		}
		_ = s.jobs.Note(ctx, j, job.Draft{Type: "status", Data: job.StatusData{Status: job.Processing, Step: step, Attempt: j.Attempt, Note: note}})
	}
}

// patience sorts what ended the wait for a place: nil when only the step's time is up, so that it is called again.
func (s *Steps) patience(ctx, patient context.Context, j *job.Job, err, tooLong error) error {
	switch {
	case patient.Err() == nil || ctx.Err() != nil || fault.Is(err, fault.Unavailable):
		return err
	case s.now().Sub(j.Entered) > s.set.MaxWait:
		return tooLong
	}
	return nil
}

// lease waits for the session's cell; it gives none when the step's time is up first.
func (s *Steps) lease(ctx context.Context, j *job.Job, step job.Step) (Cell, error) {
	patient, cancel := context.WithTimeout(ctx, s.set.StepBudget)
	defer cancel()
	c, err := s.cells.Lease(patient, j.SessionID, j.ID, s.tells(ctx, j, step, "a cell"))
	if err != nil {
		return nil, s.patience(ctx, patient, j, err, errNoCell)
	}
	return c, nil
}

// start claims the run id for the host and hands the run over. supplying ends when the job is to stop; a run that was handed
// over is stopped by whoever follows it.
func (s *Steps) start(ctx, supplying context.Context, j *job.Job, step job.Step, mode ray.Mode, limit time.Duration, p *place) (job.Run, error) {
	a, err := s.jobs.Store().AttemptAt(ctx, j.Owner, j.ID, j.Attempt)
	if err != nil {
		return job.Run{}, err
	}
	run := ray.Run{RunID: j.RunID(step), Code: a.Code, Mode: mode, Limits: ray.Limits{
		WallSeconds: limit.Seconds(), OutputBytes: outputBytes, InlineRows: inlineRows, MaxOutputs: maxOutputs}}
	if err := s.supply(supplying, j, mode, p, &run, limit); err != nil {
		return job.Run{}, err
	}
	where := job.Cell
	if p.cell == nil {
		where = job.Cluster
	}
	rec, created, err := s.jobs.ClaimRun(ctx, j, job.Run{ID: run.RunID, Step: step, Attempt: j.Attempt, Place: where, Host: p.host})
	if err != nil {
		return rec, err
	}
	if !created && rec.Host != p.host {
		return rec, errLost
	}
	if _, _, err := p.runner.Submit(ctx, run); err != nil {
		if fault.Is(err, fault.Conflict) {
			return rec, errLost
		}
		return rec, lost(err)
	}
	return rec, nil
}

// supply makes the sources readable for the run: as files in the cell's inbox, or as keys with credentials on the cluster.
func (s *Steps) supply(ctx context.Context, j *job.Job, mode ray.Mode, p *place, run *ray.Run, limit time.Duration) error {
	var keys []string
	bindings, err := s.jobs.Bindings(ctx, j)
	if err != nil {
		return err
	}
	for i := range bindings {
		b := &bindings[i]
		key, rows := b.Key, b.Profile.Rows
		if mode == ray.Validate && !b.Profile.Sample.Whole {
			key, rows = b.Profile.Sample.Key, b.Profile.Sample.Rows
		}
		src := ray.RunSource{URI: b.URI, Name: b.Name, Format: b.Profile.Format, Dialect: b.Profile.Dialect, Columns: b.Profile.Columns, Rows: rows}
		names, err := s.hand(ctx, p, key, b, mode)
		if err != nil {
			return err
		}
		src.Files = names
		keys = append(keys, key)
		run.Sources = append(run.Sources, src)
	}
	if p.cell != nil {
		return nil
	}
	run.OutputPrefix = outputPrefix(j)
	creds, err := s.grants.Grant(ctx, object.Scope{Read: keys, Write: run.OutputPrefix}, limit+s.set.CredsTTL)
	run.Credentials = &creds
	return err
}

// hand gives a run one object, and makes sure that it is the one that was looked at: where it is read anyway, or else by one look before
// the sample is used. The run on the full data follows in the next moment.
func (s *Steps) hand(ctx context.Context, p *place, key string, b *source.Binding, mode ray.Mode) ([]string, error) {
	if p.cell == nil {
		return []string{key}, s.unchanged(ctx, key, b)
	}
	read := false
	name, err := p.cell.Put(ctx, key, func() (io.ReadCloser, int64, error) {
		read = true
		return s.fetch(ctx, key, b)
	})
	if err == nil && !read && mode == ray.Validate {
		err = s.unchanged(ctx, key, b) // the cell has it from an earlier run
	}
	return []string{name}, err
}

// unchanged makes sure that an object is there and, of a source itself, that it is the one that was looked at.
func (s *Steps) unchanged(ctx context.Context, key string, b *source.Binding) error {
	info, err := s.objects.Head(ctx, key)
	return asLooked(info, key, b, err)
}

func asLooked(info object.Info, key string, b *source.Binding, err error) error {
	if fault.Is(err, fault.NotFound) || err == nil && key == b.Key && b.ETag != "" && info.ETag != b.ETag {
		return errMissingData
	}
	return err
}

func (s *Steps) fetch(ctx context.Context, key string, b *source.Binding) (io.ReadCloser, int64, error) {
	body, info, err := s.objects.Get(ctx, key, 0, whole)
	if lerr := asLooked(info, key, b, err); lerr != nil {
		if err == nil {
			_ = body.Close()
		}
		return nil, 0, lerr
	}
	return body, info.Size, nil
}

// What says that the job waited for its place for too long.
var (
	errNoCell    = errors.New("no cell became free")
	errNoCluster = errors.New("the cluster did not start")
)

// errMissingData says that a bound source was removed.
var errMissingData = errors.New("a source was removed")

// outputPrefix is where the whole outputs of the current attempt go.
func outputPrefix(j *job.Job) string {
	return fmt.Sprintf("u/%s/s/%s/%s/a%d/", j.Owner, j.SessionID, j.ID, j.Attempt)
}
