// Package fault is the one vocabulary of failure: a closed list of codes, and an error that carries a code, a sentence
// for the person who asked, and the cause, which stays in the house.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure this is. The list is closed; handler maps each to one HTTP status and one Lambda error type.
type Code string

// The codes, with the HTTP status each becomes.
const (
	Invalid         Code = "invalid"         // 400: the request itself is wrong
	Unauthenticated Code = "unauthenticated" // 401: no or bad credentials
	Forbidden       Code = "forbidden"       // 403: known, but not allowed
	NotFound        Code = "not_found"       // 404: missing, or somebody else's: the two are never told apart
	Conflict        Code = "conflict"        // 409: the state changed, or the thing exists
	TooLarge        Code = "too_large"       // 413: over a stated limit
	Unprocessable   Code = "unprocessable"   // 422: well-formed, but breaks a rule
	Throttled       Code = "throttled"       // 429: later, see RetryAfter
	Internal        Code = "internal"        // 500: ours
	Unavailable     Code = "unavailable"     // 503: a part we need does not answer
	Timeout         Code = "timeout"         // 504: it took too long
)

// Retryable reports whether the same request can succeed later without a change.
func (c Code) Retryable() bool {
	return c == Throttled || c == Unavailable || c == Timeout
}

// Field names one wrong part of a request by its JSON pointer (RFC 6901).
type Field struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error is a failure with a code. Message is shown to the caller and says what to do; Err is for the log only.
type Error struct {
	Code       Code
	Message    string
	Fields     []Field
	RetryAfter time.Duration // with Throttled and Unavailable; 0: unknown
	Err        error
}

// Error gives the whole story, cause included; it belongs in logs.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error whose message is for the caller.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives err a code and a message for the caller. A nil err stays nil.
func Wrap(err error, code Code, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// At makes an Invalid error that points at one field of the request.
func At(pointer, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	return &Error{Code: Invalid, Message: detail, Fields: []Field{{Pointer: pointer, Detail: detail}}}
}

// CodeOf gives the outermost code in err's chain; an error without one is Internal, nil is "".
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// MessageOf gives the sentence for the caller; what has no code is never quoted.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "Something went wrong on our side. Try again; if it stays, give the trace id to your operator."
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
