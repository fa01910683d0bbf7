package dynamo_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// answer is one reply of DynamoDB as it is on the wire.
type answer struct {
	status int
	body   string
}

func refusal(code, more string) answer {
	return answer{http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"internal detail"` + more + `}`}
}

func cancelled(reasons ...string) answer {
	var parts []string
	for _, reason := range reasons {
		parts = append(parts, `{"Code":"`+reason+`"}`)
	}
	return refusal("TransactionCanceledException", `,"CancellationReasons":[`+strings.Join(parts, ",")+`]`)
}

// wire answers in order, the last one for ever, and counts what was asked.
type wire struct {
	mu      sync.Mutex
	answers []answer
	tokens  []string
	asked   int
}

func (w *wire) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	body, _ := io.ReadAll(in.Body)
	w.mu.Lock()
	a := w.answers[min(w.asked, len(w.answers)-1)]
	w.asked++
	if _, rest, found := strings.Cut(string(body), `"ClientRequestToken":"`); found {
		token, _, _ := strings.Cut(rest, `"`)
		w.tokens = append(w.tokens, token)
	}
	w.mu.Unlock()
	if a.status == 0 {
		<-in.Context().Done() // never answers
		return
	}
	out.Header().Set("Content-Type", "application/x-amz-json-1.0")
	out.WriteHeader(a.status)
	_, _ = io.WriteString(out, a.body)
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

func tableOn(t *testing.T, answers ...answer) (*dynamo.Table, *wire) {
	t.Helper()
	w := &wire{answers: answers}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return dynamo.New(clientOf(server.URL), "orcray", time.Now), w
}

func puts(n int) []table.Write {
	var writes []table.Write
	for i := range n {
		writes = append(writes, table.Write{Op: table.Put, Item: table.Item{Key: table.Key{PK: "p", SK: string(rune('a' + i))}}, Need: table.Absent()})
	}
	return writes
}

func TestA6_DynamoConflictsAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		writes int
		index  int
	}{
		"single":                  {refusal("ConditionalCheckFailedException", ""), 1, 0},
		"second of three":         {cancelled("None", "ConditionalCheckFailed", "None"), 3, 1},
		"two of three":            {cancelled("None", "ConditionalCheckFailed", "ConditionalCheckFailed"), 3, 1},
		"beside a passing one":    {cancelled("TransactionConflict", "None", "ConditionalCheckFailed"), 3, 2},
		"beside one that is busy": {cancelled("ThrottlingError", "ConditionalCheckFailed"), 2, 1},
	} {
		tb, w := tableOn(t, c.answer)
		err := tb.Transact(t.Context(), puts(c.writes))
		var conflict *table.ConflictError
		if !fault.Is(err, fault.Conflict) || !errors.As(err, &conflict) || conflict.Index != c.index || w.count() != 1 {
			t.Errorf("%s: %v after %d requests", name, err, w.count())
		}
	}
}

func TestA6_DynamoPassingRefusalsAreRepeated(t *testing.T) {
	t.Parallel()
	ok := answer{http.StatusOK, `{}`}
	for name, refused := range map[string]answer{
		"transaction conflict": cancelled("None", "TransactionConflict"),
		"busy part":            cancelled("ThrottlingError", "None"),
		"in progress":          refusal("TransactionInProgressException", ""),
		"conflict of a single": refusal("TransactionConflictException", ""),
		"busy":                 refusal("ProvisionedThroughputExceededException", ""),
	} {
		for _, writes := range []int{1, 2} {
			tb, w := tableOn(t, refused, refused, ok)
			if err := tb.Transact(t.Context(), puts(writes)); err != nil || w.count() != 3 {
				t.Errorf("%s, %d writes: %v after %d requests", name, writes, err, w.count())
			}
		}
	}
}

