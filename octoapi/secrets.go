package octoapi

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// Secrets are texts that must not be shown. The zero value hides what looks like an API key,
// wherever it comes from: one is easily pasted into the wrong option.
//
// Hiding must not spoil what is shown, so it depends on the secret and on where it may stand:
//
//   - No ordinary text has a strong one in it: it is hidden everywhere, also within words, and in
//     what others say in part, too. A part of a long one is hidden everywhere.
//   - A plain one may be a word, a name or a part of an address ("proxy", "Tentacle"): it is hidden
//     where a secret stands (in the user information of a URL, behind "password="), and in what
//     others say, as a whole word.
//   - One of up to three bytes is hidden only where a secret stands. Elsewhere, *** would say no
//     less than the letters, and make ordinary sentences unreadable.
//
// All of these are found in any escaped form, or one that is escaped in parts, and with control
// characters in between.
type Secrets struct {
	known []secret
	parts map[string]bool // of the strong ones: partSize bytes each, in lower case; true for everywhere
}

type secret struct {
	text  string
	plus  string // the text as forms of HTML send it, with + for a space
	plain bool
	forms []string // which no ordinary text has
}

const (
	leastWord = 4  // bytes of a plain secret that is hidden as a word
	partSize  = 12 // bytes of a strong one that are hidden on their own
	hidden    = "***"

	longSecret = 2 * partSize // bytes: half of it may be a name
)

// apiKeyShape is what Octopus's API keys look like. As part of a host name, a key is in lower case;
// then only a longer one can be distinguished from an ordinary host name.
var apiKeyShape = lazyregexp.New(`\bAPI-[A-Z0-9]{16,}|(?i)\bapi-[a-z0-9]{24,}`)

// basic is what HTTP sends for a user name and a password.
var basic = lazyregexp.New(`(?i)\bbasic[ :]+([a-z0-9+/_-]{4,})`)

// beforeSecret ends where a secret begins.
var beforeSecret = lazyregexp.New(`(?i)(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|api-?key)["']?\s*[:=]\s*["']?$`)

// Add makes Hide hide a secret from now on.
func (s *Secrets) Add(text string) {
	if text == "" || slices.ContainsFunc(s.known, func(known secret) bool { return known.text == text }) {
		return
	}
	added := secret{text: text, plus: strings.ReplaceAll(text, " ", "+"), plain: isPlain(text), forms: formsOf(text)}
	s.known = append(s.known, added)
	if added.plain {
		return
	}
	if s.parts == nil {
		s.parts = map[string]bool{}
	}
	s.addParts(added.text, len(text) >= longSecret)
	s.addParts(added.plus, len(text) >= longSecret)
	for _, form := range added.forms {
		s.addParts(form, true)
	}
}

func (s *Secrets) addParts(text string, everywhere bool) {
	text = lower(text)
	for i := range len(text) - partSize + 1 {
		part := text[i : i+partSize]
		s.parts[part] = s.parts[part] || everywhere
	}
}

// isPlain says whether an ordinary text may have a secret in it by chance: if it is short, or could
// be a name.
func isPlain(text string) bool {
	isName := !strings.ContainsFunc(text, func(r rune) bool {
		isLetter, isDigit := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z', '0' <= r && r <= '9'
		return !isLetter && !strings.ContainsRune(".-_", r) && !(isDigit && strings.Contains(text, "."))
	})
	return len(text) < partSize || isName && len(text) < longSecret
}

// Clone is a copy, to which others can be added.
func (s *Secrets) Clone() Secrets {
	return Secrets{slices.Clone(s.known), maps.Clone(s.parts)}
}

// formsOf are the spellings of a secret without escapes. In base64 a text looks different behind
// one, two or three others ("user:" in Basic). The letters that depend on the neighbours are
// dropped.
func formsOf(text string) []string {
	if len(text) < leastWord {
		return nil
	}
	const least = 6 // letters: fewer may be a word
	forms := []string{hex.EncodeToString([]byte(text))}
	for before, affected := range []int{0, 2, 3} {
		whole := append(make([]byte, before), text...)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, encoding.EncodeToString(whole)[affected:len(whole)/3*4])
		}
	}
	return slices.DeleteFunc(forms, func(form string) bool { return len(form) < least })
}

