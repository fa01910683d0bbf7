package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// What is known of cells and of the cluster, so that any Lambda can go on where another one was. The sessions' owners are not in these
// keys: a lease is found by the session that a job of its owner names, and shows nothing to anybody.
//
//	CELLS          LEASE#<session>         who has a cell or wants one, and the line of the session's jobs
//	CELLS          LINE#<since>#<session>  a place in the line for cells; it goes when nobody stands there any more
//	CELLS          USED                    when cells were last of use
//	CELL#<task>    TAKEN                   the task was given to a session once, and never is again
//	CLUSTER        USED                    when the cluster was last of use
const cellsPK = "CELLS"

func leaseKey(session string) table.Key { return table.Key{PK: cellsPK, SK: "LEASE#" + session} }
func takenKey(arn string) table.Key     { return table.Key{PK: "CELL#" + arn, SK: "TAKEN"} }
func usedKey(what string) table.Key     { return table.Key{PK: what, SK: "USED"} }

// lineKey sorts by time of arrival.
func lineKey(since time.Time, session string) table.Key {
	return table.Key{PK: cellsPK, SK: fmt.Sprintf("LINE#%020d#%s", since.UnixNano(), session)}
}

// lease is what a session has.
type lease struct {
	Session string    `json:"session"`
	Holder  string    `json:"holder,omitempty"` // the job that has the cell, or waits for one
	Held    time.Time `json:"held"`             // when the holder was last heard of
	Turns   []turn    `json:"turns,omitempty"`  // the session's other jobs, in the order in which they came
	Line    string    `json:"line,omitempty"`   // its place in the line for cells: a sort key
	Task    string    `json:"task,omitempty"`
	Address string    `json:"address,omitempty"`
	Token   string    `json:"token,omitempty"`
	Claimed bool      `json:"claimed,omitempty"` // the runner obeys the token
	Leased  time.Time `json:"leased"`            // since when the cell is the session's
	Used    time.Time `json:"used"`              // when a job last used it

	version int64
}

// turn is a job that waits for its session's cell.
type turn struct {
	Job   string    `json:"job"`
	Heard time.Time `json:"heard"`
}

// taken says whose cell a task was.
type taken struct {
	Session string    `json:"session"`
	At      time.Time `json:"at"`
}

// takenFor is longer than any task lives: the sweep stops used ones within minutes.
const takenFor = 14 * 24 * time.Hour

// stamp is a moment.
type stamp struct {
	At time.Time `json:"at"`
}

// records keeps leases in the table.
type records struct {
	table table.Table
	now   func() time.Time
}

// lease reads what a session has; nothing is a lease of version 0.
func (r records) lease(ctx context.Context, session string) (lease, error) {
	l, version, err := table.Load[lease](ctx, r.table, leaseKey(session))
	if fault.Is(err, fault.NotFound) {
		return lease{Session: session}, nil
	}
	l.version = version
	return l, err
}

// save writes a lease if nobody else did meanwhile (fault.Conflict), together with other writes.
func (r records) save(ctx context.Context, l *lease, more ...table.Write) error {
	w, err := table.Save(leaseKey(l.Session), l, table.VersionIs(l.version))
	if err != nil {
		return err
	}
	if err := r.table.Transact(ctx, append([]table.Write{w}, more...)); err != nil {
		return err
	}
	l.version++
	return nil
}

// drop removes a lease if nobody else changed it meanwhile.
func (r records) drop(ctx context.Context, l lease) error {
	writes := []table.Write{{Op: table.Delete, Need: table.VersionIs(l.version), Item: table.Item{Key: leaseKey(l.Session)}}}
	return r.table.Transact(ctx, append(writes, leaveLine(l)...))
}

// leaveLine gives a place in the line up.
func leaveLine(l lease) []table.Write {
	if l.Line == "" {
		return nil
	}
	return []table.Write{{Op: table.Delete, Item: table.Item{Key: table.Key{PK: cellsPK, SK: l.Line}}}}
}

// take makes the write that gives a task to a session, unless it was given to one before.
func (r records) take(arn, session string) (table.Write, error) {
	return table.SaveUntil(takenKey(arn), taken{Session: session, At: r.now()}, table.Absent(), r.now().Add(takenFor))
}

// wasTaken tells whether a task was ever given to a session.
func (r records) wasTaken(ctx context.Context, arn string) (bool, error) {
	_, err := r.table.Get(ctx, takenKey(arn))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// leases lists what all sessions have.
func (r records) leases(ctx context.Context) ([]lease, error) {
	var all []lease
	var broken error
	err := table.All(ctx, r.table, table.Query{PK: cellsPK, Prefix: "LEASE#"}, func(item table.Item) bool {
		l, err := table.Decode[lease](item)
		l.version = item.Version
		all, broken = append(all, l), errors.Join(broken, err)
		return true
	})
	return all, errors.Join(err, broken)
}

// line lists the places in the line, the longest waiting first.
func (r records) line(ctx context.Context) ([]string, error) {
	var all []string
	err := table.All(ctx, r.table, table.Query{PK: cellsPK, Prefix: "LINE#"}, func(item table.Item) bool {
		all = append(all, item.SK)
		return true
	})
	return all, err
}

// stand makes the write that keeps a place in the line for a while.
func (r records) stand(place string, until time.Time) (table.Write, error) {
	return table.SaveUntil(table.Key{PK: cellsPK, SK: place}, stamp{At: r.now()}, table.Always(), until)
}

// used reads when something was last of use; zero: it is not known.
func (r records) used(ctx context.Context, what string) (time.Time, int64, error) {
	s, version, err := table.Load[stamp](ctx, r.table, usedKey(what))
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, 0, nil
	}
	return s.At, version, err
}

// touchEvery keeps the note of use from being written with every request.
const touchEvery = 30 * time.Second

// touch notes that something is of use now.
func (r records) touch(ctx context.Context, what string) error {
	at, _, err := r.used(ctx, what)
	if err != nil || r.now().Sub(at) < touchEvery {
		return err
	}
	w, err := table.Save(usedKey(what), stamp{At: r.now()}, table.Always())
	if err != nil {
		return err
	}
	return r.table.Transact(ctx, []table.Write{w})
}

// stillUnused is touch for whoever is about to stop something: fault.Conflict when somebody used it since it was read.
func (r records) stillUnused(ctx context.Context, what string, version int64) error {
	w, err := table.Save(usedKey(what), stamp{}, table.VersionIs(version))
	if err != nil {
		return err
	}
	return r.table.Transact(ctx, []table.Write{w})
}

// without takes a job out of a line.
func without(turns []turn, job string) []turn {
	return slices.DeleteFunc(slices.Clone(turns), func(t turn) bool { return t.Job == job })
}
