package ecs_test

import (
	"testing"
	"time"

	"github.com/orcray/orcray/shared/interpret/placestest"
	"github.com/orcray/orcray/shared/table"
)

// The suite of places, with cells that are tasks.
func TestA6_CellsConformance(t *testing.T) {
	bothTables(t, func(t *testing.T, open func(*testing.T, func() time.Time) table.Table) {
		placestest.Run(t, func(t *testing.T) placestest.Place {
			w := newWorld(t, 2, open)
			return placestest.Place{Cells: w.cells(nil), Store: w.files.put, Kill: w.aws.Kill}
		})
	})
}
