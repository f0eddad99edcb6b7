package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestForeignTextNeitherControlsTheTerminalNorForgesALine(t *testing.T) {
	const evil = "octo1\nwarning: fine\x1b[2J\u009b2J\u202e"
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	printTable(c, []column[string]{{"ADDRESS", func(s string) string { return s }}}, []string{evil})
	_ = c.out.flush()
	if got := out.String(); strings.ContainsAny(got, "\x1b\u009b\u202e") || strings.Count(got, "\n") != 2 {
		t.Errorf("the table is %q", got)
	}
	out.Reset()
	var back string
	if err := errors.Join(c.printJSON(evil), c.out.flush()); err != nil || strings.ContainsAny(out.String(), "\x1b\u009b\u202e") || json.Unmarshal(out.Bytes(), &back) != nil || back != evil {
		t.Errorf("the JSON is %q, %v", out.String(), err)
	}
}

func TestHiddenSecretsLeaveJSONValid(t *testing.T) {
	const secret = "hunter2hunter2"
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	c.keepSecret(secret)
	type odd struct {
		Text, Name, End string
		List            []string
		Number          int
	}
	text, err := c.printableJSON(odd{`a ": "b`, `x":`, `C:\`, []string{"", `"`, `\"` + secret, "API-ABCDEFGHIJKLMNOPQRST:"}, 7}, "  ")
	var got odd
	if err := errors.Join(err, json.Unmarshal([]byte(text), &got)); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if want := (odd{`a ": "b`, `x":`, `C:\`, []string{"", `"`, `\"***`, "***:"}, 7}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}
