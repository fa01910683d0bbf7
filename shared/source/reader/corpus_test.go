package reader_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// specimen is a small file and what is to be said of it: the sentence of a refusal, or the codes of warnings and the types.
type specimen struct {
	name  string
	data  string
	types string // the columns' types, comma between them
	codes string // the warnings' codes, comma between them, sorted as they come
	says  string // part of the sentence that refuses the file
}

func utf16Text(s string, big, mark bool) string {
	var b bytes.Buffer
	order := binary.ByteOrder(binary.LittleEndian)
	if big {
		order = binary.BigEndian
	}
	if mark {
		s = "\ufeff" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		var pair [2]byte
		order.PutUint16(pair[:], u)
		b.Write(pair[:])
	}
	return b.String()
}

// manyDates gives n days of a year by a layout with the parts y, m and d in it.
func manyDates(header, layout string, n int) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range n {
		r := strings.NewReplacer("y", "2024", "m", fmt.Sprintf("%02d", 1+i%12), "d", fmt.Sprintf("%02d", 1+i%28))
		b.WriteString(r.Replace(layout) + "\n")
	}
	return b.String()
}

func readable() []specimen { return append(readableCSV(), readableJSON()...) }

func readableCSV() []specimen {
	return []specimen{
		{name: "plain.csv", data: "id,name,price\n1,Ann,1.5\n2,Bob,2\n", types: "int,string,float"},
		{name: "semicolon.csv", data: "id;preis\n1;1,5\n2;2,25\n", types: "int,float"},
		{name: "headerless-decimals.csv", data: "1,5;2,7\n3,5;4,25\n", types: "float,float", codes: "no_header"},
		{name: "tab.tsv", data: "id\tname\n1\tAnn, the first\n2\tBob\n", types: "int,string"},
		{name: "pipe.txt", data: "id|name\n1|Ann\n2|Bob\n", types: "int,string"},
		{name: "crlf.csv", data: "id,name\r\n1,Ann\r\n2,Bob\r\n", types: "int,string"},
		{name: "cr.csv", data: "id,name\r1,Ann\r2,Bob\r", types: "int,string"},
		{name: "mixed-ends.csv", data: "id,name\r\n1,Ann\n2,Bob\r3,Cid", types: "int,string"},
		{name: "bom.csv", data: "\ufeffid,name\n1,Zoë\n", types: "int,string"},
		{name: "utf16le-bom.csv", data: utf16Text("id,name\n1,Zoë\n2,Ann\n", false, true), types: "int,string"},
		{name: "utf16be-bom.csv", data: utf16Text("id,name\n1,Zoë\n2,Ann\n", true, true), types: "int,string"},
		{name: "utf16le.csv", data: utf16Text("id,name\n1,Zoë\n2,Ann\n", false, false), types: "int,string"},
		{name: "utf16be.csv", data: utf16Text("id,name\n1,Zoë\n2,Ann\n", true, false), types: "int,string"},
		{name: "latin.csv", data: "id,name\n1,Zo\xeb\n2,\x80 5\n", types: "int,string", codes: "encoding_guessed"},
		{name: "latin1.csv", data: "id,name\n1,Zo\xeb\n2,\x81x\n", types: "int,string", codes: "encoding_guessed"},
		{name: "late-latin.csv", data: "id,name\n" + strings.Repeat("1,Ann\n", 300_000) + "2,Zo\xeb\n", types: "int,string", codes: "encoding_guessed"},
		{name: "headerless.csv", data: "1,Ann,2.5\n2,Bob,3.5\n", types: "int,string,float", codes: "no_header"},
		{name: "years.csv", data: "country,2019,2020,2021\nChile,1,2,3\nPeru,4,5,6\n", types: "string,int,int,int"},
		{name: "double-names.csv", data: "a,a,a_2,a\n1,2,3,4\n", types: "int,int,int,int", codes: "duplicate_column"},
		{name: "empty-names.csv", data: "a,,\n1,2,x\n3,4,y\n", types: "int,int,string", codes: "empty_column_name"},
		{name: "trailing.csv", data: "a,b,\n1,2,\n3,4,\n", types: "int,int,string", codes: "empty_column_name"},
		{name: "wild-names.csv", data: "\"a\nb\",\"c\td\"\n1,2\n3,4\n", types: "int,int"},
		{name: "ragged.csv", data: "a,b\n" + strings.Repeat("1,2\n", 40) + "3\n4,5,6\n", types: "int,int", codes: "ragged_rows"},
		{name: "blank.csv", data: "\n\na,b\n1,2\n\n3,4\n\n\n", types: "int,int"},
		{name: "comments.csv", data: "# made by x\n# on monday\na,b\n1,2\n3,4\n", types: "int,int", codes: "skipped_lines"},
		{name: "title.csv", data: "Sales of 2024\n\na,b,c\n1,2,3\n3,4,5\n", types: "int,int,int", codes: "skipped_lines"},
		{name: "sep.csv", data: "sep=;\na;b\n1;2\n", types: "int,int"},
		{name: "quotes.csv", data: "a,b\n\"x\"\"y\",1\n\"p,q\",2\nm\"n,3\n\"r\"s,4\n", types: "string,int"},
		{name: "lines-in-quotes.csv", data: "a,b\n\"x\ny\",1\n\"p\r\nq\",2\n", types: "string,int"},
		{name: "inch.tsv", data: "id\tsize\n1\t\"5\n2\t6\n3\t7\n", types: "int,string", codes: "stray_quotes"},
		{name: "nulls.csv", data: "a,b,c,d\n1,x,-,n/a\nNA,NULL,2.5,y\n3,,NaN,z\n", types: "int,string,float,string"},
		{name: "blank-number.csv", data: "a,b\n1,2\n  ,3\n4, 5 \n", types: "int,int"},
		{name: "namibia.csv", data: "code,n\nDE,1\nNA,2\nFR,3\nUS,4\n", types: "string,int"},
		{name: "namibia-and-missing.csv", data: "code,n,note\nDE,1,a\nNA,NA,\nFR,3,NA\n", types: "string,int,string", codes: "missing_kept"},
		{name: "none-as-word.csv", data: "discount,n\nnone,1\nhalf,none\nfull,3\n", types: "string,int", codes: "missing_kept"},
		{name: "bools.csv", data: "a,b,c\ntrue,TRUE,yes\nfalse,FALSE,no\n,True,no\n", types: "bool,bool,string"},
		{name: "postal.csv", data: "zip,n\n01067,1\n80331,2\n", types: "string,int", codes: "leading_zeros"},
		{name: "big.csv", data: "n,m\n9223372036854775807,1\n9223372036854775808,-9223372036854775808\n", types: "string,int", codes: "big_integers"},
		{name: "floats.csv", data: "a,b,c,d\n1e5,-.5,inf,+1.5\n2.5E-3,5.,1.5,-2\n", types: "float,float,float,float"},
		{name: "huge-float.csv", data: "a,b\n1e400,1\n1e-400,2\n", types: "string,int"},
		{name: "hex.csv", data: "a,b\n0x1F,1\n0x20,2\n", types: "string,int"},
		{name: "thousands.csv", data: "a;b\n1,234;x\n12,345;y\n", types: "string,string", codes: "thousands_separator"},
		{name: "thousands-eu.csv", data: "a;b\n1.234,50;1,5\n12.345,00;2,5\n", types: "string,float", codes: "thousands_separator"},
		{name: "both-decimals.csv", data: "a;b;c\n1.5;1,5;1,25\n2.5;2,5;2,25\n", types: "string,float,float", codes: "mixed_decimals"},
		{name: "iso-dates.csv", data: "d,n\n2024-01-31,1\n,2\n2024-02-29,3\n", types: "date,int"},
		{name: "iso-times.csv", data: "t,u\n2024-01-31T10:00:00,2024-01-31T10:00:00Z\n2024-01-31 10:00:00.123456,2024-01-31T10:00:00+02:00\n", types: "timestamp,timestamp"},
		{name: "mixed-zones.csv", data: "t,n\n2024-01-31T10:00:00,1\n2024-01-31T10:00:00Z,2\n", types: "string,int"},
		{name: "nanoseconds.csv", data: "t,n\n2024-01-31T10:00:00.123456789,1\n", types: "string,int"},
		{name: "no-such-day.csv", data: "t,n\n2024-02-30,1\n2024-02-28,1\n", types: "string,int"},
		{name: "german-dates.csv", data: manyDates("tag;n", "d.m.y;1", 60), types: "date,int"},
		{name: "day-first.csv", data: manyDates("day,n", "d/m/y,1", 60), types: "date,int"},
		{name: "month-first.csv", data: manyDates("day,n", "m/d/y,1", 60), types: "date,int"},
		{name: "either.csv", data: manyDates("day,n", "m/d/y,1", 12), types: "string,int", codes: "ambiguous_dates"},
		{name: "by-other-column.csv", data: manyDates("a,b", "m/d/y,m/01/y", 40), types: "date,date", codes: "assumed_dates"},
		{name: "against-each-other.csv", data: manyDates("a,b", "m/d/y,d/m/y", 40), types: "date,string", codes: "mixed_dates"},
		{name: "clock.csv", data: "t,u\n12/31/2024 01:05 PM,31.12.2024 13:05:00\n1/2/2024 12:00 AM,1.2.2024 0:00:01\n", types: "timestamp,timestamp"},
		{name: "month-names.csv", data: "t,u\n31 Dec 2024,\"Dec 31, 2024\"\n1 May 2024,\"May 1, 2024\"\n", types: "date,date"},
		{name: "short-years.csv", data: "t,u\n31.12.99,31.12.1999\n01.02.24,01.02.2024\n", types: "date,date"},
		{name: "one-column.csv", data: "n\n1\n2\n3\n", types: "int", codes: "one_column"},
		{name: "one-column-blank.csv", data: "n\n1\n\n3\n", types: "int", codes: "one_column,blank_lines"},
		{name: "all-missing.csv", data: "a,b\n,\n,\n", types: "string,string"},
		{name: "texts.csv", data: "name,city\nAnn,Oslo\nBob,Rome\n", types: "string,string"},
		{name: "formulas.csv", data: "a,b\n=1+1,1\n@x,2\n+cmd,3\n", types: "string,int"},
		{name: "wide.csv", data: strings.Repeat("c,", 1999) + "c\n" + strings.Repeat("1,", 1999) + "1\n", types: strings.Repeat("int,", 1999) + "int", codes: "duplicate_column"},
		{name: "long-cell.csv", data: "a,b\n1," + strings.Repeat("x", 900_000) + "\n2,y\n", types: "int,string"},
	}
}

