package octoapi

import (
	"html"
	"iter"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

// reading is a text with its escapes read.
type reading struct {
	text string
	from []span // what each byte stands for in the text; nil where nothing was escaped
}

type span struct{ begin, end int }

// of is what a part of the reading stands for in the text.
func (r reading) of(from, to int) span {
	if r.from == nil || from == to {
		return span{from, to}
	}
	return span{r.from[from].begin, r.from[to-1].end}
}

// mostReadings is how often a text may be escaped again: once by each program that passes it on.
const mostReadings = 4

// readings are a text as it is and without its escapes: those of URLs, of JSON and of HTML, in any
// mixture, also of what is escaped twice; each without what breaks up words and is not seen, too.
func readings(text string) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		r := reading{text: text}
		for range mostReadings {
			if !yield(r) || !visible.Is(r.text) && !yield(r.joined()) {
				return
			}
			next := r.unescaped()
			if next.text == r.text {
				return
			}
			r = next
		}
	}
}

// joined drops what is not seen.
func (r reading) joined() reading {
	return r.rewritten(func(rest string) (string, int) {
		c, size := utf8.DecodeRuneInString(rest)
		if c == utf8.RuneError || visible.Rune(c) {
			return rest[:size], size
		}
		return "", size
	})
}

// unescaped reads each escape once.
func (r reading) unescaped() reading {
	if !strings.ContainsAny(r.text, `\%&`) {
		return r
	}
	return r.rewritten(func(rest string) (string, int) {
		switch rest[0] {
		case '\\':
			return unescapedBackslash(rest)
		case '%':
			if b, is := hexadecimal(rest, 1, 2); is {
				return string([]byte{byte(b)}), 3
			}
		case '&':
			const longest = 12 // bytes of an entity
			end := strings.IndexByte(rest[:min(len(rest), longest)], ';')
			if end > 0 && !strings.ContainsAny(rest[1:end], `&%\`) { // else another escape begins in between
				if text := html.UnescapeString(rest[:end+1]); text != rest[:end+1] {
					return text, end + 1
				}
			}
		}
		return rest[:1], 1
	})
}

// rewritten applies step to the text, which says what the beginning of the rest becomes, and how
// many bytes that was.
func (r reading) rewritten(step func(rest string) (text string, size int)) reading {
	var text strings.Builder
	var from []span
	for i := 0; i < len(r.text); {
		written, size := step(r.text[i:])
		for range len(written) {
			from = append(from, r.of(i, i+size))
		}
		text.WriteString(written)
		i += size
	}
	return reading{text.String(), from}
}

// unescapedBackslash reads an escape of JSON, or \x41.
func unescapedBackslash(rest string) (text string, size int) {
	if len(rest) < 2 {
		return rest, len(rest)
	}
	switch rest[1] {
	case '"', '\'', '\\', '/':
		return rest[1:2], 2
	case 'x':
		if b, is := hexadecimal(rest, 2, 2); is {
			return string([]byte{byte(b)}), 4
		}
	case 'u':
		first, is := hexadecimal(rest, 2, 4)
		if !is {
			break
		}
		if strings.HasPrefix(rest[6:], `\u`) {
			if second, is := hexadecimal(rest, 8, 4); is {
				if r := utf16.DecodeRune(rune(first), rune(second)); r != utf8.RuneError {
					return string(r), 12
				}
			}
		}
		return string(rune(first)), 6
	case 'b', 'f', 'n', 'r', 't':
		return "\n", 2 // which it is does not matter: it is not seen
	}
	return rest[:1], 1
}

// hexadecimal reads so many digits.
func hexadecimal(text string, from, digits int) (value uint64, is bool) {
	if len(text) < from+digits {
		return 0, false
	}
	value, err := strconv.ParseUint(text[from:from+digits], 16, 32)
	return value, err == nil && text[from] != '+'
}
