package interpret

import (
	"context"

	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/table"
)

// Prepare takes the job up and chooses its place. The sources were bound when the job was accepted.
func (s *Steps) Prepare(ctx context.Context, st State) (State, error) {
	j, err := s.jobs.Get(ctx, st.Owner, st.JobID)
	if err != nil {
		return st, err
	}
	st.Kind, st.Attempt, st.Trace = j.Kind, j.Attempt, j.TraceParent
	if j.Status.Terminal() {
		st.Next = End
		return st, nil
	}
	place, failure := s.choose(j)
	if failure != nil {
		return st.fail(job.Failed, failure), nil
	}
	if j.Status == job.Queued {
		j, err = s.jobs.Advance(ctx, st.Owner, st.JobID, j.Attempt, func(j *job.Job) ([]table.Write, error) {
			j.Status, j.Step, j.RanIn, j.Started = job.Processing, job.Prepare, place, s.now()
			return nil, nil
		}, job.Draft{Type: "status", Data: job.StatusData{Status: job.Processing, Step: job.Prepare, Attempt: j.Attempt, Place: place}})
		if err != nil {
			return s.superseded(ctx, st, err)
		}
	}
	st.Next = ToGenerate
	if j.Kind == job.Execute {
		st.Next = ToValidate
	}
	return st, nil
}

func (s *Steps) choose(j *job.Job) (job.Place, *job.Failure) {
	limit := s.set.PlaceLimit
	if j.Limits.PlaceBytes > 0 { // as it was when the job was accepted
		limit = j.Limits.PlaceBytes
	}
	switch {
	case j.Place == job.Cell:
		return job.Cell, nil
	case j.Place == job.Auto && j.Bytes() <= limit:
		return job.Cell, nil
	case s.cluster == nil:
		return "", &job.Failure{Class: "unavailable", Message: "This needs the cluster, and the cluster is switched off. Ask your operator to set ORCRAY_CLUSTER=auto, or use less data."}
	default:
		return job.Cluster, nil
	}
}
