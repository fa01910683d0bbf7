package reader

import (
	"bytes"
	"path"
	"strings"
)

// signature is how a kind of file begins, what people call it, and what they should do.
type signature struct {
	at    int
	magic string
	what  string
	todo  string
}

const (
	saveAsCSV = "Save it as CSV and upload that."
	unpack    = "Unpack it and upload the file inside."
	wantTable = "Upload a CSV, JSON lines or Parquet file."
)

// signatures lists what is often uploaded by mistake. A slice literal in a function keeps the package without state.
func signatures() []signature {
	return []signature{
		{0, "\x89PNG", "a PNG image", wantTable}, {0, "\xff\xd8\xff", "a JPEG image", wantTable},
		{0, "GIF8", "a GIF image", wantTable}, {0, "BM\x00", "a bitmap image", wantTable},
		{0, "RIFF", "a media file", wantTable}, {4, "ftyp", "a video or HEIC image", wantTable},
		{0, "%PDF", "a PDF document", "Export the table in it as CSV and upload that."},
		{0, "\xd0\xcf\x11\xe0", "an old Excel or Office document", saveAsCSV},
		{0, "\x1f\x8b", "a gzip archive", unpack}, {0, "BZh", "a bzip2 archive", unpack},
		{0, "\xfd7zXZ", "an xz archive", unpack}, {0, "\x28\xb5\x2f\xfd", "a zstd archive", unpack},
		{0, "7z\xbc\xaf", "a 7z archive", unpack}, {0, "Rar!", "a RAR archive", unpack}, {257, "ustar", "a tar archive", unpack},
		{0, "PARE", "an encrypted Parquet file", "Write it without encryption and upload that."},
		{0, "ARROW1", "an Arrow file", "Write it as Parquet and upload that."},
		{0, "ORC", "an ORC file", "Write it as Parquet and upload that."},
		{0, "Obj\x01", "an Avro file", "Write it as Parquet and upload that."},
		{0, "SQLite format 3", "a SQLite database", "Export a table of it as CSV and upload that."},
		{0, "\x89HDF", "an HDF5 file", "Write it as Parquet and upload that."},
		{0, "\x93NUMPY", "a NumPy file", "Write it as Parquet and upload that."},
		{0, "\x80\x02", "a pickle file", "Write it as Parquet and upload that."}, {0, "\x80\x03", "a pickle file", "Write it as Parquet and upload that."},
		{0, "\x80\x04", "a pickle file", "Write it as Parquet and upload that."}, {0, "\x80\x05", "a pickle file", "Write it as Parquet and upload that."},
		{0, "\x7fELF", "a program", wantTable}, {0, "MZ\x90", "a program", wantTable}, {0, "{\\rtf", "an RTF document", saveAsCSV},
	}
}

// detect decides the format by the content and holds it against the extension. enc is set for text formats.
func detect(f file, head []byte) (Format, encoding, error) {
	byName, err := formatByName(f.name)
	if err != nil {
		return "", encoding{}, err
	}
	if bytes.HasPrefix(head, []byte("PAR1")) {
		return Parquet, encoding{}, agree(byName, Parquet, f.name)
	}
	if err := knownBinary(head); err != nil {
		return "", encoding{}, err
	}
	enc, err := sniffEncoding(head, f.size)
	if err != nil {
		return "", encoding{}, err
	}
	text := enc.decodeHead(head)
	if err := knownText(text); err != nil {
		return "", encoding{}, err
	}
	format := CSV
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) > 0 && t[0] == '{' && (byName == JSONLines || looksJSON(t)) {
		format = JSONLines
	} else if len(t) == 0 && int64(len(head)) == f.size {
		return "", encoding{}, refuse("The file has only blank lines. Upload a file that has rows.")
	}
	return format, enc, agree(byName, format, f.name)
}

func knownBinary(head []byte) error {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")) {
		return refuse("%s", zipSentence(head))
	}
	for _, s := range signatures() {
		if len(head) >= s.at+len(s.magic) && string(head[s.at:s.at+len(s.magic)]) == s.magic && !plainWord(s.magic, head) {
			return refuse("This is %s. %s", s.what, s.todo)
		}
	}
	return nil
}

