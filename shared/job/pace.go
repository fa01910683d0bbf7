package job

import (
	"context"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// TablePace implements Pace on the store, for a service of many processes. Each user has a bucket that holds a minute's worth
// and refills evenly; it is kept as the one moment at which it will be full again, so that a look costs one read and one write.
type TablePace struct {
	table table.Table
	now   func() time.Time
}

// NewTablePace counts in the table.
func NewTablePace(t table.Table, now func() time.Time) *TablePace {
	return &TablePace{table: t, now: now}
}

// paced is a bucket: when it will be full again, in nanoseconds of Unix time.
type paced struct {
	Full int64 `json:"full"`
}

func paceKey(owner string) table.Key { return table.Key{PK: ownerPK(owner), SK: "PACE"} }

// Take implements Pace. A conflict is another job of the same user that was counted, so there are at most perMinute of them
// before the bucket is empty.
func (p *TablePace) Take(ctx context.Context, owner string, perMinute int) (Allowance, error) {
	if perMinute <= 0 {
		return Allowance{}, nil
	}
	for {
		pace, err := p.try(ctx, owner, perMinute)
		if !fault.Is(err, fault.Conflict) || ctx.Err() != nil {
			return pace, err
		}
	}
}

func (p *TablePace) try(ctx context.Context, owner string, perMinute int) (Allowance, error) {
	bucket, version, err := table.Load[paced](ctx, p.table, paceKey(owner))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Allowance{}, err
	}
	now := p.now()
	full := time.Unix(0, bucket.Full)
	if full.Before(now) {
		full = now
	}
	one := time.Minute / time.Duration(perMinute)
	if wait := full.Add(one).Sub(now) - time.Minute; wait > 0 {
		return Allowance{Limit: perMinute, Full: full.Sub(now), Wait: wait}, nil
	}
	full = full.Add(one)
	w, err := table.SaveUntil(paceKey(owner), paced{Full: full.UnixNano()}, table.VersionIs(version), full.Add(time.Minute))
	if err != nil {
		return Allowance{}, err
	}
	left := Allowance{Limit: perMinute, Left: int((time.Minute - full.Sub(now)) / one), Full: full.Sub(now)}
	return left, p.table.Transact(ctx, []table.Write{w})
}