func TestA6_DynamoRepetitionEnds(t *testing.T) {
	t.Parallel()
	tb, w := tableOn(t, cancelled("TransactionConflict", "None"))
	if err := tb.Transact(t.Context(), puts(2)); !fault.Is(err, fault.Unavailable) || w.count() > 20 {
		t.Errorf("conflict for ever: %v after %d requests", err, w.count())
	}
	tb, w = tableOn(t, refusal("ThrottlingException", ""))
	err := tb.Transact(t.Context(), puts(1))
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Throttled || f.RetryAfter <= 0 || w.count() > 20 {
		t.Errorf("busy for ever: %v after %d requests", err, w.count())
	}
}

// TestN7_DynamoDoesNotRepeatTheUnknown: a write whose reply was lost may have happened; asked again, it would find its
// own version and report a conflict that is none.
func TestN7_DynamoDoesNotRepeatTheUnknown(t *testing.T) {
	t.Parallel()
	tb, w := tableOn(t, answer{http.StatusInternalServerError, `{"__type":"InternalServerError","message":"internal detail"}`})
	err := tb.Transact(t.Context(), puts(1))
	if !fault.Is(err, fault.Unavailable) || w.count() != 1 {
		t.Errorf("single write: %v after %d requests, want unavailable after one", err, w.count())
	}
	if strings.Contains(fault.MessageOf(err), "internal detail") {
		t.Errorf("the person is told %q", fault.MessageOf(err))
	}
	tb, w = tableOn(t, answer{http.StatusInternalServerError, `{"__type":"InternalServerError"}`}, answer{http.StatusOK, `{}`})
	if err := tb.Transact(t.Context(), puts(2)); err != nil || w.count() != 2 {
		t.Errorf("transaction: %v after %d requests, want success after two", err, w.count())
	}
	if len(w.tokens) != 2 || w.tokens[0] == "" || w.tokens[0] != w.tokens[1] {
		t.Errorf("the repeated transaction has tokens %q, want the same twice", w.tokens)
	}
}

func TestA6_DynamoErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		want   fault.Code
	}{
		"validation": {refusal("ValidationException", ""), fault.Invalid},
		"no table":   {refusal("ResourceNotFoundException", ""), fault.Internal},
		"no right":   {refusal("AccessDeniedException", ""), fault.Internal},
		"unknown":    {refusal("SomethingNew", ""), fault.Internal},
		"no JSON":    {answer{http.StatusBadGateway, "<html>"}, fault.Unavailable},
	} {
		tb, _ := tableOn(t, c.answer)
		if err := tb.Transact(t.Context(), puts(1)); !fault.Is(err, c.want) {
			t.Errorf("%s, write: %v, want %s", name, err, c.want)
		}
		if _, err := tb.Get(t.Context(), table.Key{PK: "p", SK: "s"}); !fault.Is(err, c.want) {
			t.Errorf("%s, get: %v, want %s", name, err, c.want)
		}
		if _, err := tb.Query(t.Context(), table.Query{PK: "p"}); !fault.Is(err, c.want) {
			t.Errorf("%s, query: %v, want %s", name, err, c.want)
		}
	}
}

func TestA6_DynamoTimeoutIsTyped(t *testing.T) {
	t.Parallel()
	tb, _ := tableOn(t, answer{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := tb.Transact(ctx, puts(1)); !fault.Is(err, fault.Timeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
	if _, err := tb.Get(ctx, table.Key{PK: "p", SK: "s"}); !fault.Is(err, fault.Timeout) {
		t.Errorf("get: %v", err)
	}
}

// TestA6_DynamoForeignItems: what is not ours must not come out as an empty item.
func TestA6_DynamoForeignItems(t *testing.T) {
	t.Parallel()
	foreign := answer{http.StatusOK, `{"Item":{"PK":{"S":"p"},"SK":{"S":"s"},"V":{"S":"one"}},"Items":[{"PK":{"S":"p"}}]}`}
	tb, _ := tableOn(t, foreign)
	if item, err := tb.Get(t.Context(), table.Key{PK: "p", SK: "s"}); !fault.Is(err, fault.Internal) {
		t.Errorf("get gave %+v, %v", item, err)
	}
	if page, err := tb.Query(t.Context(), table.Query{PK: "p"}); !fault.Is(err, fault.Internal) {
		t.Errorf("query gave %+v, %v", page, err)
	}
}
