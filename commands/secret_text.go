package commands

import (
	"bytes"
	"os"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Secrets are text, and go on as such: to the API, into a PFX, or to the service control manager.
// One that is not Unicode would become another secret on the way, which nobody notices before it is
// refused. Windows PowerShell's Set-Content and old editors write such files.

// asUTF8 is what a person wrote, as UTF-8 without a byte order mark. Windows PowerShell's > writes
// UTF-16 with one. A file without a mark stays as it is.
func asUTF8(content []byte) ([]byte, error) {
	content, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), content)
	return content, err
}

// checkEncoding refuses text that is not Unicode. UTF-16 without a byte order mark is known by its
// zeros, a character that was lost earlier by the one that stands for it. Source names what holds
// the text, and remedy says how to write it.
func checkEncoding(source string, text []byte, remedy string) error {
	switch {
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return hint.Errorf(remedy, "%s is not UTF-8", source)
	case bytes.ContainsRune(text, utf8.RuneError):
		return hint.Errorf(remedy, "%s contains a replacement character (U+FFFD): it was converted from another encoding", source)
	}
	return nil
}

// encodingRemedy says how to write a file, or standard input for -, that can be read.
func encodingRemedy(file string) string {
	if file == "-" {
		return "pipe it in as UTF-8 (in PowerShell, set first: $OutputEncoding = [Text.Encoding]::UTF8)"
	}
	return "save it as UTF-8 (in PowerShell: Set-Content -Encoding utf8)"
}

// checkSecretValue is checkEncoding for a secret that an option or a variable of the environment
// holds. On Windows, either may hold half a character of UTF-16.
func checkSecretValue(source, secret string) error {
	return checkEncoding("the value of "+source, []byte(secret), "give it as UTF-8, or in a file that is UTF-8")
}

// secretVariable is a secret in the environment, "" where there is none.
func secretVariable(name string) (string, error) {
	secret := os.Getenv(name)
	return secret, checkSecretValue(name, secret)
}
