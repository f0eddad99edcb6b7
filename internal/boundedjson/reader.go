// Package boundedjson reads JSON that somebody else sends, in memory and time that depend on what
// is asked for, and not on what is sent.
//
// A long list is never in memory as a whole: it is read item by item, and whoever reads it keeps
// what matters. One value has limits of its own: its bytes, and how many elements it may hold,
// since an element of three bytes like {}, may become a hundred in memory. How deep it is nested,
// encoding/json limits. The context is looked at between any two pieces that are read.
package boundedjson

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits are how much is read.
type Limits struct {
	Total int64 // bytes of everything
	Value int64 // bytes of one value that is decoded
}

// Of a value that is longer than smallValue bytes, at most mostElements are read. The longest that
// Octopus and Kubernetes send have some ten thousand.
const (
	smallValue   = 64 << 10
	mostElements = 100_000
)

// MostPeeked is how many bytes Peek sees at most.
const MostPeeked = 64 << 10

// TooLargeError is that more came than is read.
type TooLargeError struct {
	Limit int64
	What  string // that there is more of than the limit: Bytes or Elements
}

func (e *TooLargeError) Error() string { return fmt.Sprintf("more than %d %s", e.Limit, e.What) }

// What there may be too much of.
const (
	Bytes    = "bytes"
	Elements = "elements"
)

// BrokenOffError is why the JSON could not be read to its end: not the JSON itself, but the
// connection, or the context.
type BrokenOffError struct {
	Read int64 // bytes that came before
	Err  error
}

func (e *BrokenOffError) Error() string { return e.Err.Error() }
func (e *BrokenOffError) Unwrap() error { return e.Err }

// Reader reads one JSON document.
type Reader struct {
	source  *source
	decoder *json.Decoder
	last    int64
}

// NewReader reads from a source, with or without a byte order mark.
func NewReader(ctx context.Context, from io.Reader, limits Limits) *Reader {
	r := &Reader{source: &source{ctx: ctx, from: bufio.NewReaderSize(from, MostPeeked), limits: limits}}
	r.decoder = json.NewDecoder(r.source)
	r.source.consumed = r.decoder.InputOffset
	return r
}

// Size is how many bytes were read.
func (r *Reader) Size() int64 { return r.source.read }

// Last is how many bytes the value had that was decoded last.
func (r *Reader) Last() int64 { return r.last }

// Peek is the beginning of what comes, white space in front of it skipped: as many bytes, unless it
// ends before, and MostPeeked at most. It is for before anything else is read.
func (r *Reader) Peek(n int) ([]byte, error) {
	if err := r.source.skipSpace(); err != nil {
		return nil, r.cause(err)
	}
	begin, err := r.source.from.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return begin, r.source.broken(err)
	}
	return begin, nil
}

// Decode decodes the next value, as json.Unmarshal does. The error is a *TooLargeError, a
// *BrokenOffError, or one of encoding/json.
func (r *Reader) Decode(out any) error {
	begin := r.decoder.InputOffset()
	err := r.decoder.Decode(out)
	r.last = r.decoder.InputOffset() - begin
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return r.cause(err)
}

// Skip reads the next value, and forgets it.
func (r *Reader) Skip() error { return r.Decode(new(skipped)) }

type skipped struct{}

func (skipped) UnmarshalJSON([]byte) error { return nil }

// ErrKind is that a value is not of the kind that is read: it is no object, or no array.
var ErrKind = errors.New("unexpected JSON")

// Object reads an object: field has to read the value of each of its fields.
func (r *Reader) Object(field func(name string) error) error {
	return r.inside('{', func() error {
		name, err := r.decoder.Token()
		if err != nil {
			return err
		}
		return field(name.(string)) // encoding/json lets nothing else be there
	})
}

// Array reads an array: item has to read each of its items.
func (r *Reader) Array(item func() error) error { return r.inside('[', item) }

func (r *Reader) inside(kind json.Delim, next func() error) error {
	switch begin, err := r.decoder.Token(); {
	case errors.Is(err, io.EOF):
		return r.cause(io.ErrUnexpectedEOF)
	case err != nil:
		return r.cause(err)
	case begin != kind:
		return ErrKind
	}
	for r.decoder.More() {
		if err := next(); err != nil {
			return r.cause(err)
		}
	}
	_, err := r.decoder.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return r.cause(err)
}

// End makes sure that nothing but white space comes any more.
func (r *Reader) End() error {
	switch _, err := r.decoder.Token(); {
	case err == nil:
		return errBehind
	case errors.Is(err, io.EOF):
		return r.cause(nil)
	default:
		return r.cause(err)
	}
}

var errBehind = errors.New("something after the JSON")

// cause is why reading ended, which encoding/json does not always tell.
func (r *Reader) cause(err error) error {
	if r.source.failed != nil {
		return r.source.failed
	}
	return err
}

// source is what the decoder reads.
type source struct {
	ctx      context.Context
	from     *bufio.Reader
	limits   Limits
	consumed func() int64 // how much of what was read the decoder has done with

	read     int64
	skipped  int64 // in front of what the decoder reads
	elements int   // of the value that is being read, about
	failed   error // why reading ended before the end
	begun    bool
}

// Read hands out what came, unless that is too much.
func (s *source) Read(p []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	if err := s.skipMark(); err != nil {
		return 0, err
	}
	held := s.read - s.skipped - s.consumed() // what is there of the value that is not read to its end
	switch {
	case s.ctx.Err() != nil:
		return 0, s.broken(context.Cause(s.ctx))
	case s.read > s.limits.Total:
		return 0, s.tooLarge(s.limits.Total, Bytes)
	case held > s.limits.Value:
		return 0, s.tooLarge(s.limits.Value, Bytes)
	case held <= smallValue:
		s.elements = 0
	case s.elements > mostElements:
		return 0, s.tooLarge(mostElements, Elements)
	}
	n, err := s.from.Read(p)
	s.read += int64(n)
	s.elements += bytes.Count(p[:n], []byte{','})
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.broken(err)
	}
	return n, err
}

func (s *source) broken(err error) error {
	s.failed = &BrokenOffError{Read: s.read, Err: err}
	return s.failed
}

func (s *source) tooLarge(limit int64, what string) error {
	s.failed = &TooLargeError{Limit: limit, What: what}
	return s.failed
}

// skipMark skips a byte order mark, which encoding/json does not know.
func (s *source) skipMark() error {
	if s.begun {
		return nil
	}
	s.begun = true
	mark := []byte("\xef\xbb\xbf")
	switch begin, err := s.from.Peek(len(mark)); {
	case bytes.Equal(begin, mark):
		_, _ = s.from.Discard(len(mark)) // it is there
	case err != nil && !errors.Is(err, io.EOF):
		return s.broken(err)
	}
	return nil
}

// skipSpace skips white space, which may be without an end.
func (s *source) skipSpace() error {
	if err := s.skipMark(); err != nil {
		return err
	}
	for {
		if _, err := s.from.Peek(1); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return s.broken(err)
		}
		come, _ := s.from.Peek(s.from.Buffered()) // it is there
		space := len(come) - len(bytes.TrimLeft(come, " \t\r\n"))
		_, _ = s.from.Discard(space)
		s.read += int64(space)
		s.skipped += int64(space)
		switch {
		case space < len(come):
			return nil
		case s.ctx.Err() != nil:
			return s.broken(context.Cause(s.ctx))
		case s.read > s.limits.Total:
			return s.tooLarge(s.limits.Total, Bytes)
		}
	}
}
