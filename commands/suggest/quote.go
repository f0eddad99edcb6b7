package suggest

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

// Unquotable is the placeholder for a value that no quotes bring through the shells of the system.
const Unquotable = "VALUE"

// Quote writes a word so that a shell of goos reads it as it is: sh or, on Windows, both cmd and
// PowerShell. A word that only PowerShell can be given is quoted for it; cmd reads that as another
// word, but runs nothing else. Where that cannot be had either, or where the word has a character
// that nobody sees, the value of the option is a placeholder (Unquotable).
func Quote(goos, word string) string {
	quoted, ok := quoteForSh(word)
	if goos == "windows" {
		quoted, ok = quoteForWindows(word)
	}
	switch option, _, isOption := strings.Cut(word, "="); {
	case ok:
		return quoted
	case isOption && strings.HasPrefix(option, "--"):
		return option + "=" + Unquotable
	}
	return Unquotable
}

// isPlain says whether every character of a word is a letter or a digit of ASCII, or in more.
func isPlain(word, more string) bool {
	return word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		letterOrDigit := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letterOrDigit && !strings.ContainsRune(more, r)
	})
}

// quoteForSh follows POSIX (Shell Command Language, 2.2 Quoting): nothing but ' is special between
// single quotes. A line feed is not either, but begins a line in what a person reads. To zsh, a
// word that begins with = is the path of a command.
func quoteForSh(word string) (quoted string, ok bool) {
	if isPlain(word, "-_./:=@+,%") && word[0] != '=' {
		return word, true
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'", visible.Is(word)
}

// Characters that PowerShell reads as the quotes ' and " (PowerShell, CharTraits.cs).
const (
	singleQuotes = "'‘’‚‛"
	doubleQuotes = "\"“”„"
)

// quoteForWindows knows these limits:
//
//   - cmd knows no quotes but ", between which it still replaces %NAME%, and ends at a line feed
//   - PowerShell replaces $ and ` between double quotes, not between single ones, and before 7.3
//     hands a " on to a program unescaped (about_Quoting_Rules, about_Parsing)
//   - a program takes \" for a quotation mark (CommandLineToArgvW)
func quoteForWindows(word string) (quoted string, ok bool) {
	switch {
	case isPlain(word, `-_./:=+,\`):
		return word, true
	case !visible.Is(word) || strings.ContainsAny(word, `"`) || strings.Count(word, "%") > 1 || strings.HasSuffix(word, `\`):
		return "", false
	case !strings.ContainsAny(word, "$`"+doubleQuotes):
		return `"` + word + `"`, true
	case strings.ContainsAny(word, "&|<>^%"): // cmd would take what follows for another command
		return "", false
	}
	var single strings.Builder
	for _, r := range word {
		if strings.ContainsRune(singleQuotes, r) {
			single.WriteRune(r)
		}
		single.WriteRune(r)
	}
	return "'" + single.String() + "'", true
}
