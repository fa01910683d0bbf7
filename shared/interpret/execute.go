package interpret

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/table"
)

// Execute runs the validated program, the same to the byte, on the full data.
func (s *Steps) Execute(ctx context.Context, st State) (State, error) {
	j, over, err := s.open(ctx, st)
	if err != nil || over {
		st.Next = End
		return st, err
	}
	a, err := s.jobs.Store().AttemptAt(ctx, j.Owner, j.ID, st.Attempt)
	if err != nil {
		return st, err
	}
	if a.Verdict == lostVerdict {
		return st.onward(), nil
	}
	if a.Hash != j.Validated || job.HashCode(a.Code) != a.Hash {
		return st, fault.New(fault.Internal, "the program of job %s is not the one that was validated", j.ID)
	}
	if st, done, err := s.enter(ctx, st, j, job.Running); done {
		return st, err
	}
	limit := time.Duration(j.Limits.ExecuteSeconds) * time.Second
	v, p, err := s.attend(ctx, j, job.Running, ray.Execute, limit)
	if st, done, err := s.unsettled(ctx, st, j, v, p, err); done {
		return st, err
	}
	_, err = s.jobs.SettleRun(ctx, j, j.RunID(job.Running), func(j *job.Job) ([]table.Write, error) {
		j.Cost.RunSeconds += v.seconds
		j.Isolation = p.isolation
		return nil, nil
	})
	if err != nil {
		return s.superseded(ctx, st, err)
	}
	return s.afterExecute(ctx, st, j, v, p, limit)
}

func (s *Steps) afterExecute(ctx context.Context, st State, j *job.Job, v *verdict, p *place, limit time.Duration) (State, error) {
	switch v.state {
	case ray.Succeeded:
		key, err := s.keep(ctx, j, v, p)
		if errors.Is(err, errSpoiled) {
			return st.fail(job.Failed, &job.Failure{Class: "policy", Message: "The program removed or replaced a file that orcray wrote for its answer, " +
				"or made it too large. Leave the files in the output folder alone."}), nil
		}
		if err != nil {
			return st, err
		}
		st.Next, st.Status, st.Result = End, job.Completed, key
		return st, nil
	case ray.Stopped:
		return st.fail(job.Cancelled, nil), nil
	case ray.TimedOut:
		return st.fail(job.TimedOut, explain(v, limit)), nil
	default:
		return st.fail(job.Failed, explain(v, limit)), nil
	}
}

// Document is the result of a job as it is stored: what the run showed and what it read.
type Document struct {
	Outputs []ray.Output      `json:"outputs"`
	Reads   []json.RawMessage `json:"reads"`
}

// keep stores the result under the attempt's own prefix. Until finish commits it, nobody sees it; a later attempt writes
// somewhere else.
func (s *Steps) keep(ctx context.Context, j *job.Job, v *verdict, p *place) (string, error) {
	for i := range v.outputs {
		if err := s.collect(ctx, j, &v.outputs[i], p); err != nil {
			return "", err
		}
	}
	body, err := json.Marshal(Document{Outputs: v.outputs, Reads: v.reads})
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "a result cannot be written")
	}
	key := outputPrefix(j) + "result.json"
	return key, s.objects.Put(ctx, key, "application/json", bytes.NewReader(body), int64(len(body)))
}

// errSpoiled says that a file of the answer is not what the runner wrote: the program did something to it.
var errSpoiled = errors.New("an output is not what it was")

// collect moves a file that a run left in its cell to the object store and names it by its key.
func (s *Steps) collect(ctx context.Context, j *job.Job, o *ray.Output, p *place) error {
	var file *string
	contentType := "application/vnd.apache.parquet"
	switch {
	case o.Table != nil && o.Table.File != "":
		file = &o.Table.File
	case o.Image != nil && o.Image.File != "":
		file, contentType = &o.Image.File, "image/png"
	default:
		return nil
	}
	key := outputPrefix(j) + *file
	if p.cell == nil {
		// The cluster wrote it itself and says where. What a program says is data: only a key of this attempt counts, or the
		// result would lead to a file of somebody else.
		if !strings.HasPrefix(*file, outputPrefix(j)) || path.Clean(*file) != *file {
			*file = ""
		}
		return nil
	}
	body, size, err := p.cell.Open(j.RunID(job.Running), *file)
	switch fault.CodeOf(err) {
	case fault.NotFound, fault.Forbidden, fault.TooLarge:
		return errors.Join(errSpoiled, err)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	if err := s.objects.Put(ctx, key, contentType, body, size); err != nil {
		return err
	}
	*file = key
	return nil
}
