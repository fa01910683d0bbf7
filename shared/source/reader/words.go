// Package reader looks into uploaded files: what they are, what their columns are, and a sample that is spread over the whole. It
// is a package of its own because it brings a Parquet library, which whoever only speaks of sources must not carry along: most
// Lambda functions.
package reader

import "github.com/orcray/orcray/shared/source"

// The words of package source, as they are used here.
type (
	// Format is source.Format.
	Format = source.Format
	// Type is source.Type.
	Type = source.Type
	// Column is source.Column.
	Column = source.Column
	// Dialect is source.Dialect.
	Dialect = source.Dialect
	// Warning is source.Warning.
	Warning = source.Warning
	// Profile is source.Profile.
	Profile = source.Profile
	// Sample is source.Sample.
	Sample = source.Sample
)

// The formats, types and limits of package source.
const (
	CSV       = source.CSV
	JSONLines = source.JSONLines
	Parquet   = source.Parquet

	Int       = source.Int
	Float     = source.Float
	Bool      = source.Bool
	String    = source.String
	Date      = source.Date
	Timestamp = source.Timestamp
	Nested    = source.Nested

	MaxSampleRows  = source.MaxSampleRows
	MaxSampleBytes = source.MaxSampleBytes
)
