package job

import "time"

// The events of the bus: one for each job that ended, at least once.
const (
	EventCompleted = "job.completed"
	EventFailed    = "job.failed" // also when it was cancelled or timed out; Status says which
)

// Ended is the detail of such an event: enough to decide whether to look at the job, and nothing of its data.
type Ended struct {
	JobID     string    `json:"job_id"`
	Owner     string    `json:"owner"`
	SessionID string    `json:"session_id"`
	Kind      Kind      `json:"kind"`
	Status    Status    `json:"status"`
	Attempt   int       `json:"attempt"`
	Class     string    `json:"failure_class,omitempty"`
	Model     string    `json:"model,omitempty"`
	RanIn     Place     `json:"ran_in,omitempty"`
	Cost      Cost      `json:"cost"`
	Created   time.Time `json:"created_at"`
	Completed time.Time `json:"completed_at"`
	Trace     string    `json:"trace,omitempty"` // traceparent
}

// Ended gives the event of a job that has ended, with its name.
func (j *Job) Ended() (name string, detail Ended) {
	name = EventFailed
	if j.Status == Completed {
		name = EventCompleted
	}
	detail = Ended{JobID: j.ID, Owner: j.Owner, SessionID: j.SessionID, Kind: j.Kind, Status: j.Status, Attempt: j.Attempt, Model: j.Model,
		RanIn: j.RanIn, Cost: j.Cost, Created: j.Created, Completed: j.Completed, Trace: j.TraceParent}
	if j.Failure != nil {
		detail.Class = j.Failure.Class
	}
	return name, detail
}
