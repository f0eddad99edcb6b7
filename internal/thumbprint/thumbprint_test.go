package thumbprint

import (
	"strings"
	"testing"
)

const example = "0123456789ABCDEF0123456789ABCDEF01234567"

func TestAThumbprintIsTheSHA1InUpperCase(t *testing.T) {
	if got, want := Of([]byte("abc")), "A9993E364706816ABA3E25717850C26C9CD0D89D"; got != want { // RFC 3174
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOnlyFortyHexadecimalDigitsAreAThumbprint(t *testing.T) {
	for text, want := range map[string]bool{example: true, strings.ToLower(example): true, "": false, example[1:]: false, example + "00": false, "X" + example[1:]: false} {
		if Valid(text) != want {
			t.Errorf("Valid(%q) is %v", text, !want)
		}
	}
}

func TestThumbprintsAreComparedWithoutCaseAndSpace(t *testing.T) {
	lower := " " + strings.ToLower(example) + "\n"
	if !Same(example, lower) || Same(example, example[1:]+"0") || !Contains([]string{"", lower}, example) {
		t.Error("the comparison minds case or space, or nothing")
	}
}

func TestWhatIsPastedAlongWithAThumbprintIsDropped(t *testing.T) {
	pairs := strings.ToLower(example)
	for i := len(pairs) - 2; i > 0; i -= 2 {
		pairs = pairs[:i] + "%" + pairs[i:]
	}
	for _, text := range []string{
		example, strings.ToLower(example), " " + example + "\r\n",
		strings.ReplaceAll(pairs, "%", " "), strings.ReplaceAll(pairs, "%", ":"), strings.ReplaceAll(pairs, "%", "-"),
		"\u200e" + strings.ReplaceAll(pairs, "%", "\u00a0"), "\u200f" + example, "\ufeff" + example + "\u200b",
	} {
		if got := Clean(text); got != example {
			t.Errorf("%q became %q", text, got)
		}
		if !Same(text, example) {
			t.Errorf("%q is not %s", text, example)
		}
	}
	for text, want := range map[string]string{" cc-cc ": "cc-cc", "": "", example + "0": example + "0", "x" + example: "x" + example} {
		if got := Clean(text); got != want {
			t.Errorf("%q, which is no thumbprint, became %q", text, got)
		}
	}
}
