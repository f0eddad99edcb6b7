package boundedjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

var limits = Limits{Total: 2 << 20, Value: 512 << 10}

// readPage reads the names of what is in {"items": […]}, as the packages that ask do.
func readPage(ctx context.Context, from io.Reader) (names []string, err error) {
	r := NewReader(ctx, from, limits)
	err = r.Object(func(name string) error {
		if name != "items" {
			return r.Skip()
		}
		return r.Array(func() error {
			var item struct{ Name string }
			err := r.Decode(&item)
			names = append(names, item.Name)
			return err
		})
	})
	if err == nil {
		err = r.End()
	}
	return names, err
}

func TestAListIsReadItemByItem(t *testing.T) {
	t.Parallel()
	const document = ` {"a":{"items":[1]},"items":[{"name":"x"},null,{"Name":"y","more":[{}]}],"z":"]}"} ` + "\r\n"
	for name, from := range map[string]io.Reader{
		"at once":         strings.NewReader(document),
		"byte by byte":    iotest.OneByteReader(strings.NewReader(document)),
		"with a mark":     strings.NewReader("\xef\xbb\xbf" + document),
		"its end with it": iotest.DataErrReader(strings.NewReader(document)),
	} {
		names, err := readPage(t.Context(), from)
		if want := []string{"x", "", "y"}; err != nil || !reflect.DeepEqual(names, want) {
			t.Errorf("%s: %q, %v", name, names, err)
		}
	}
}