// lower ignores the case of letters. Those beyond ASCII may change their length, too.
func lower(text string) string {
	bytes := []byte(text)
	for i, b := range bytes {
		if 'A' <= b && b <= 'Z' {
			bytes[i] += 'a' - 'A'
		}
	}
	return string(bytes)
}

// Hide replaces secrets by *** in a text of the program, whatever it quotes.
func (s *Secrets) Hide(text string) string { return s.hide(text, false) }

// HideInQuote does so in what others say: a server, a proxy, a library. There, a plain secret is
// hidden as a word, too.
func (s *Secrets) HideInQuote(text string) string { return s.hide(text, true) }

func (s *Secrets) hide(text string, quote bool) string {
	secret, found := make([]bool, len(text)), false
	for r := range readings(text) {
		s.markIn(r.text, quote, func(from, to int) {
			found = true
			for at := r.of(from, to); at.begin < at.end; at.begin++ {
				secret[at.begin] = true
			}
		})
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

// markIn marks the secrets in a text.
func (s *Secrets) markIn(text string, quote bool, mark func(from, to int)) {
	folded := lower(text)
	if strings.Contains(folded, "api-") { // the expression takes its time, and few texts have anything for it
		for _, found := range apiKeyShape().FindAllStringIndex(text, -1) {
			mark(found[0], found[1])
		}
	}
	if len(s.known) == 0 {
		return
	}
	for i := range max(0, len(folded)-partSize+1) {
		if everywhere, is := s.parts[folded[i:i+partSize]]; is && (everywhere || quote) {
			mark(i, i+partSize)
		}
	}
	for _, known := range s.known {
		for _, form := range known.forms {
			each(text, form, mark)
			each(folded, form, mark) // one in hex
		}
		if !known.plain {
			each(folded, lower(known.text), mark)
			each(folded, lower(known.plus), mark)
			continue
		}
		where := func(from, to int) {
			if standsForSecret(text, from, to) || quote && to-from >= leastWord && isWord(text, from, to) {
				mark(from, to)
			}
		}
		each(text, known.text, where)
		each(text, known.plus, where)
	}
	if strings.Contains(folded, "basic") {
		for _, found := range basic().FindAllStringSubmatchIndex(text, -1) {
			if s.isBasic(text[found[2]:found[3]]) {
				mark(found[2], found[3])
			}
		}
	}
}

// isBasic says whether a text in base64 is of a user name and a known secret.
func (s *Secrets) isBasic(encoded string) bool {
	plain, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		plain, err = base64.RawURLEncoding.DecodeString(encoded)
	}
	_, password, isPair := strings.Cut(string(plain), ":")
	return err == nil && isPair && slices.ContainsFunc(s.known, func(known secret) bool { return known.text == password })
}

// each finds a part in a text, everywhere.
func each(text, part string, found func(from, to int)) {
	for from := 0; ; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return
		}
		found(from+i, from+i+len(part))
		from += i + 1
	}
}

// standsForSecret says whether a part of a text is where a secret stands.
func standsForSecret(text string, from, to int) bool {
	before, after := text[:from], text[to:]
	if strings.HasPrefix(after, "@") && strings.HasSuffix(before, ":") { // https://user:password@host
		return true
	}
	return (after == "" || strings.ContainsAny(after[:1], " \t\r\n\"'&;,)]}<")) && beforeSecret().MatchString(before[max(0, len(before)-40):])
}

// isWord says whether a part of a text is a word, and no part of a longer one, of a path or of the
// name of a host.
func isWord(text string, from, to int) bool {
	const joins = `.-_/\`
	isLetter := func(i int) bool {
		return 0 <= i && i < len(text) && (text[i] >= 0x80 || '0' <= text[i] && text[i] <= '9' || 'a' <= text[i]|0x20 && text[i]|0x20 <= 'z')
	}
	isJoin := func(i int) bool { return 0 <= i && i < len(text) && strings.IndexByte(joins, text[i]) >= 0 }
	begins := !isLetter(from-1) && !isJoin(from-1)
	ends := !isLetter(to) && (!isJoin(to) || to+1 == len(text) || !isLetter(to+1) && !isJoin(to+1))
	return begins && ends
}
