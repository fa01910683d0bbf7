package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/handler"
)

func jobsCommand() *cobra.Command {
	t := &target{}
	var status string
	var limit int
	cmd := &cobra.Command{Use: "jobs", Short: "My jobs, newest first", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		c, err := t.connect(cmd.Context())
		if err != nil {
			return err
		}
		q := url.Values{}
		if status != "" {
			q.Set("status", status)
		}
		jobs, more, err := pages[handler.JobView](cmd.Context(), c, "/api/v1/jobs", q, limit)
		if err != nil {
			return err
		}
		list(jobs)
		sayMore(more, limit)
		return nil
	}}
	t.add(cmd)
	cmd.Flags().StringVar(&status, "status", "", "queued, processing, completed, failed, cancelled or timed_out")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many")
	return cmd
}

// pages reads a list page by page until it has limit items, or the list ends; more says that it goes on.
func pages[T any](ctx context.Context, c *client, path string, q url.Values, limit int) (items []T, more bool, err error) {
	const most = 200 // in one page
	for {
		var page handler.Page[T]
		q.Set("limit", fmt.Sprint(max(1, min(limit-len(items), most))))
		if err := c.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return nil, false, err
		}
		items = append(items, page.Items...)
		if page.Next == "" || len(items) >= limit {
			return items, page.Next != "", nil
		}
		q.Set("cursor", page.Next)
	}
}

func sayMore(more bool, limit int) {
	if more {
		fmt.Fprintf(os.Stderr, "There are more; --limit %d shows up to that many.\n", 10*max(1, limit))
	}
}

func list(jobs []handler.JobView) {
	w := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tSTATUS\tWHEN\tTOOK\tWHAT")
	for _, j := range jobs {
		took := ""
		if j.Completed != nil {
			took = fmt.Sprintf("%.1f s", j.Completed.Sub(j.Created).Seconds())
		}
		what := j.Prompt
		if what == "" {
			what = "(a program)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", j.ID, j.Status, j.Created.Local().Format(time.DateTime), took, plain(clip(what, 60)))
	}
	_ = w.Flush() // the terminal is gone
}

func jobCommand() *cobra.Command {
	t := &target{}
	var follow bool
	cmd := &cobra.Command{Use: "job ID", Short: "Show a job", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		c, err := t.connect(cmd.Context())
		if err != nil {
			return err
		}
		var j handler.JobView
		if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/jobs/"+url.PathEscape(args[0]), nil, &j); err != nil {
			return err
		}
		if !follow && !j.Status.Terminal() {
			list([]handler.JobView{j})
			return nil
		}
		return finish(cmd.Context(), c, j.ID, &printer{out: os.Stdout})
	}}
	t.add(cmd)
	cmd.Flags().BoolVar(&follow, "follow", false, "stay until it has ended")
	return cmd
}

func stopCommand() *cobra.Command {
	t := &target{}
	cmd := &cobra.Command{Use: "stop ID", Short: "Stop a job and its run", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		c, err := t.connect(cmd.Context())
		if err != nil {
			return err
		}
		var j handler.JobView
		if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/jobs/"+url.PathEscape(args[0])+"/stop", nil, &j); err != nil {
			return err
		}
		if j.Stopping {
			fmt.Println("stopping", j.ID)
		} else {
			fmt.Println(j.ID, "is", j.Status)
		}
		return nil
	}}
	t.add(cmd)
	return cmd
}

func historyCommand() *cobra.Command {
	t := &target{}
	var limit int
	cmd := &cobra.Command{Use: "history [SESSION]", Short: "My sessions, or what was asked in one", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.connect(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return sessions(cmd, c, limit)
			}
			entries, more, err := pages[handler.HistoryEntry](cmd.Context(), c, "/api/v1/sessions/"+url.PathEscape(args[0])+"/history", url.Values{}, limit)
			if err != nil {
				return err
			}
			jobs := make([]handler.JobView, len(entries))
			for i, e := range entries {
				jobs[i] = e.JobView
			}
			list(jobs)
			sayMore(more, limit)
			return nil
		}}
	t.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 200, "how many")
	return cmd
}

func sessions(cmd *cobra.Command, c *client, limit int) error {
	all, more, err := pages[handler.SessionView](cmd.Context(), c, "/api/v1/sessions", url.Values{}, limit)
	if err != nil {
		return err
	}
	defer sayMore(more, limit)
	w := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SESSION\tSTARTED\tNAME")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.ID, s.Created.Local().Format(time.DateTime), plain(s.Name))
	}
	return w.Flush()
}

func modelsCommand() *cobra.Command {
	t := &target{}
	cmd := &cobra.Command{Use: "models", Short: "The models that can be chosen", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		c, err := t.connect(cmd.Context())
		if err != nil {
			return err
		}
		var page handler.Page[codegen.Listed]
		if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/models", nil, &page); err != nil {
			return err
		}
		for _, m := range page.Items {
			mark := " "
			if m.Default {
				mark = "*"
			}
			fmt.Printf("%s %s  %s (%s)\n", mark, m.ID, m.Name, m.Provider)
		}
		return nil
	}}
	t.add(cmd)
	return cmd
}