func TestWhatIsNotReadIsNamed(t *testing.T) {
	t.Parallel()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	endless := io.MultiReader(strings.NewReader(`{"items":[`), repeating(`{"name":"x"},`))
	for name, test := range map[string]struct {
		from io.Reader
		is   any // an error, or a pointer to one of the kind
	}{
		"nothing":                 {strings.NewReader(""), io.ErrUnexpectedEOF},
		"half an object":          {strings.NewReader(`{"items":[{}`), io.ErrUnexpectedEOF},
		"half a value":            {strings.NewReader(`{"items":[{"name":"`), io.ErrUnexpectedEOF},
		"an array":                {strings.NewReader(`[]`), ErrKind},
		"null":                    {strings.NewReader(`null`), ErrKind},
		"no array":                {strings.NewReader(`{"items":{}}`), ErrKind},
		"no text":                 {strings.NewReader(`{"items":[{"name":1}]}`), &kind},
		"no JSON":                 {strings.NewReader(`<html>`), &syntax},
		"no JSON behind it":       {strings.NewReader(`{}<html>`), &syntax},
		"more JSON behind it":     {strings.NewReader(`{}{}`), errBehind},
		"a field without a value": {strings.NewReader(`{"items"}`), &syntax},
		"too deep":                {repeating(`{"x":`), &syntax},
		"too many bytes":          {endless, new(*TooLargeError)},
		"a long value":            {io.MultiReader(strings.NewReader(`{"x":"`), repeating("x")), new(*TooLargeError)},
		"many elements":           {io.MultiReader(strings.NewReader(`{"x":[`), repeating("1,")), new(*TooLargeError)},
		"white space":             {repeating(" "), new(*TooLargeError)},
		"a connection that broke": {io.MultiReader(strings.NewReader(`{"items":[`), iotest.ErrReader(io.ErrNoProgress)), io.ErrNoProgress},
	} {
		_, err := readPage(t.Context(), test.from)
		wanted, isError := test.is.(error)
		if isError && !errors.Is(err, wanted) || !isError && !errors.As(err, test.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheErrorNamesTheLimitThatIsReached: whoever reads it knows what there is too much of.
func TestTheErrorNamesTheLimitThatIsReached(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		from io.Reader
		want TooLargeError
	}{
		"everything":  {io.MultiReader(strings.NewReader(`{"items":[`), repeating(`{"name":"x"},`)), TooLargeError{limits.Total, Bytes}},
		"one value":   {io.MultiReader(strings.NewReader(`{"x":"`), repeating("x")), TooLargeError{limits.Value, Bytes}},
		"elements":    {io.MultiReader(strings.NewReader(`{"x":[`), repeating("1,")), TooLargeError{mostElements, Elements}},
		"white space": {repeating(" "), TooLargeError{limits.Value, Bytes}},
	} {
		_, err := readPage(t.Context(), test.from)
		if large, is := errors.AsType[*TooLargeError](err); !is || *large != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestElementsAreCountedForEachValue: a list of many small values is what it is made for.
func TestElementsAreCountedForEachValue(t *testing.T) {
	t.Parallel()
	const items = 2 * mostElements
	document := `{"items":[` + strings.Repeat("{},", items-1) + "{}]}"
	if names, err := readPage(t.Context(), strings.NewReader(document)); err != nil || len(names) != items {
		t.Errorf("%d, %v", len(names), err)
	}
}

// TestWhiteSpaceInFrontCounts: of everything, but of no value.
func TestWhiteSpaceInFrontCounts(t *testing.T) {
	t.Parallel()
	space := strings.Repeat(" ", int(limits.Value)*2)
	r := NewReader(t.Context(), strings.NewReader(space+"[1]"), limits)
	if begin, err := r.Peek(1); err != nil || string(begin) != "[" {
		t.Fatalf("%q, %v", begin, err)
	}
	if err := r.Array(r.Skip); err != nil || r.Size() != int64(len(space)+len("[1]")) {
		t.Errorf("%d, %v", r.Size(), err)
	}
	_, err := NewReader(t.Context(), repeating(" "), limits).Peek(1)
	if large, is := errors.AsType[*TooLargeError](err); !is || *large != (TooLargeError{limits.Total, Bytes}) {
		t.Error(err)
	}
}

// repeating is without an end.
func repeating(text string) io.Reader { return &repeater{text: text} }

type repeater struct {
	text string
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(p), nil
}

// TestTheContextEndsReading although there is always more to read.
func TestTheContextEndsReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := NewReader(ctx, io.MultiReader(strings.NewReader("["), repeating("{},")), Limits{Total: 1 << 40, Value: 1 << 20})
	count := 0
	err := r.Array(func() error {
		if count++; count == 1000 {
			cancel()
		}
		return r.Skip()
	})
	if broken, is := errors.AsType[*BrokenOffError](err); !is || !errors.Is(err, context.Canceled) || broken.Read == 0 {
		t.Errorf("%v after %d", err, count)
	}
	if _, err := NewReader(ctx, repeating(" "), Limits{Total: 1 << 40, Value: 1 << 20}).Peek(1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestTextIsNotTakenForElements: a long text may have commas, up to a limit that real ones keep.
func TestTextIsNotTakenForElements(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("word, and ", 20_000)
	document, err := json.Marshal(map[string]any{"items": []any{map[string]string{"name": text}, map[string]string{"name": text}}})
	if err != nil {
		t.Fatal(err)
	}
	if names, err := readPage(t.Context(), bytes.NewReader(document)); err != nil || len(names) != 2 || names[1] != text {
		t.Errorf("%d, %v", len(names), err)
	}
}

func TestWhatComesIsSeenBeforeItIsRead(t *testing.T) {
	t.Parallel()
	r := NewReader(t.Context(), strings.NewReader("\xef\xbb\xbf \n\t[1, 22]"), limits)
	begin, err := r.Peek(3)
	if err != nil || string(begin) != "[1," {
		t.Errorf("%q, %v", begin, err)
	}
	var lengths []int64
	err = r.Array(func() error {
		err := r.Skip()
		lengths = append(lengths, r.Last())
		return err
	})
	if err != nil || len(lengths) != 2 || lengths[0] < 1 || lengths[1] < 2 || r.Size() == 0 {
		t.Errorf("%v, %v", lengths, err)
	}
	if begin, err := NewReader(t.Context(), strings.NewReader(" \r\n"), limits).Peek(1); err != nil || len(begin) != 0 {
		t.Errorf("%q, %v", begin, err)
	}
}

// FuzzReader checks that an array is read as json.Unmarshal reads it.
func FuzzReader(f *testing.F) {
	for _, s := range []string{`[1,"x",{"a":[null,true]}]`, "[]", " [ {} , [] ] ", "[1,]", "[1 2]", "[", "]", `["\ud800"]`, "[1]x", "\xef\xbb\xbf[]", "null"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		var want, got []any
		wantErr := json.Unmarshal(bytes.TrimPrefix(document, []byte("\xef\xbb\xbf")), &want)
		r := NewReader(t.Context(), bytes.NewReader(document), limits)
		err := r.Array(func() error {
			var one any
			err := r.Decode(&one)
			got = append(got, one)
			return err
		})
		if err == nil {
			err = r.End()
		}
		if wantErr == nil && want == nil { // null
			wantErr = ErrKind
		}
		if (err == nil) != (wantErr == nil) || err == nil && len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v, %v, and not %v, %v", document, got, err, want, wantErr)
		}
	})
}
