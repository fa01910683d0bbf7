// Package source says what an uploaded file is once it can be asked about: its columns, a preview, and a bounded sample that is
// spread over the whole. Package reader finds all this out.
package source

import "time"

// Format is how a source's files are written.
type Format string

// The formats. Anything else is refused.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	Parquet   Format = "parquet"
)

// Type is a column's type as programs see it.
type Type string

// The types.
const (
	Int       Type = "int"       // 64 bit, signed
	Float     Type = "float"     // 64 bit
	Bool      Type = "bool"      //
	String    Type = "string"    //
	Date      Type = "date"      // a day without a time
	Timestamp Type = "timestamp" // with a time
	Nested    Type = "nested"    // lists, structs, maps: JSON lines and Parquet only
)

// Column is one column. Values are examples of what stands in it, for prompts and previews; they are data, never instructions.
type Column struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	Format   string   `json:"format,omitempty"`   // strptime format of Date and Timestamp in text files, e.g. "%d.%m.%Y", or ISO8601
	Zoned    bool     `json:"zoned,omitempty"`    // Timestamp: the texts carry an offset, so the values are instants (UTC)
	Raw      bool     `json:"raw,omitempty"`      // JSON lines: values of several kinds; a text stands for itself, anything else for its JSON
	Nulls    int64    `json:"nulls"`              // in the rows looked at
	Distinct int      `json:"distinct"`           // in the rows looked at, counted up to 1,000
	Examples []string `json:"examples,omitempty"` // at most 5 frequent, non-null values, each at most 200 bytes
	Min      string   `json:"min,omitempty"`      // of ordered types, as text
	Max      string   `json:"max,omitempty"`
}

// Dialect says how a text file is to be read. A runner applies it wherever a program does not say otherwise; what a Profile
// promises holds for pyarrow with these options, and a test compares the two:
//
// CSV: ReadOptions(encoding=Encoding, skip_rows=SkipRows, column_names=[the profile's], skip_rows_after_names=1 if Header else 0,
// block_size >= 4 MiB, for a record may have 1 MiB); ParseOptions(delimiter=Delimiter, quote_char=Quote or False, double_quote=True,
// newlines_in_values=Multiline, invalid_row_handler: "skip", which drops the rows that are warned of as "ragged_rows");
// ConvertOptions(decimal_point=Decimal or ".", null_values=Nulls, strings_can_be_null=not KeepText, quoted_strings_can_be_null=True,
// timestamp_parsers=formats, column_types=types). formats are the distinct Column.Format of the file, "ISO8601" being
// pyarrow.csv.ISO8601, those with %y before those with %Y. types: int int64, float float64, bool bool_, string string,
// timestamp timestamp("us", "UTC" if Zoned else None), date date32 if its Format is "%Y-%m-%d", else timestamp("s") and then a cast to
// date32, because pyarrow's date32 reads ISO only. Where Profile.Exact is false the types come from parts of the file: read a
// column that fails to convert as string.
//
// JSON lines: one object a line, blank lines are none; ParseOptions(explicit_schema, newlines_in_values=False,
// unexpected_field_behavior="infer") with the same types, date as timestamp("s") and then a cast, nested left to inference. When any
// column is Raw, pyarrow refuses the file: read it with a JSON parser, line by line, and give such a column as string.
type Dialect struct {
	Delimiter string   `json:"delimiter,omitempty"` // one character
	Quote     string   `json:"quote,omitempty"`     // one character; empty: no quoting
	Header    bool     `json:"header"`              // the first row holds the names
	Encoding  string   `json:"encoding,omitempty"`  // a Python codec: "utf-8", "utf-16" (with a BOM), "utf-16-le", "utf-16-be", "windows-1252", "latin-1"
	Decimal   string   `json:"decimal,omitempty"`   // "." or ","
	Nulls     []string `json:"nulls,omitempty"`     // texts that mean "missing", always with ""
	KeepText  bool     `json:"keep_text,omitempty"` // columns of type String have no missing values: a text in Nulls is data there
	Multiline bool     `json:"multiline,omitempty"` // some quoted value has a line end in it
	SkipRows  int      `json:"skip_rows,omitempty"` // lines before the header or the first row: blank, comments, titles
}

// Warning is something a person should know about a file that can be used all the same.
type Warning struct {
	Code   string `json:"code"`   // e.g. "duplicate_column", "ragged_rows", "no_header", "nul_bytes"
	Detail string `json:"detail"` // a sentence
	Rows   int64  `json:"rows,omitempty"`
}

// Profile is what is known about a source after it was looked at.
type Profile struct {
	Format   Format    `json:"format"`
	Bytes    int64     `json:"bytes"`
	Rows     int64     `json:"rows"`
	Exact    bool      `json:"exact"` // Rows was counted, not estimated
	Columns  []Column  `json:"columns"`
	Dialect  *Dialect  `json:"dialect,omitempty"` // text formats only
	Preview  []string  `json:"preview"`           // the first 5 lines (header included), each cut to 400 characters
	Warnings []Warning `json:"warnings,omitempty"`
	Sample   Sample    `json:"sample"`
}

// Sample is the bounded part of a source that validation reads: at most MaxSampleRows and MaxSampleBytes.
type Sample struct {
	Key   string `json:"key"` // object key; the source's own key when the whole source is small enough
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	Whole bool   `json:"whole"` // the sample is the source
}

// Limits of a sample.
const (
	MaxSampleRows  = 10_000
	MaxSampleBytes = 8 << 20
)

// State says whether a source can be used.
type State string

// The states of a source.
const (
	Pending State = "pending" // the upload was signed, the file is not complete
	Ready   State = "ready"
	Refused State = "refused" // looked at, and not usable: Reason says why
)

// Source is something to read in a session. Name is display text that a client gave, never a key.
type Source struct {
	ID        string    `json:"id"`
	SessionID string    `json:"session_id"`
	Name      string    `json:"name"`
	State     State     `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	URI       string    `json:"uri"` // what programs read, e.g. s3://bucket/u/…/data.csv
	Key       string    `json:"-"`
	Bytes     int64     `json:"bytes"`
	Pinned    bool      `json:"pinned"`   // stays selected after a job
	Selected  bool      `json:"selected"` // the next job reads it
	Created   time.Time `json:"created_at"`
	Profile   *Profile  `json:"profile,omitempty"`
}
