package plainjson

import "testing"

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
