package commands

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Windows PowerShell 5.1 and Tentacle (Util/CommandLine/SilentProcessRunner.cs) read what a program
// prints into a pipe by the code page of the console, so text for people is written in it there. A
// console itself takes UTF-16, which os.File writes. Files are UTF-8, and so are the formats of
// other programs. JSON is ASCII on Windows, unless it goes to a terminal: the value is the same,
// and no code page can spoil it. Elsewhere all is UTF-8.

// codePageWriter writes text in a code page. Each write must be of whole characters.
type codePageWriter struct {
	to     io.Writer
	encode func() func(string) []byte // into the code page, which is looked up when it is needed first
}

func (w codePageWriter) Write(text []byte) (int, error) {
	if isASCII(text) {
		return w.to.Write(text)
	}
	if _, err := w.to.Write(w.encode()(inCodePages.Replace(string(text)))); err != nil {
		return 0, err
	}
	return len(text), nil
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// inCodePages replaces characters of our own texts that most code pages lack. Other characters that
// a code page lacks become question marks, never similar ones: a quotation mark could end a quoted
// name.
var inCodePages = strings.NewReplacer("…", "...", "→", "->", "–", "-")
