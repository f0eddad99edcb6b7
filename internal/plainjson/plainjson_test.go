package plainjson

import (
	"encoding/json"
	"testing"
)

func TestNothingIsEscapedForHTMLAndNoLineEndIsAdded(t *testing.T) {
	got, err := Marshal(map[string]string{"a": "<&>"}, "  ")
	if want := "{\n  \"a\": \"<&>\"\n}"; string(got) != want || err != nil {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
	if got, _ := Marshal([]int{1}, ""); string(got) != "[1]" {
		t.Errorf("got %q", got)
	}
	if _, err := Marshal(func() {}, ""); err == nil {
		t.Error("a function is no JSON")
	}
}

func TestASCIIIsTheSameValue(t *testing.T) {
	const value = "Büro “日本” 🐙 \u007f\u2028\\"
	text, err := Marshal(map[string]string{value: value}, " ")
	if err != nil {
		t.Fatal(err)
	}
	ascii := ASCII(string(text))
	for i := range len(ascii) {
		if ascii[i] > 0x7f {
			t.Fatalf("%q is not ASCII", ascii)
		}
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(ascii), &back); err != nil || back[value] != value {
		t.Errorf("%s is %q, %v", ascii, back, err)
	}
	for text, want := range map[string]string{
		`{"é": "🐙"}`:            `{"\u00e9": "\ud83d\udc19"}`,
		"\u007f\u0080":          "\u007f" + `\u0080`,
		"\uffff" + "\U00010000": `\uffff\ud800\udc00`,
	} {
		if got := ASCII(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
