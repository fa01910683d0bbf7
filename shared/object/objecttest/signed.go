package objecttest

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/object"
)

func (f *fixture) signPut(key, contentType string, size int64) object.SignedRequest {
	f.Helper()
	if f.Signer == nil {
		f.Skip("SKIPPED: this store signs nothing")
	}
	signed, err := f.Signer.SignPut(context.Background(), key, contentType, size, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	return signed
}

func (f *fixture) signGet(key, filename string) object.SignedRequest {
	f.Helper()
	if f.Signer == nil {
		f.Skip("SKIPPED: this store signs nothing")
	}
	signed, err := f.Signer.SignGet(context.Background(), key, filename, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	return signed
}

func signedUpload(f *fixture) {
	for _, key := range []string{home + "data", home + "sp ace+é%25"} {
		signed := f.signPut(key, "text/csv", 8)
		if signed.Method != http.MethodPut || signed.Header.Get("Content-Type") != "text/csv" || signed.Header.Get("Content-Length") != "8" {
			f.Fatalf("signed %+v", signed)
		}
		if left := time.Until(signed.Expires); left <= 0 || left > time.Minute {
			f.Fatalf("expires in %s", left)
		}
		if status, _, answer := f.send(signed.Method, signed.URL, signed.Header, []byte("a,b\n1,2\n")); status != http.StatusOK {
			f.Fatalf("upload gave %d %s", status, answer)
		}
		if got, info := f.get(key, 0, -1); got != "a,b\n1,2\n" || info.ContentType != "text/csv" {
			f.Fatalf("stored %q, %+v", got, info)
		}
	}
}

// signedUploadIsOneUpload changes one thing at a time; nothing of it may be stored anywhere.
func signedUploadIsOneUpload(f *fixture) {
	const body = "12345678"
	signed := f.signPut(home+"data", "text/csv", int64(len(body)))
	other := func(change func(u *url.URL)) string {
		u, err := url.Parse(signed.URL)
		if err != nil {
			f.Fatal(err)
		}
		change(u)
		return u.String()
	}
	header := func(name, value string) http.Header {
		h := signed.Header.Clone()
		h.Set(name, value)
		return h
	}
	noType := signed.Header.Clone()
	noType.Del("Content-Type")
	free := signed.Header.Clone()
	free.Del("If-None-Match")
	for _, c := range []struct {
		name, method, url string
		header            http.Header
		body              string
	}{
		{"one byte more", "PUT", signed.URL, signed.Header, body + "9"},
		{"one byte less", "PUT", signed.URL, signed.Header, body[1:]},
		{"empty", "PUT", signed.URL, signed.Header, ""},
		{"other type", "PUT", signed.URL, header("Content-Type", "text/html"), body},
		{"no type", "PUT", signed.URL, noType, body},
		{"no condition", "PUT", signed.URL, free, body},
		{"other key", "PUT", strings.Replace(signed.URL, "/data?", "/date?", 1), signed.Header, body},
		{"other user's key", "PUT", strings.Replace(signed.URL, "01HANN", "01HBOB", 1), signed.Header, body},
		{"key below", "PUT", strings.Replace(signed.URL, "/data?", "/data/x?", 1), signed.Header, body},
		{"POST", "POST", signed.URL, signed.Header, body},
		{"DELETE", "DELETE", signed.URL, signed.Header, ""},
		{"GET", "GET", signed.URL, signed.Header, ""},
		{"tampered signature", "PUT", other(func(u *url.URL) { u.RawQuery = tamper(u.Query(), "X-Amz-Signature") }), signed.Header, body},
		{"no signature", "PUT", other(func(u *url.URL) { u.RawQuery = "" }), signed.Header, body},
		{"extra query", "PUT", signed.URL + "&versionId=1", signed.Header, body},
		{"sub-resource", "PUT", signed.URL + "&acl=", signed.Header, body},
		{"multipart", "PUT", signed.URL + "&partNumber=1&uploadId=x", signed.Header, body},
		{"longer life", "PUT", strings.Replace(signed.URL, "X-Amz-Expires=60", "X-Amz-Expires=6000", 1), signed.Header, body},
		{"fewer signed headers", "PUT", strings.Replace(signed.URL, "content-length%3B", "", 1), signed.Header, body},
	} {
		if c.url == signed.URL && c.method == "PUT" && c.body == body && c.name != "other type" && c.name != "no type" && c.name != "no condition" {
			f.Fatalf("%s changes nothing", c.name)
		}
		if status, _, answer := f.send(c.method, c.url, c.header, []byte(c.body)); status < 400 || status >= 500 {
			f.Errorf("%s: %d %s, want a refusal", c.name, status, answer)
		}
		if stored := f.list("", 0); len(stored) != 0 {
			f.Fatalf("%s: stored %q", c.name, stored)
		}
	}
	if status, _, answer := f.send(signed.Method, signed.URL, signed.Header, []byte(body)); status != http.StatusOK {
		f.Fatalf("the signed request itself gave %d %s", status, answer)
	}
}

// signedUploadExchangesNothing sends a signed request twice: what was stored first stays, and dropping the condition does not help.
func signedUploadExchangesNothing(f *fixture) {
	signed := f.signPut(home+"data", "text/csv", 4)
	if status, _, answer := f.send(signed.Method, signed.URL, signed.Header, []byte("good")); status != http.StatusOK {
		f.Fatalf("the first upload gave %d %s", status, answer)
	}
	free := signed.Header.Clone()
	free.Del("If-None-Match")
	other := signed.Header.Clone()
	other.Set("If-None-Match", `"0"`)
	for name, header := range map[string]http.Header{"the same": signed.Header, "without its condition": free, "with another condition": other} {
		status, _, answer := f.send(signed.Method, signed.URL, header, []byte("evil"))
		if status < 400 || status >= 500 || name == "the same" && status != http.StatusPreconditionFailed {
			f.Errorf("%s: %d %s, want a refusal", name, status, answer)
		}
	}
	if got, _ := f.get(home+"data", 0, -1); got != "good" {
		f.Fatalf("the object is now %q", got)
	}
}

// tamper changes the first character of one hexadecimal value.
func tamper(q url.Values, name string) string {
	first := "0"
	if strings.HasPrefix(q.Get(name), "0") {
		first = "1"
	}
	q.Set(name, first+q.Get(name)[1:])
	return q.Encode()
}

func signedDownload(f *fixture) {
	key := home + "data"
	f.put(key, "text/csv", "a,b\n")
	f.put(home+"other", "text/csv", "secret")
	for filename, want := range map[string]string{
		"sales 2026.csv":                      "sales 2026.csv",
		"été 😀 漢字.csv":                        "été 😀 漢字.csv",
		`a"b;c%41\d/e.csv`:                    "a\"b;c%41_d_e.csv",
		"x.csv\r\nSet-Cookie: a=b":            "x.csv__Set-Cookie: a=b",
		"":                                    "download",
		"..":                                  "download",
		"evil\u202Evsc.exe":                   "evil_vsc.exe",
		strings.Repeat("n", 300):              strings.Repeat("n", 200),
		"\xff.csv":                            "_.csv",
		"<script>alert(1)</script>'*.csv":     "<script>alert(1)<_script>'*.csv",
		"filename*=UTF-8''other; a=\"b\".csv": "filename*=UTF-8''other; a=\"b\".csv",
	} {
		signed := f.signGet(key, filename)
		status, header, body := f.send(signed.Method, signed.URL, signed.Header, nil)
		if status != http.StatusOK || body != "a,b\n" {
			f.Fatalf("%q: download gave %d %s", filename, status, body)
		}
		kind, params, err := mime.ParseMediaType(header.Get("Content-Disposition"))
		if err != nil || kind != "attachment" || params["filename"] != want || header.Get("Set-Cookie") != "" {
			f.Errorf("%q became %q (%v, %v), want %q", filename, header.Get("Content-Disposition"), params, err, want)
		}
	}
	signed := f.signGet(key, "a.csv")
	for name, target := range map[string]string{
		"other key":         strings.Replace(signed.URL, "/data?", "/other?", 1),
		"other disposition": strings.Replace(signed.URL, "attachment", "inline", 1),
		"extra query":       signed.URL + "&response-content-type=text%2Fhtml",
	} {
		if status, _, body := f.send("GET", target, nil, nil); target == signed.URL || status < 400 || strings.Contains(body, "secret") {
			f.Errorf("%s: %d %s, want a refusal", name, status, body)
		}
	}
	for _, method := range []string{"PUT", "DELETE", "POST"} {
		if status, _, _ := f.send(method, signed.URL, nil, []byte("x")); status < 400 {
			f.Errorf("%s on a signed GET: %d", method, status)
		}
	}
	if got, _ := f.get(key, 0, -1); got != "a,b\n" {
		f.Fatalf("the object is now %q", got)
	}
}

func signedRequestsExpire(f *fixture) {
	if f.SignerAt == nil {
		f.Skip("SKIPPED: this store's signer has no clock to set")
	}
	ctx := context.Background()
	f.put(home+"data", "text/plain", "secret")
	past := f.SignerAt(time.Now().Add(-2 * time.Minute))
	get, err := past.SignGet(ctx, home+"data", "a", time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	if status, _, body := f.send(get.Method, get.URL, get.Header, nil); status < 400 || strings.Contains(body, "secret") {
		f.Errorf("an expired download gave %d %s", status, body)
	}
	put, err := past.SignPut(ctx, home+"late", "text/plain", 1, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	if status, _, body := f.send(put.Method, put.URL, put.Header, []byte("x")); status < 400 {
		f.Errorf("an expired upload gave %d %s", status, body)
	}
	f.mustMiss(home + "late")
	if put, err = past.SignPut(ctx, home+"in time", "text/plain", 1, 10*time.Minute); err != nil {
		f.Fatal(err)
	}
	if status, _, body := f.send(put.Method, put.URL, put.Header, []byte("x")); status != http.StatusOK {
		f.Errorf("an upload in time gave %d %s", status, body)
	}
}

func badSigning(f *fixture) {
	f.signPut(home+"data", "text/csv", 1)
	ctx := context.Background()
	for name, err := range map[string]error{
		"empty file": second(f.Signer.SignPut(ctx, home+"x", "text/csv", 0, time.Minute)),
		"no type":    second(f.Signer.SignPut(ctx, home+"x", "", 1, time.Minute)),
		"bad type":   second(f.Signer.SignPut(ctx, home+"x", "text/csv\r\nX: y", 1, time.Minute)),
		"no life":    second(f.Signer.SignPut(ctx, home+"x", "text/csv", 1, 0)),
		"long life":  second(f.Signer.SignGet(ctx, home+"x", "x", 8*24*time.Hour)),
		"bad key":    second(f.Signer.SignGet(ctx, "../x", "x", time.Minute)),
	} {
		if !fault.Is(err, fault.Invalid) {
			f.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if err := second(f.Signer.SignPut(ctx, home+"x", "text/csv", 1<<50, time.Minute)); !fault.Is(err, fault.TooLarge) {
		f.Errorf("huge file: %v, want too_large", err)
	}
}

func second(_ object.SignedRequest, err error) error { return err }

// largeUpload sends a large file through a signed request, and holds client, server and store to a bounded memory where
// they are one process.
func largeUpload(f *fixture) {
	const bound = 64 << 20
	key, size := home+"large", f.options.Large
	signed := f.signPut(key, "application/octet-stream", size)
	runtime.GC()
	source := &pattern{left: size}
	start := source.measure()
	request, err := http.NewRequestWithContext(f.Context(), signed.Method, signed.URL, source)
	if err != nil {
		f.Fatal(err)
	}
	request.ContentLength = size
	for name := range signed.Header {
		request.Header.Set(name, signed.Header.Get(name))
	}
	if status, _, answer := f.do(request); status != http.StatusOK {
		f.Fatalf("upload gave %d %s", status, answer)
	}
	info, err := f.Store.Head(context.Background(), key)
	if err != nil || info.Size != size {
		f.Fatalf("stored %+v, %v", info, err)
	}
	if grown := int64(source.peak) - int64(start); grown > bound {
		f.Fatalf("memory grew by %d MiB during an upload of %d MiB", grown>>20, size>>20)
	}
	f.sameContent(key, size)
}

func (f *fixture) sameContent(key string, size int64) {
	f.Helper()
	r, _, err := f.Store.Get(context.Background(), key, 0, -1)
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	want := &pattern{left: size}
	got, expect := make([]byte, 1<<20), make([]byte, 1<<20)
	for offset := int64(0); offset < size; {
		n, err := io.ReadFull(r, got[:min(int64(len(got)), size-offset)])
		if err != nil {
			f.Fatalf("read at %d: %v", offset, err)
		}
		if _, err := io.ReadFull(want, expect[:n]); err != nil {
			f.Fatal(err)
		}
		if string(got[:n]) != string(expect[:n]) {
			f.Fatalf("the content differs within a MiB from %d", offset)
		}
		offset += int64(n)
	}
}

// pattern is an endless reader of a stream that differs at every place, and measures memory as it is read.
type pattern struct {
	left, offset int64
	measured     int64
	peak         uint64
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), p.left)
	for i := range n {
		at := uint64(p.offset + i)
		b[i] = byte(at*0x9E3779B97F4A7C15>>56) ^ byte(at)
	}
	p.offset += n
	p.left -= n
	if p.offset-p.measured > 4<<20 {
		p.measured = p.offset
		p.measure()
	}
	return int(n), nil
}

func (p *pattern) measure() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	p.peak = max(p.peak, stats.HeapInuse)
	return stats.HeapInuse
}
