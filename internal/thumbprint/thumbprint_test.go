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
