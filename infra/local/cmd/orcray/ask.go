package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/source"
)

// work is what ask and run share.
type work struct {
	target
	files   []string
	session string
	model   string
	place   string
	seconds int
	quiet   bool
}

func (w *work) flags(cmd *cobra.Command) {
	w.add(cmd)
	cmd.Flags().StringArrayVarP(&w.files, "file", "f", nil, "a CSV, JSON lines or Parquet file; can be repeated")
	cmd.Flags().StringVar(&w.session, "session", "", "go on in a session, about the same files where none is named (default: a new one)")
	cmd.Flags().StringVar(&w.place, "place", "auto", "where to run: auto, cell or cluster")
	cmd.Flags().IntVar(&w.seconds, "seconds", 0, "time limit of the full run (default: the server's)")
	cmd.Flags().BoolVarP(&w.quiet, "quiet", "q", false, "show the answer only")
}

func askCommand() *cobra.Command {
	w := &work{}
	cmd := &cobra.Command{Use: "ask QUESTION", Short: "Ask a question about files", Args: cobra.ExactArgs(1),
		Example: `  orcray ask --file sales.csv "total revenue by region, largest first"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return w.do(cmd.Context(), handler.CreateJob{Kind: job.Interpret, Prompt: args[0], Model: w.model})
		}}
	w.flags(cmd)
	cmd.Flags().StringVar(&w.model, "model", "", "one of `orcray models` (default: the server's)")
	return cmd
}

func runCommand() *cobra.Command {
	w := &work{}
	var from string
	cmd := &cobra.Command{Use: "run [PROGRAM.py]", Short: "Run a program on files, proven on samples first", Args: cobra.MaximumNArgs(1),
		Example: "  orcray run program.py --file sales.csv\n  orcray run --again JOB",
		RunE: func(cmd *cobra.Command, args []string) error {
			req := handler.CreateJob{Kind: job.Execute, FromJob: from}
			if len(args) == 1 {
				code, err := os.ReadFile(args[0])
				if err != nil {
					return err
				}
				req.Code = string(code)
			}
			return w.do(cmd.Context(), req)
		}}
	w.flags(cmd)
	cmd.Flags().StringVar(&from, "again", "", "use the sources of this job, and its program if none is given")
	return cmd
}

func (w *work) do(ctx context.Context, req handler.CreateJob) error {
	c, err := w.connect(ctx)
	if err != nil {
		return err
	}
	show := &printer{quiet: w.quiet, out: os.Stdout}
	if req.SessionID, err = w.openSession(ctx, c, req); err != nil {
		return err
	}
	for _, file := range w.files {
		src, err := c.upload(ctx, req.SessionID, file)
		if err != nil {
			return err
		}
		show.source(src)
	}
	if w.session != "" && len(w.files) == 0 && req.FromJob == "" {
		if req.Sources, err = lastRead(ctx, c, w.session, show); err != nil {
			return err
		}
	}
	req.Place, req.ExecuteSeconds = job.Place(w.place), w.seconds
	var j handler.JobView
	if err := c.call(ctx, http.MethodPost, "/api/v1/jobs", req, &j); err != nil {
		return err
	}
	return finish(ctx, c, j.ID, show)
}

func (w *work) openSession(ctx context.Context, c *client, req handler.CreateJob) (string, error) {
	if w.session != "" || req.FromJob != "" && len(w.files) == 0 {
		return w.session, nil
	}
	var s handler.SessionView
	err := c.call(ctx, http.MethodPost, "/api/v1/sessions", map[string]string{"name": clip(req.Prompt, 60)}, &s)
	return s.ID, err
}

// lastRead gives what the last job of a session read, for a question that goes on there and names no file; nothing where files are
// selected, on the page, for the next job: the server takes those. What was removed since is left out.
func lastRead(ctx context.Context, c *client, session string, show *printer) ([]string, error) {
	var there handler.Page[source.Source]
	if err := c.call(ctx, http.MethodGet, "/api/v1/sessions/"+url.PathEscape(session)+"/sources", nil, &there); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(there.Items, func(s source.Source) bool { return s.Selected }) {
		return nil, nil
	}
	jobs, _, err := pages[handler.JobView](ctx, c, "/api/v1/jobs", url.Values{"session_id": {session}}, 1)
	if err != nil || len(jobs) == 0 {
		return nil, err
	}
	var ids []string
	for _, s := range there.Items {
		if slices.ContainsFunc(jobs[0].Sources, func(b handler.BoundSource) bool { return b.ID == s.ID }) {
			ids = append(ids, s.ID)
			show.source(s)
		}
	}
	return ids, nil
}

// finish follows a job and shows its end; a job that was not completed ends the command with status 1.
func finish(ctx context.Context, c *client, id string, show *printer) error {
	show.begin(id)
	if err := c.follow(ctx, id, show.event); err != nil {
		if ctx.Err() != nil {
			fmt.Fprintf(os.Stderr, "\nThe job goes on. Follow it with `orcray job %s --follow`, or stop it with `orcray stop %s`.\n", id, id)
			return exitCode(130)
		}
		return err
	}
	var j handler.JobView
	if err := c.call(ctx, http.MethodGet, "/api/v1/jobs/"+id, nil, &j); err != nil {
		return err
	}
	if j.Status == job.Completed {
		var r handler.ResultView
		if err := c.call(ctx, http.MethodGet, "/api/v1/jobs/"+id+"/result", nil, &r); err != nil {
			return err
		}
		show.result(r)
	}
	show.end(j)
	if j.Status != job.Completed {
		return exitCode(1)
	}
	return nil
}

func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
