package session

import (
	"encoding/json"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
)

// maxProfile bounds a profile as it is stored, in bytes: a job keeps up to 20 of them in one transaction.
const maxProfile = 180 << 10

// bound makes a profile small enough to be stored: a file with very many columns keeps fewer examples of each, then none.
// Names and types stay; a file whose names alone are too much is fault.Unprocessable.
func bound(p *source.Profile) error {
	for _, trim := range []func(*source.Column){
		func(*source.Column) {},
		func(c *source.Column) { c.Examples = short(c.Examples[:min(len(c.Examples), 2)]) },
		func(c *source.Column) { c.Examples, c.Min, c.Max = nil, "", "" },
	} {
		columns := make([]source.Column, len(p.Columns))
		copy(columns, p.Columns)
		for i := range columns {
			trim(&columns[i])
		}
		p.Columns = columns
		body, err := json.Marshal(p)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "a profile cannot be written")
		}
		if len(body) <= maxProfile {
			return nil
		}
	}
	return fault.New(fault.Unprocessable, "The names of the file's %d columns are too long altogether. Shorten them, or keep only the columns you need.", len(p.Columns))
}

// short keeps the examples that say something in few bytes.
func short(examples []string) []string {
	const most = 24
	var kept []string
	for _, e := range examples {
		if len(e) <= most {
			kept = append(kept, e)
		}
	}
	return kept
}
