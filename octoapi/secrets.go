package octoapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
)

// Secrets are texts that must not be shown. The zero value hides what looks like an API key,
// wherever it comes from: one is easily pasted into the wrong option.
type Secrets struct {
	parts map[int]map[string]bool // by length
}

const (
	leastSecret = 4  // bytes: hiding shorter ones would hide parts of ordinary words
	secretPart  = 12 // bytes of a longer one are hidden on their own, too: a server may repeat a secret in part
	hidden      = "***"
)

// apiKeyShape is what Octopus's API keys look like. As part of a host name, a key is in lower case;
// then only a longer one can be distinguished from an ordinary host name.
var apiKeyShape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bAPI-[A-Z0-9]{16,}|(?i)\bapi-[a-z0-9]{24,}`)
})

// Add makes Hide hide a secret from now on.
func (s *Secrets) Add(secret string) {
	if len(secret) < leastSecret {
		return
	}
	for _, form := range formsOf(secret) {
		size := min(len(form), secretPart)
		if size < leastSecret {
			continue
		}
		if s.parts[size] == nil {
			if s.parts == nil {
				s.parts = map[int]map[string]bool{}
			}
			s.parts[size] = map[string]bool{}
		}
		form = folded(form, size)
		for i := range len(form) - size + 1 {
			s.parts[size][form[i:i+size]] = true
		}
	}
}

// Clone is a copy, to which others can be added.
func (s *Secrets) Clone() Secrets {
	copied := Secrets{parts: maps.Clone(s.parts)}
	for size, parts := range copied.parts {
		copied.parts[size] = maps.Clone(parts)
	}
	return copied
}

// formsOf are the spellings in which a server may return a secret.
func formsOf(secret string) []string {
	quoted, _ := json.Marshal(secret) // a string always can be
	plain, _ := plainjson.Marshal(secret, "")
	forms := []string{
		secret, oneLine(secret, len(secret)), url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
		strings.Trim(string(quoted), `"`), strings.Trim(string(plain), `"`),
	}
	for _, escape := range []string{"%%%02x", `\u%04x`, "&#%d;", "%02x"} {
		var escaped strings.Builder
		for _, b := range []byte(secret) {
			fmt.Fprintf(&escaped, escape, b)
		}
		forms = append(forms, escaped.String())
	}
	// In base64 a text looks different behind one, two or three others ("user:" in Basic). The
	// letters that depend on the neighbours are dropped.
	for before, affected := range []int{0, 2, 3} {
		text := make([]byte, before, before+len(secret))
		text = append(text, secret...)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			encoded := encoding.EncodeToString(text)
			forms = append(forms, encoded[affected:len(text)/3*4])
		}
	}
	return forms
}

// folded ignores the case of letters, where that does not turn a short secret into an ordinary
// word.
func folded(text string, size int) string {
	if size < secretPart {
		return text
	}
	lower := []byte(text)
	for i, b := range lower {
		if 'A' <= b && b <= 'Z' { // other letters may change their length, too
			lower[i] += 'a' - 'A'
		}
	}
	return string(lower)
}

// Hide replaces secrets, in whatever form, and longer parts of them by ***.
func (s *Secrets) Hide(text string) string {
	if strings.Contains(strings.ToLower(text), "api-") { // the expression takes its time, and few texts have anything for it
		text = apiKeyShape().ReplaceAllString(text, hidden)
	}
	for size, parts := range s.parts {
		text = hideParts(text, size, parts)
	}
	return text
}

func hideParts(text string, size int, parts map[string]bool) string {
	secret := make([]bool, len(text))
	look, found := folded(text, size), false
	for i := range max(0, len(look)-size+1) {
		if parts[look[i:i+size]] {
			found = true
			for j := range size {
				secret[i+j] = true
			}
		}
	}
	if !found {
		return text
	}
	var shown strings.Builder
	for i := range len(text) {
		switch {
		case !secret[i]:
			shown.WriteByte(text[i])
		case i == 0 || !secret[i-1]:
			shown.WriteString(hidden)
		}
	}
	return shown.String()
}