func readableJSON() []specimen {
	return []specimen{
		{name: "plain.jsonl", data: `{"a":1,"b":"x"}` + "\n" + `{"a":2,"b":null,"c":true}` + "\n\n" + `{}` + "\r\n", types: "int,string,bool"},
		{name: "numbers.jsonl", data: `{"a":1,"b":1.5,"c":-0}` + "\n" + `{"a":2.5,"b":NaN,"c":1e3}`, types: "float,float,float"},
		{name: "bom.jsonl", data: "\ufeff" + `{"a":1}` + "\n", types: "int"},
		{name: "dates.jsonl", data: `{"d":"2024-01-31","t":"2024-01-31T10:00:00.5","z":"2024-01-31T10:00:00Z"}` + "\n" + `{"d":"2024-02-01","t":"2024-01-31 11:00:00","z":null}`, types: "date,timestamp,timestamp"},
		{name: "nested.jsonl", data: `{"a":{"b":[1,2],"c":"x"}}` + "\n" + `{"a":{"b":[],"d":{"e":null}}}` + "\n" + `{"a":null}`, types: "nested"},
		{name: "mixed.jsonl", data: `{"a":1,"b":[1],"c":true}` + "\n" + `{"a":"x","b":["y"],"c":1.5}`, types: "string,string,string", codes: "mixed_types,mixed_types,mixed_types"},
		{name: "big.jsonl", data: `{"a":1}` + "\n" + `{"a":12345678901234567890}`, types: "string", codes: "big_integers"},
		{name: "escapes.jsonl", data: `{"\u0061\n":"\ud83d\ude00 \"x\"","\u00e9":1}` + "\n" + `{"é":2}`, types: "string,int"},
	}
}

