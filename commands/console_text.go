package commands

import (
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/visible"
)

// text may be printed as it is: line ends and colours in it are the program's own. All that is
// printed for people becomes text here, from a format that is ours and values that may be
// anybody's: names and messages come from servers, files, certificates and the environment. A value
// is always cleaned, so that nothing has to be remembered where it is printed. Only the files of
// the console make texts; a test keeps it.
type text string

// textf formats values into a text. Each value becomes a part of one line, without secrets; a text
// stays what it is, and so do the lines of an error.
func (c *console) textf(format string, a ...any) text {
	for i, value := range a {
		switch value := value.(type) {
		case text, int, int64, bool:
		case error:
			a[i] = c.message(value)
		default:
			a[i] = cleaned{c, value}
		}
	}
	return text(fmt.Sprintf(format, a...))
}

// cleaned is a value that formats itself with any verb, and is then cleaned.
type cleaned struct {
	c     *console
	value any
}

func (v cleaned) Format(f fmt.State, verb rune) {
	fmt.Fprint(f, v.c.line(fmt.Sprintf(fmt.FormatString(f, verb), v.value)))
}

// line makes a text of what is a line, or a part of one.
func (c *console) line(value string) text { return text(visible.Line(c.hide(value))) }

// quote makes a text of one line of what somebody else says.
func (c *console) quote(said string) text {
	c.secretsMu.RLock()
	defer c.secretsMu.RUnlock()
	return text(visible.Line(c.secrets.HideInQuote(said)))
}

// lines makes a text of several lines, each a value.
func (c *console) lines(values []string) text {
	cleaned := make([]string, len(values))
	for i, value := range values {
		cleaned[i] = string(c.line(value))
	}
	return text(strings.Join(cleaned, "\n"))
}

// message is the message of an error, without its hints. Where it has several lines, the error says
// so by a method MessageLines.
func (c *console) message(err error) text { return c.lines(messageLines(err)) }

// errorText formats an error for printing: its message and, indented below it, its hints. Each of
// several joined errors has its own.
func (c *console) errorText(err error) text {
	if joined, is := err.(interface{ Unwrap() []error }); is && err.Error() == joinedMessage(joined.Unwrap()) {
		texts := make([]string, len(joined.Unwrap()))
		for i, one := range joined.Unwrap() {
			texts[i] = string(c.errorText(one))
		}
		return text(strings.Join(texts, "\n"))
	}
	shown := c.message(err)
	for _, h := range hintsFor(err) {
		for line := range strings.SplitSeq(h, hint.Break) {
			if line != "---" { // what separates documents of YAML is not indented
				line = "  " + line
			}
			shown += "\n" + c.line(line)
		}
	}
	return shown
}

// printFile writes a file of another format as the whole answer, without secrets: exact UTF-8, on
// any system.
func (c *console) printFile(content []byte) error {
	c.writeUTF8()
	c.endProgress()
	_, err := fmt.Fprint(c.out, text(c.hide(string(content))))
	return err
}
