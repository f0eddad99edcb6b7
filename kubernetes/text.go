package kubernetes

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// password is where an address has a user and a password. They may be written in a wrong way.
var password = lazyregexp.New(`//[^"]*@`)

// withoutPassword is a text without the user and the password of the addresses in it.
func withoutPassword(text string) string { return password().ReplaceAllString(text, "//") }

// shortened is a text without what is beyond so many bytes.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// oneLine is the first line of a text, which may go on with advice for another program.
func oneLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}