func unreadable() []specimen {
	return []specimen{
		{name: "empty.csv", data: "", says: "empty"},
		{name: "blank.csv", data: " \n\r\n\n", says: "blank lines"},
		{name: "only-bom.csv", data: "\ufeff", says: "blank lines"},
		{name: "header-only.csv", data: "name,city\n", says: "column names but no rows"},
		{name: "header-and-blank.csv", data: "name,city\n\n\n", says: "column names but no rows"},
		{name: "picture.csv", data: "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", says: "PNG"},
		{name: "book.csv", data: "PK\x03\x04\x14\x00[Content_Types].xml....xl/workbook.xml", says: "Excel workbook"},
		{name: "book.xlsx", data: "PK\x03\x04\x14\x00[Content_Types].xml....xl/workbook.xml", says: "Save it as CSV"},
		{name: "archive.csv", data: "PK\x03\x04\x14\x00\x00\x00a.csv", says: "zip archive"},
		{name: "data.csv.gz", data: "\x1f\x8b\x08\x00\x00\x00", says: "gzip"},
		{name: "page.csv", data: "\n<!DOCTYPE html><html><body>Log in</body></html>", says: "web page"},
		{name: "page.xml.csv", data: "<?xml version=\"1.0\"?><a/>", says: "XML"},
		{name: "doc.csv", data: "%PDF-1.7\n1 0 obj\n", says: "PDF"},
		{name: "old.csv", data: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", says: "Excel"},
		{name: "model.csv", data: "\x80\x04\x95\x1a\x00\x00", says: "pickle"},
		{name: "noise.csv", data: "\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13", says: "not text"},
		{name: "objects.csv", data: `{"a":1}` + "\n", says: "Rename it to end in .jsonl"},
		{name: "table.json", data: "a,b\n1,2\n", says: "does not hold JSON objects"},
		{name: "table.parquet", data: "a,b\n1,2\n", says: "not Parquet"},
		{name: "table.pdf", data: "a,b\n1,2\n", says: "Rename it to end in .csv"},
		{name: "array.json", data: `[{"a":1},{"a":2}]`, says: "one object a line"},
		{name: "array.csv", data: "[\n  {\"a\":1}\n]", says: "one object a line"},
		{name: "numbers.json", data: "[1,2,3]", says: "one object a line"},
		{name: "pretty.json", data: "{\n  \"a\": 1\n}\n", says: "Line 1 is not one JSON object"},
		{name: "two-a-line.jsonl", data: `{"a":1} {"a":2}` + "\n", says: "not one JSON object"},
		{name: "broken.jsonl", data: `{"a":1}` + "\n" + `{"a":}` + "\n", says: "Line 2 is not one JSON object"},
		{name: "scalar.jsonl", data: `{"a":1}` + "\n5\n", says: "Line 2 is not one JSON object"},
		{name: "twice.jsonl", data: `{"a":1,"a":2}` + "\n", says: "twice"},
		{name: "twice-escaped.jsonl", data: `{"a":1,"\u0061":2}` + "\n", says: "twice"},
		{name: "deep.jsonl", data: `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}\n", says: "deep"},
		{name: "half-pair.jsonl", data: `{"a":"\ud800"}` + "\n", says: "Line 1"},
		{name: "not-utf8.jsonl", data: "{\"a\":\"\xff\"}\n", says: "UTF-8"},
		{name: "utf16.jsonl", data: utf16Text(`{"a":1}`+"\n", false, true), says: "Save it as UTF-8"},
		{name: "empty-objects.jsonl", data: "{}\n{}\n", says: "empty"},
		{name: "many-names.jsonl", data: manyNames(2001), says: "2000 names"},
		{name: "utf32.csv", data: "\xff\xfe\x00\x00a\x00\x00\x00", says: "UTF-32"},
		{name: "half-utf16.csv", data: utf16Text("a,b\n1,2\n", false, true) + "x", says: "cut off"},
		{name: "nul.csv", data: "a,b\n1,2\n3,x\x00y\n" + strings.Repeat("5,6\n", 50), says: "NUL bytes (the first one in line 3)"},
		{name: "late-nul.csv", data: "a,b\n" + strings.Repeat("5,6\n", 500_000) + "3,x\x00y\n", says: "NUL bytes (the first one in line 500002)"},
		{name: "broken-utf8.csv", data: "a,b\n" + strings.Repeat("é,1\n", 50) + "\xe9,2\n", says: "1 broken place"},
		{name: "cyrillic.csv", data: "\xe8\xec\xff,\xf7\xe8\xf1\xeb\xee\n\xc0\xed\xed\xe0\xe0\xe0\xe0\xe0,1\n\xc0\xed\xed\xe0\xe0\xe0,2\n", says: "Save it as UTF-8"},
		{name: "endless.csv", data: "a,b\n1,2\n" + strings.Repeat("x", 3<<20), says: "Line 3 is longer than 1 MiB"},
		{name: "one-line.csv", data: strings.Repeat("x,", 1<<20), says: "Line 1 is longer than 1 MiB"},
		{name: "endless.jsonl", data: `{"a":"` + strings.Repeat("x", 3<<20), says: "Line 1 is longer than 1 MiB"},
		{name: "open-quote.csv", data: "a,b\n1,2\n3,\"x\n4,5\n6\n7,8,9\n", says: "line 3 is never closed"},
		{name: "all-ragged.csv", data: "a,b\n1,2\n3\n4,5\n6\n7\n8,9\n", says: "rows do not have 2 values"},
		{name: "short-header.csv", data: "a,b\n1,2,3\n4,5,6\n7,8,9\n", says: "first line has 2 names but most rows have 3 values"},
		{name: "too-wide.csv", data: strings.Repeat("a,", 2000) + "b\n" + strings.Repeat("1,", 2000) + "2\n", says: "more than 2000 columns"},
		{name: "comments.csv", data: "# a\n# b\n# c\n", says: "no rows"},
		{name: "letter.txt", data: strings.Repeat("Dear all, this is a letter and it goes on and on until it is a long line of words.\nShort.\nIt has many words in many lines, some short, and none of them is a table at all really.\n", 5), says: "running text"},
		{name: "cut.parquet", data: "PAR1" + strings.Repeat("x", 100), says: "cut off"},
		{name: "hollow.parquet", data: "PAR1" + strings.Repeat("\x00", 20) + "\x04\x00\x00\x00PAR1", says: "damaged"},
		{name: "long-footer.parquet", data: "PAR1" + strings.Repeat("x", 100) + "\xff\xff\xff\x7fPAR1", says: "damaged"},
		{name: "claims.parquet", data: "PAR1" + "\x15\x02\x19\xfc\xff\xff\xff\xff\x07\x00" + "\x0a\x00\x00\x00PAR1", says: "damaged"},
		{name: "secret.parquet", data: "PARE\x00" + strings.Repeat("x", 100) + "\x04\x00\x00\x00PARE", says: "encrypted"},
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"n%d\":1}\n", i)
	}
	return b.String()
}
