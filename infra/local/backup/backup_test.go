package backup_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/infra/local/backup"
	"github.com/orcray/orcray/infra/local/localtest"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler"
)

// seen is everything of a case that its user can see.
type seen struct {
	Jobs   handler.Page[handler.JobView]
	Events map[string]handler.EventPage
	Result string
	Source string
}

func look(c *localtest.Case, id string) seen {
	s := seen{Events: map[string]handler.EventPage{}}
	c.Must(&s.Jobs, http.MethodGet, "/api/v1/jobs?session_id="+c.Session, nil)
	for _, j := range s.Jobs.Items {
		s.Events[j.ID] = c.Events(j.ID)
	}
	s.Result = c.Must(nil, http.MethodGet, "/api/v1/jobs/"+id+"/result", nil).Body
	s.Source = c.Must(nil, http.MethodGet, "/api/v1/sessions/"+c.Session+"/sources/"+c.Source.ID, nil).Body
	return s
}

// A backup is taken while orcray answers questions; what comes back is the same history, files, accounts and keys, and works on.
func TestO59_ABackupOfARunningOrcrayComesBackWhole(t *testing.T) {
	w, err := localtest.Open(localtest.Setup{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	c := w.NewCase(t)
	if j := c.Ask(); j.Failure != nil {
		t.Fatalf("%+v", j.Failure)
	}
	question := c.Question()
	question["sources"] = []string{c.Source.ID}
	second := c.Wait(c.Start(question))
	before := look(c, second.ID)
	stop, stopped := make(chan struct{}), make(chan int)
	go func() { // writes go on meanwhile
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				stopped <- n
				return
			default:
				c.Do(http.MethodPost, "/api/v1/sessions", map[string]string{"name": "meanwhile"})
			}
		}
	}()
	to := t.TempDir()
	m, err := backup.Take(t.Context(), backup.Plan{Data: filepath.Join(w.Dir, "var"), To: to, Keep: backup.DefaultKeep, Now: time.Now})
	close(stop)
	if n := <-stopped; err != nil || n == 0 {
		t.Fatalf("%v, %d writes meanwhile", err, n)
	}
	if m.Jobs != 2 || m.Files < 5 {
		t.Errorf("%+v", m)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	if _, err := backup.Restore(t.Context(), m.Path, filepath.Join(dir, "var")); err != nil {
		t.Fatal(err)
	}
	kept, back := listOf(t, m.Path), listOf(t, take(t, filepath.Join(dir, "var"), t.TempDir(), 1).Path)
	if !strings.Contains(kept, "user.etag") && !strings.Contains(kept, "/attributes/") || kept != back {
		t.Errorf("the objects that came back, with their attributes, are others:\n%s\n%s", kept, back)
	}
	again, err := localtest.Open(localtest.Setup{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	c2 := again.Rejoin(c) // with the token of before: the signing keys came back as well
	after := look(c2, second.ID)
	if len(after.Jobs.Items) != 2 || !same(before, after) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if _, err := again.Admin(); err != nil {
		t.Errorf("the owner cannot sign in: %v", err)
	}
	if j := c2.Wait(c2.Start(question)); j.Failure != nil {
		t.Errorf("the next question: %+v", j.Failure)
	}

	_, err = backup.Restore(t.Context(), m.Path, filepath.Join(dir, "var"))
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.MessageOf(err), "make down") {
		t.Errorf("under a running server: %v", err)
	}
}

// listOf gives what a backup says of its objects, keys and owner.
func listOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path, "files.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), `{"path":"owner.json"`) // databases are written anew, and come first
	return list
}

func same(a, b seen) bool {
	x, _ := jsonOf(a)
	y, _ := jsonOf(b)
	return x == y
}
