package local

import (
	"fmt"
	"slices"
	"testing"
)

func TestR59_OnePersonsBurstDoesNotKeepOthersFromWork(t *testing.T) {
	t.Parallel()
	l := newLanes(1000)
	var began []string
	end := map[string]func(){}
	add := func(owner, job string) int {
		return l.add(ticket{owner: owner, job: job, begin: func(ended func()) { began, end[job] = append(began, job), ended }})
	}
	for i := range 100 {
		if ahead := add("anna", fmt.Sprintf("a%d", i)); ahead != max(-1, i-maxOwner) {
			t.Fatalf("anna's job %d has %d ahead", i, ahead)
		}
	}
	if ahead := add("ben", "b0"); ahead >= 0 || !slices.Contains(began, "b0") {
		t.Error("ben waits for anna")
	}
	if add("anna", "a99"); !l.waits("a99") || l.waits("a0") || l.waits("b0") {
		t.Error("who waits is told wrongly")
	}
	for job := "a0"; len(began) < 101; job = began[len(began)-1] {
		end[job]()
		end[job]() // telling it twice frees no second place
	}
	if last := began[len(began)-1]; last != "a99" || l.total != maxOwner+1 {
		t.Errorf("%s began last, %d are at work", last, l.total)
	}
}

func TestR59_TurnsGoRoundAndTheWholeIsBounded(t *testing.T) {
	t.Parallel()
	l := newLanes(3)
	var began []string
	var ends []func()
	add := func(owner, job string) int {
		return l.add(ticket{owner: owner, job: job, begin: func(ended func()) { began, ends = append(began, job), append(ends, ended) }})
	}
	for i := range maxActive {
		add(fmt.Sprintf("owner%d", i/maxOwner), fmt.Sprintf("first%d", i))
	}
	for _, job := range []string{"x1", "x2"} {
		add("xenia", job)
	}
	if l.full() != nil {
		t.Error("two of three are not full")
	}
	if ahead := add("yan", "y1"); ahead != 0 {
		t.Errorf("%d of yan's jobs are ahead", ahead)
	}
	moved := l.full()
	if moved == nil || len(began) != maxActive {
		t.Fatalf("%d at work", len(began))
	}
	for _, ended := range ends[:2] {
		ended()
	}
	if got := began[maxActive:]; !slices.Equal(got, []string{"x1", "y1"}) {
		t.Errorf("the places went to %v", got)
	}
	<-moved
	l.close()
	ends[2]()
	if len(began) != maxActive+2 {
		t.Error("a job began after the end")
	}
}
