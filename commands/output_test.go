package commands

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestTextForAPipeIsInTheCodePageAndFormatsOfOtherProgramsAreNot(t *testing.T) {
	var page, exact bytes.Buffer
	looked := 0
	c := newConsole(nil, &page, &page)
	c.out.exact = &exact
	c.out.to = codePageWriter{&page, func() func(string) []byte {
		looked++
		return func(text string) []byte { return []byte(strings.ReplaceAll(text, "ü", "\x81")) } // as code page 850 has it
	}}
	c.printf("Buro\n")
	if _ = c.out.flush(); looked > 0 || page.String() != "Buro\n" {
		t.Errorf("the code page was looked at %d times for %q", looked, page.String())
	}
	c.printf("Büro … ok\n")
	c.writeUTF8()
	c.printf("Büro … ok\n")
	_ = c.out.flush()
	if got := page.String(); got != "Buro\nB\x81ro ... ok\n" {
		t.Errorf("in the code page: %q", got)
	}
	if got := exact.String(); got != "Büro … ok\n" {
		t.Errorf("in UTF-8: %q", got)
	}
}

func TestJSONForAPipeOfWindowsIsASCII(t *testing.T) {
	var out bytes.Buffer
	c := newConsole(nil, &out, &out)
	c.asciiJSON = true
	const evil = "Büro 🐙 \u202e \x1b"
	err := c.printJSON(map[string]string{evil: evil})
	_ = c.out.flush()
	var back map[string]string
	if err != nil || !isASCII(out.Bytes()) || json.Unmarshal(out.Bytes(), &back) != nil || back[evil] != evil {
		t.Errorf("got %q, %v", out.String(), err)
	}
}
