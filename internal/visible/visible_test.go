package visible

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestWhatSteersATerminalIsWrittenOut(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		`C:\new folder`:             `C:\new folder`,
		"Büro 7 — “web’s” 日本 🚀":     "Büro 7 — “web’s” 日本 🚀",
		"a\u00a0b":                  "a\u00a0b",
		"a\r\nb\tc\v\f\b\a\x00":     `a\r\nb\tc\v\f\b\a\x00`,
		"\x1b[8m\x1b]0;title\x07":   `\x1b[8m\x1b]0;title\a`,
		"\u009b2J\u0085\x7f":        `\u009b2J\u0085\x7f`,
		"\u202egnp.exe\u2066\u200f": `\u202egnp.exe\u2066\u200f`,
		"a\u200bb\u2060c\ufeffd\u00ade\U000e0041": `a\u200bb\u2060c\ufeffd\u00ade\U000e0041`,
		"line\u2028paragraph\u2029":               `line\u2028paragraph\u2029`,
		"filler\u3164\u115f\uffa0":                `filler\u3164\u115f\uffa0`,
		"bad\xff\xc3(\xed\xa0\x80":                `bad\xff\xc3(\xed\xa0\x80`,
		"replaced \ufffd":                         "replaced \ufffd",
	} {
		if got := Line(text); got != want {
			t.Errorf("%+q is shown as %q, not %q", text, got, want)
		}
	}
}

// FuzzLine looks for a text that is not one visible line afterwards, or that is changed again.
func FuzzLine(f *testing.F) {
	for _, text := range []string{"", "web", "a\nb", "\x1b[31m", "\u202e", "\xff", "a\u200bb", "\\n", "\u009b", "e\u0301"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if !utf8.ValidString(line) || Line(line) != line || Is(text) != (line == text) {
			t.Fatalf("%+q is shown as %+q", text, line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Errorf("%+q is shown as %+q", text, line)
			}
		}
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return !Rune(r) || r == utf8.RuneError }) {
			if !strings.Contains(line, part) {
				t.Errorf("%+q, shown as %+q, has lost %q", text, line, part)
			}
		}
	})
}
