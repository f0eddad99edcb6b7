package octoapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-resty/resty/v2"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

// How much of an answer is read; how much of a list is kept, room.go says. A document of the API
// has some ten kilobytes; a deployment target or worker has one or two, but ten thousand of them
// may be in one answer: old servers know no filter. A tenant that is connected to thousands of
// projects, a set of as many tags, or a task for ten thousand machines has some hundred kilobytes.
const (
	maxBody  = 64 << 20               // bytes of an answer; of a list, only what is looked for is kept
	maxValue = 1 << 20                // bytes of a document, or of one item of a list
	maxItems = 100_000                // of a list in one answer
	maxPage  = boundedjson.MostPeeked // bytes of what is no JSON: what a page is about stands at its beginning
)

// readerOf reads the JSON of an answer.
func readerOf(ctx context.Context, body io.Reader) *boundedjson.Reader {
	return boundedjson.NewReader(ctx, body, boundedjson.Limits{Total: maxBody, Value: maxValue})
}

// inParts is what reads its JSON itself, in parts.
type inParts interface {
	readFrom(*boundedjson.Reader) error
}

// asText is what reads an answer that is text, and no JSON.
type asText interface{ readText(io.Reader) error }

// decodeText reads an answer that should be text. A web page is none: something in between has
// answered.
func (c *connection) decodeText(f failedRequest, r *resty.Response, out asText) error {
	body := bufio.NewReaderSize(r.RawBody(), maxPage)
	begin, _ := body.Peek(maxPage) // what is wrong with it, reading says
	if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(string(begin), "\ufeff")), "<") {
		r.SetBody(begin)
		f.answer = r
		return c.unexpected(f, int64(len(begin)), errNotJSON)
	}
	err := out.readText(body)
	if err == nil || errors.As(err, new(*boundedjson.BrokenOffError)) {
		return err
	}
	f.answer = r
	return c.unexpected(f, maxBody, err)
}

// decode reads an answer that should be JSON, unless out wants text. The error is a
// *boundedjson.BrokenOffError where it was broken off, so that it may make sense to ask again.
func (c *connection) decode(ctx context.Context, f failedRequest, r *resty.Response, out any) error {
	if text, is := out.(asText); is {
		return c.decodeText(f, r, text)
	}
	json := readerOf(ctx, r.RawBody())
	begin, err := json.Peek(1)
	if err == nil && strings.ContainsAny(string(begin), `{["-0123456789tfn`) {
		err = decodeAll(json, out)
	} else if err == nil {
		if begin, err = json.Peek(maxPage); err == nil {
			r.SetBody(begin)
			err = errNotJSON
		}
	}
	if err == nil || errors.As(err, new(*boundedjson.BrokenOffError)) {
		return err
	}
	f.answer = r
	size := json.Size()
	if errors.Is(err, errNotJSON) {
		size = int64(len(begin)) // white space is nothing
	}
	return c.unexpected(f, size, err)
}

func decodeAll(json *boundedjson.Reader, out any) (err error) {
	if parts, is := out.(inParts); is {
		err = parts.readFrom(json)
	} else {
		err = json.Decode(out)
	}
	if err == nil {
		err = json.End()
	}
	return err
}

// readFailure reads the beginning of an answer that is no success.
func readFailure(r *resty.Response) error {
	begin, err := io.ReadAll(io.LimitReader(r.RawBody(), maxValue))
	r.SetBody(begin)
	return err
}

// What there is too much of in an answer.
var (
	errManyItems = fmt.Errorf("more than %d items", maxItems)
	errMuchKept  = fmt.Errorf("a list of more than %d MiB", maxKept>>20)
	errNotJSON   = errors.New("not JSON")
)

// tooMuch says what there is more of than any server sends; "" when it is not that.
func tooMuch(err error) string {
	if large, is := errors.AsType[*boundedjson.TooLargeError](err); is {
		if large.What == boundedjson.Bytes {
			return fmt.Sprintf("more than %d MiB", large.Limit>>20)
		}
		return large.Error()
	}
	if errors.Is(err, errManyItems) || errors.Is(err, errMuchKept) {
		return err.Error()
	}
	return ""
}
