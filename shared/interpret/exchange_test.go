package interpret_test

import (
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/job"
)

// What was looked at is what is read: a file that was exchanged afterwards, or removed, is not, also where a cell has it already.
func TestR36_AnExchangedFileIsNotRead(t *testing.T) {
	for name, place := range map[string]job.Place{"cell": job.Cell, "cluster": job.Cluster} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			first := r.job(r.walk(r.create(job.Request{Kind: job.Execute, Code: "x = 1", Place: place}), r.call))
			if first.Status != job.Completed {
				t.Fatalf("%s: %+v", first.Status, first.Failure)
			}
			again := job.Request{Kind: job.Execute, Code: "x = 2", Place: place, FromJob: first.ID}
			key, before := first.Sources[0].Key, len(r.script.Runs())
			r.must(r.objects.Put(t.Context(), key, "text/csv", strings.NewReader("a\n9\n"), 4))
			exchanged := r.job(r.walk(r.create(again), r.call))
			r.must(r.objects.Delete(t.Context(), key))
			removed := r.job(r.walk(r.create(again), r.call))
			for what, j := range map[string]*job.Job{"exchanged": exchanged, "removed": removed} {
				if j.Status != job.Failed || j.Failure.Class != "missing_data" {
					t.Errorf("%s: %s %+v", what, j.Status, j.Failure)
				}
			}
			if n := len(r.script.Runs()); n != before {
				t.Errorf("%d runs read what was exchanged", n-before)
			}
		})
	}
}
