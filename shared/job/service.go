package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/settings"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

// Rules are the limits that a request is held to.
type Rules struct {
	MaxPrompt       int // bytes
	MaxCode         int // bytes
	PerMinute       int // accepted jobs of one user in a minute
	ValidateSeconds int
	ExecuteSeconds  int
	MaxExecute      int    // seconds that a request may ask for
	PlaceLimit      int64  // bytes of all sources up to which a job runs in a cell; 0: the steps know it
	Model           string // that is asked when a request names none; empty: the list's own default
}

// Sessions is what the service needs of sessions: the sources that a new job binds.
type Sessions interface {
	// Exists is fault.NotFound for a session that is missing or somebody else's.
	Exists(ctx context.Context, owner, session string) error
	// Bind gives the named sources, or the selected ones when ids is empty; fault.NotFound for an unknown session.
	Bind(ctx context.Context, owner, session string, ids []string) ([]source.Binding, error)
	// Unselecting makes the writes that end the selection of the sources, but for the pinned ones; they conflict when a source
	// was changed in between.
	Unselecting(ctx context.Context, owner, session string, ids []string) ([]table.Write, error)
}

// Models says which models exist.
type Models interface {
	// Resolve gives the id of the model to use: the default for "", fault.Invalid for an unknown one.
	Resolve(id string) (string, error)
}

// Pace counts the jobs that each user starts.
type Pace interface {
	// Take counts one more job of at most so many a minute (0: any number), or says how long the user must wait and counts nothing.
	Take(ctx context.Context, owner string, perMinute int) (Allowance, error)
}

// Allowance is how a user stands after a job was counted, or was not. The zero value is no limit.
type Allowance struct {
	Limit int           // jobs a minute; 0: any number
	Left  int           // that could be started now
	Full  time.Duration // until all Limit could be
	Wait  time.Duration // until one could be; over 0: this one was not counted
}

// Settings gives what an admin may change while orcray runs.
type Settings interface {
	Live(ctx context.Context) settings.Values
}

// Service accepts jobs and answers for them.
type Service struct {
	store    *Store
	log      *Log
	table    table.Table
	queue    queue.Queue
	sessions Sessions
	models   Models
	rules    Rules
	settings Settings
	pace     Pace
	now      func() time.Time
	newID    func() string
	send     func(error)
}

// Deps are the parts of a service.
type Deps struct {
	Store    *Store
	Log      *Log
	Table    table.Table
	Queue    queue.Queue
	Sessions Sessions
	Models   Models
	Rules    Rules
	Settings Settings // nil: the rules stay as they are
	Pace     Pace
	Now      func() time.Time
	NewID    func() string // ULIDs: they sort by time
	OnSend   func(error)   // hears when a job was stored but its message was not sent; the reaper sends it later
}

// NewService makes a service.
func NewService(d Deps) *Service {
	return &Service{store: d.Store, log: d.Log, table: d.Table, queue: d.Queue, sessions: d.Sessions, models: d.Models,
		rules: d.Rules, settings: d.Settings, pace: d.Pace, now: d.Now, newID: d.NewID, send: d.OnSend}
}

// Request asks for a new job.
type Request struct {
	Kind           Kind
	SessionID      string
	Prompt         string
	Code           string
	Model          string
	Place          Place
	Sources        []string // ids; empty: the session's selection, or those of FromJob
	FromJob        string   // its sources are bound again; its program too when Code is empty
	ExecuteSeconds int
	CheckOnly      bool // prove the given program on the samples, and do not run it
	IdempotencyKey string
	TraceParent    string
}

// Message is what the queue carries: where to find the job. The job itself is the truth.
type Message struct {
	Owner string `json:"owner"`
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Trace string `json:"trace,omitempty"`
}

// Accepted is the answer to Create.
type Accepted struct {
	Job      *Job
	Replayed bool      // the idempotency key was seen before
	Pace     Allowance // also of a refusal; zero when nothing was counted
}

type idempotency struct {
	Fingerprint string `json:"fingerprint"`
	JobID       string `json:"job_id"`
}

// Create validates a request, stores the job and queues it. With an idempotency key the same request gives the same job, and
// another request under the same key is fault.Unprocessable.
func (s *Service) Create(ctx context.Context, owner string, r Request) (Accepted, error) {
	if r.IdempotencyKey != "" {
		if done, err := s.replay(ctx, owner, r); done != nil || err != nil {
			return Accepted{Job: done, Replayed: true}, err
		}
	}
	p, err := s.plan(ctx, owner, r)
	if err != nil {
		return Accepted{}, err
	}
	pace, err := s.throttle(ctx, owner)
	if err != nil {
		return Accepted{Pace: pace}, err
	}
	j := p.job
	err = s.insert(ctx, p, r)
	if fault.Is(err, fault.Conflict) && r.IdempotencyKey != "" {
		done, rerr := s.replay(ctx, owner, r)
		if done != nil || rerr != nil {
			return Accepted{Job: done, Replayed: true}, rerr
		}
	}
	if err != nil {
		return Accepted{}, err
	}
	if err := s.Enqueue(ctx, j); err != nil {
		if fault.Is(err, fault.Throttled) {
			return Accepted{Pace: pace}, s.refuse(ctx, j, r, err)
		}
		s.send(err)
	}
	return Accepted{Job: j, Pace: pace}, nil
}