// plainWord reports whether a signature made of letters only is more likely the first word of a text: "ORC,name" is a header.
func plainWord(magic string, head []byte) bool {
	for _, c := range []byte(magic) {
		if c < '0' || c > 'z' {
			return false
		}
	}
	for _, c := range head[:min(len(head), 64)] {
		if c < '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func zipSentence(head []byte) string {
	switch {
	case bytes.Contains(head, []byte("xl/")):
		return "This is an Excel workbook. " + saveAsCSV
	case bytes.Contains(head, []byte("word/")):
		return "This is a Word document. Copy its table into a spreadsheet, save it as CSV and upload that."
	case bytes.Contains(head, []byte("opendocument.spreadsheet")):
		return "This is an OpenDocument spreadsheet. " + saveAsCSV
	case bytes.Contains(head, []byte("[Content_Types].xml")):
		return "This is an Office document, perhaps an Excel workbook. " + saveAsCSV
	default:
		return "This is a zip archive. " + unpack
	}
}

func knownText(text []byte) error {
	t := bytes.TrimLeft(text, " \t\r\n")
	lower := strings.ToLower(string(t[:min(len(t), 64)]))
	switch {
	case strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"), strings.HasPrefix(lower, "<head"), strings.HasPrefix(lower, "<body"):
		return refuse("This is a web page (HTML), often an error or login page saved under a data file's name. Download the data itself and upload that.")
	case strings.HasPrefix(lower, "<?xml"), strings.HasPrefix(lower, "<svg"):
		return refuse("This is an XML file. Convert its records to CSV and upload that.")
	case len(t) > 0 && t[0] == '[' && looksJSONArray(t):
		return refuse("This is one JSON array. Put one object a line, without the brackets and the commas between them, and upload that.")
	}
	return nil
}

// looksJSONArray tells `[{"a":1}` from a CSV whose first cell begins with a bracket.
func looksJSONArray(t []byte) bool {
	rest := bytes.TrimLeft(t[1:], " \t\r\n")
	if len(rest) == 0 {
		return true
	}
	return bytes.IndexByte([]byte("{[]"), rest[0]) >= 0 || bytes.IndexByte([]byte("\"-0123456789"), rest[0]) >= 0 && bytes.HasSuffix(bytes.TrimSpace(t), []byte("]"))
}

// looksJSON tells an object from a CSV whose first cell begins with a brace.
func looksJSON(t []byte) bool {
	rest := bytes.TrimLeft(t[1:], " \t\r\n")
	if len(rest) > 0 && rest[0] == '}' {
		return true
	}
	if len(rest) == 0 || rest[0] != '"' {
		return false
	}
	end := bytes.IndexByte(rest[1:], '"')
	return end >= 0 && bytes.HasPrefix(bytes.TrimLeft(rest[end+2:], " \t"), []byte(":"))
}

// formatByName gives what the extension promises; "" where it promises nothing.
func formatByName(name string) (Format, error) {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	switch ext {
	case "csv", "tsv", "tab", "psv":
		return CSV, nil
	case "jsonl", "ndjson", "json":
		return JSONLines, nil
	case "parquet", "pq", "parq":
		return Parquet, nil
	default:
		return "", nil
	}
}

// agree refuses a file whose content and name say different things: a program that trusts the name would fail on it later.
func agree(byName, byContent Format, name string) error {
	if byName == byContent {
		return nil
	}
	ext := strings.ToLower(path.Ext(name))
	switch {
	case byName != "" && byContent == Parquet:
		return refuse("This is a Parquet file, but its name ends in %s. Rename it to end in .parquet and upload it again.", ext)
	case byName == Parquet:
		return refuse("The name ends in %s, but the content is not Parquet. Write it again as Parquet, or rename it to .csv or .jsonl if it is text.", ext)
	case byName == CSV:
		return refuse("The name ends in %s, but the file holds JSON objects. Rename it to end in .jsonl and upload it again.", ext)
	case byName == JSONLines:
		return refuse("The name ends in %s, but the file does not hold JSON objects. Put one object a line; if it is CSV, rename it to end in .csv.", ext)
	}
	switch ext {
	case ".xlsx", ".xls", ".ods", ".pdf", ".doc", ".docx", ".zip", ".gz", ".html", ".htm", ".xml", ".png", ".jpg", ".jpeg", ".gif", ".exe", ".py", ".pkl", ".npy", ".h5", ".sql":
		return refuse("The name ends in %s, but the content looks like %s. Rename it to end in .%s and upload it again.", ext, words(byContent), byContent)
	}
	return nil
}

func words(f Format) string {
	switch f {
	case Parquet:
		return "Parquet"
	case JSONLines:
		return "JSON lines"
	default:
		return "CSV"
	}
}
