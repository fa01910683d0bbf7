package ray

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Dashboard reads Ray's dashboard: only what its methods name, only by GET, with the token added here. Whoever asks through it never
// sees the token, and nothing of their own request reaches Ray but a checked job id. It is safe for concurrent use.
type Dashboard struct{ web web }

// NewDashboard makes a client of one dashboard.
func NewDashboard(dial Dialer, token string) *Dashboard {
	return &Dashboard{web: newWeb(dial, token)}
}

// The bounds of the dashboard's answers.
const (
	maxDashboard = 16 << 20
	statusTime   = 3 * time.Second
)

// DashboardStatus tells whether Ray answers.
type DashboardStatus struct {
	Connected bool   `json:"connected"`
	Version   string `json:"version,omitempty"` // of Ray
	Message   string `json:"message,omitempty"` // why not
}

// DashboardJob is one of Ray's own jobs.
type DashboardJob struct {
	ID      string            `json:"id"` // the submission id, which is our run id; a driver without one has its job id
	Type    string            `json:"type"`
	Status  string            `json:"status"` // PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED
	Message string            `json:"message,omitempty"`
	Start   time.Time         `json:"start"`
	End     *time.Time        `json:"end,omitempty"`
	Meta    map[string]string `json:"metadata,omitempty"`
}

// Node is one machine of the cluster.
type Node struct {
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	State     string             `json:"state"` // ALIVE, DEAD
	Head      bool               `json:"head"`
	Resources map[string]float64 `json:"resources,omitempty"`
}

// LogPage is a part of a job's log.
type LogPage struct {
	Text string `json:"text"`
	Next int64  `json:"next"` // the offset to go on from, in bytes
	More bool   `json:"more"` // there was more when it was read
}

// Status asks for the version; it never fails, because "disconnected" is an answer.
func (d *Dashboard) Status(ctx context.Context) DashboardStatus {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	var v struct {
		Ray string `json:"ray_version"`
	}
	if err := d.get(ctx, "/api/version", &v); err != nil {
		return DashboardStatus{Message: fault.MessageOf(err)}
	}
	return DashboardStatus{Connected: true, Version: clip(v.Ray, 100)}
}

// Jobs lists Ray's jobs, the newest first; running leaves out those that are over.
func (d *Dashboard) Jobs(ctx context.Context, running bool) ([]DashboardJob, error) {
	var raw []rawJob
	if err := d.get(ctx, "/api/jobs/", &raw); err != nil {
		return nil, err
	}
	jobs := make([]DashboardJob, 0, len(raw))
	for _, r := range raw {
		if !running || r.Status == "RUNNING" || r.Status == "PENDING" {
			jobs = append(jobs, r.job())
		}
	}
	slices.SortStableFunc(jobs, func(a, b DashboardJob) int {
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID))
	})
	return jobs, nil
}

// Job gives one job by its submission id.
func (d *Dashboard) Job(ctx context.Context, id string) (DashboardJob, error) {
	path, err := jobPath(id)
	if err != nil {
		return DashboardJob{}, err
	}
	var raw rawJob
	if err := d.get(ctx, path, &raw); err != nil {
		return DashboardJob{}, err
	}
	return raw.job(), nil
}

// JobLogs gives a page of a job's log from a byte offset, at most limit bytes (1 to 1 MiB), cut at the end of a line where there is one.
func (d *Dashboard) JobLogs(ctx context.Context, id string, offset int64, limit int) (LogPage, error) {
	path, err := jobPath(id)
	if err != nil {
		return LogPage{}, err
	}
	if offset < 0 || limit < 1 || limit > 1<<20 {
		return LogPage{}, fault.New(fault.Invalid, "A page of a log starts at 0 or later and has 1 to 1048576 bytes.")
	}
	var raw struct {
		Logs string `json:"logs"`
	}
	if err := d.get(ctx, path+"/logs", &raw); err != nil {
		return LogPage{}, err
	}
	rest := raw.Logs[min(offset, int64(len(raw.Logs))):]
	page := strings.ToValidUTF8(rest, "\uFFFD")
	if len(rest) > limit {
		page = clip(rest, limit)
		if cut := strings.LastIndexByte(page, '\n'); cut >= 0 {
			page = page[:cut+1]
		}
	}
	return LogPage{Text: page, Next: offset + int64(min(len(page), len(rest))), More: len(page) < len(rest)}, nil
}

// Nodes lists the cluster's machines.
func (d *Dashboard) Nodes(ctx context.Context) ([]Node, error) {
	var raw struct {
		Data struct {
			Result struct {
				Result []struct {
					ID        string             `json:"node_id"`
					Name      string             `json:"node_name"`
					State     string             `json:"state"`
					Head      bool               `json:"is_head_node"`
					Resources map[string]float64 `json:"resources_total"`
				} `json:"result"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := d.get(ctx, "/api/v0/nodes", &raw); err != nil {
		return nil, err
	}
	nodes := []Node{}
	for _, n := range raw.Data.Result.Result {
		nodes = append(nodes, Node{ID: clip(n.ID, 100), Name: clip(n.Name, 200), State: clip(n.State, 20), Head: n.Head, Resources: n.Resources})
	}
	return nodes, nil
}

// ClusterStatus gives the text of `ray status`: nodes, usage and demands.
func (d *Dashboard) ClusterStatus(ctx context.Context) (string, error) {
	var raw struct {
		Data struct {
			Text *string `json:"clusterStatus"`
		} `json:"data"`
	}
	if err := d.get(ctx, "/api/cluster_status?format=1", &raw); err != nil {
		return "", err
	}
	if raw.Data.Text == nil {
		return "", nil
	}
	return clip(*raw.Data.Text, 64<<10), nil
}

// jobPath accepts the ids that we and Ray make, and nothing that could become another path.
func jobPath(id string) (string, error) {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(r rune) bool { return !plain(r) }) {
		return "", fault.New(fault.NotFound, "Ray does not know this job.")
	}
	return "/api/jobs/" + url.PathEscape(id), nil
}

func (d *Dashboard) get(ctx context.Context, path string, out any) error {
	res, err := d.web.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := readBounded(res.Body, maxDashboard)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return statusFault(res.StatusCode, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return violation("%s: %v", path, err)
	}
	return nil
}

// rawJob is a job as Ray writes it; times are milliseconds.
type rawJob struct {
	Submission string            `json:"submission_id"`
	Job        string            `json:"job_id"`
	Type       string            `json:"type"`
	Status     string            `json:"status"`
	Message    string            `json:"message"`
	Start      int64             `json:"start_time"`
	End        int64             `json:"end_time"`
	Metadata   map[string]string `json:"metadata"`
}

func (r rawJob) job() DashboardJob {
	j := DashboardJob{ID: clip(cmp.Or(r.Submission, r.Job), 128), Type: clip(r.Type, 20), Status: clip(r.Status, 20), Message: clip(r.Message, 2000),
		Start: time.UnixMilli(r.Start).UTC(), Meta: r.Metadata}
	if r.End > 0 {
		end := time.UnixMilli(r.End).UTC()
		j.End = &end
	}
	return j
}