// Enqueue sends the message of a job; sending it twice does no harm.
func (s *Service) Enqueue(ctx context.Context, j *Job) error {
	body, err := json.Marshal(Message{Owner: j.Owner, ID: j.ID, Kind: j.Kind, Trace: j.TraceParent})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a message cannot be written")
	}
	return s.queue.Send(ctx, body)
}

// Resend sends the message of a queued job again, because the first one may be lost, and remembers when.
func (s *Service) Resend(ctx context.Context, j *Job) error {
	queued := false
	j, err := s.store.Update(ctx, j.Owner, j.ID, func(j *Job) (bool, []table.Write, error) {
		queued = j.Status == Queued
		return queued, nil, nil
	})
	if err != nil || !queued {
		return err
	}
	return s.Enqueue(ctx, j)
}

// refuse takes back a job that the full queue did not take, and returns the queue's own error. Nothing of it stays: the same
// request, under the same idempotency key, is a new one.
func (s *Service) refuse(ctx context.Context, j *Job, r Request, full error) error {
	gone := func(k table.Key) table.Write { return table.Write{Op: table.Delete, Item: table.Item{Key: k}} }
	writes := []table.Write{gone(jobKey(j.Owner, j.ID)), gone(pointerKey(j.Owner, j.SessionID, j.ID)), gone(openKey(j.ID))}
	if r.IdempotencyKey != "" {
		writes = append(writes, gone(idempotencyKey(j.Owner, "jobs", r.IdempotencyKey)))
	}
	ctx = context.WithoutCancel(ctx) // the caller may be gone, but a job that nobody knows must not run
	if err := s.table.Transact(ctx, writes); err != nil {
		return err
	}
	s.log.Forget(j.ID)
	if err := s.purge(ctx, j.Owner, j.ID); err != nil {
		return err
	}
	return full
}

func (s *Service) replay(ctx context.Context, owner string, r Request) (*Job, error) {
	rec, _, err := table.Load[idempotency](ctx, s.table, idempotencyKey(owner, "jobs", r.IdempotencyKey))
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if rec.Fingerprint != fingerprint(r) {
		return nil, fault.New(fault.Unprocessable, "This Idempotency-Key was used for another request. Use a new key for a new job.")
	}
	j, err := s.store.Get(ctx, owner, rec.JobID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Conflict, "The job of this Idempotency-Key was deleted. Use a new key for a new job.")
	}
	return j, err
}

func fingerprint(r Request) string {
	r.TraceParent = ""
	body, _ := json.Marshal(r)
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// rulesNow are the rules with what admins have changed of them.
func (s *Service) rulesNow(ctx context.Context) Rules {
	rules := s.rules
	if s.settings == nil {
		return rules
	}
	v := s.settings.Live(ctx)
	rules.PerMinute, rules.ValidateSeconds, rules.ExecuteSeconds = v.JobsPerMinute, v.ValidateSeconds, v.ExecuteSeconds
	rules.PlaceLimit, rules.Model = v.PlaceLimit, v.Model
	return rules
}

// model gives the model that a request means. The admins' choice counts while it is on the list.
func (s *Service) model(named, chosen string) (string, error) {
	if named == "" && chosen != "" {
		if id, err := s.models.Resolve(chosen); err == nil {
			return id, nil
		}
	}
	return s.models.Resolve(named)
}

func (s *Service) throttle(ctx context.Context, owner string) (Allowance, error) {
	perMinute := s.rulesNow(ctx).PerMinute
	pace, err := s.pace.Take(ctx, owner, perMinute)
	if err != nil || pace.Wait <= 0 {
		return pace, err
	}
	e := fault.New(fault.Throttled, "You may start %d jobs a minute. Try again in %d seconds.", perMinute, int(pace.Wait.Seconds())+1)
	e.RetryAfter = pace.Wait
	return pace, e
}

func (s *Service) insert(ctx context.Context, p planned, r Request) error {
	j, code := p.job, p.code
	w, err := table.Save(jobKey(j.Owner, j.ID), j, table.Absent())
	if err != nil {
		return err
	}
	pointer, err := table.Save(pointerKey(j.Owner, j.SessionID, j.ID), j.ID, table.Absent())
	if err != nil {
		return err
	}
	open, err := table.Save(openKey(j.ID), Open{Owner: j.Owner, ID: j.ID, Since: j.Created}, table.Absent())
	if err != nil {
		return err
	}
	writes := []table.Write{w, pointer, open}
	if r.IdempotencyKey != "" {
		rec := idempotency{Fingerprint: fingerprint(r), JobID: j.ID}
		idem, err := table.SaveUntil(idempotencyKey(j.Owner, "jobs", r.IdempotencyKey), rec, table.Absent(), s.now().Add(7*24*time.Hour))
		if err != nil {
			return err
		}
		writes = append(writes, idem)
	}
	for i, b := range p.bindings {
		w, err := table.Save(bindingKey(j.Owner, j.ID, i), b, table.Absent())
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	if code != "" {
		a := Attempt{Number: 1, Code: code, Hash: HashCode(code), Origin: "given", Started: s.now()}
		w, err := s.store.SaveAttempt(j.Owner, j.ID, a)
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	drafts := []Draft{{Type: "status", Data: StatusData{Status: Queued}}}
	err = s.log.Append(ctx, j.Owner, j.ID, drafts, writes...)
	if fault.Is(err, fault.TooLarge) {
		return fault.New(fault.TooLarge, "The program and what is known of its sources are too large to be kept. Shorten the program, or use fewer sources.")
	}
	if err != nil {
		return err
	}
	j.Version = 1
	return nil
}

// HashCode names a program by its content.
func HashCode(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}
