package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/mattn/go-colorable"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"golang.org/x/term"
)

// console is the only place that knows about terminals: the answer goes to
// out; progress, warnings and errors to err; colour only where a person looks.
type console struct {
	in            io.Reader
	out           *answer
	err           io.Writer
	showsProgress bool // err is a terminal that can take a line back

	bold, green, red, yellow, faint paint // for out
	alarm, caution                  paint // for err

	errFile     io.Writer // what err stands for, to ask its width
	mu          sync.Mutex
	stopTicking func() // nil while no progress is shown
	secrets     octoapi.Secrets
}

// answer is standard output. It remembers the first failure: a script must not
// take what a full disk cut short for the whole.
//
// Elsewhere than on a terminal it is written as a whole: of a script's
// `list-servers | grep -q octo1`, grep ends when it has seen enough, and with
// pipefail a later write would make the script fail, now and then.
type answer struct {
	to       io.Writer
	terminal bool

	mu      sync.Mutex
	pending []byte
	failure error
}

// maxPending is as much as a pipe takes without anybody reading.
const maxPending = 64 << 10

func (a *answer) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.pending)+len(p) > maxPending {
		a.write()
	}
	a.pending = append(a.pending, p...)
	if a.terminal {
		a.write()
	}
	return len(p), a.failure
}

func (a *answer) flush() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write()
	return a.failure
}

func (a *answer) write() {
	if a.failure == nil && len(a.pending) > 0 {
		_, a.failure = a.to.Write(a.pending)
	}
	a.pending = a.pending[:0]
}

// paint colours a text, or leaves it as it is where there is no terminal.
type paint func(a ...any) string

// newConsole looks at each stream by itself: the answer may go to a file while
// progress is shown.
func newConsole(in io.Reader, out, err io.Writer) *console {
	c := &console{in: in, out: &answer{to: out}, err: err, errFile: err}
	outIsTTY, errIsTTY := isTerminal(out), isTerminal(err)
	c.showsProgress = errIsTTY && os.Getenv("TERM") != "dumb"
	if f, ok := out.(*os.File); ok && outIsTTY {
		c.out.to, c.out.terminal = colorable.NewColorable(f), true // a console of an older Windows does not know colours by itself
	}
	if f, ok := err.(*os.File); ok && errIsTTY {
		c.err = colorable.NewColorable(f)
	}
	c.bold, c.faint = painter(outIsTTY, color.Bold), painter(outIsTTY, color.Faint)
	c.green, c.red, c.yellow = painter(outIsTTY, color.FgGreen), painter(outIsTTY, color.FgRed), painter(outIsTTY, color.FgYellow)
	c.alarm, c.caution = painter(errIsTTY, color.FgRed, color.Bold), painter(errIsTTY, color.FgYellow)
	return c
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func painter(onTerminal bool, attributes ...color.Attribute) paint {
	p := color.New(attributes...)
	if onTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		p.EnableColor()
	} else {
		p.DisableColor()
	}
	return p.SprintFunc()
}

// keepSecret makes sure that a text never appears in what is printed, whatever
// a library or a server puts into its errors, and its names of things.
func (c *console) keepSecret(secret string) { c.secrets.Add(secret) }

// shown is a text as it may be printed: without secrets, and without what would
// steer the terminal of the administrator. Names and messages come from servers
// and files.
func (c *console) shown(text string) string {
	text = c.secrets.Hide(text)
	var shown strings.Builder
	for size := 0; text != ""; text = text[size:] {
		var r rune
		r, size = utf8.DecodeRuneInString(text)
		if steers(r) && r != '\n' && r != '\t' && !startsColour(text) {
			shown.WriteRune(utf8.RuneError)
		} else {
			shown.WriteString(text[:size])
		}
	}
	return shown.String()
}

// steers says whether a character does something to the terminal, like moving
// the cursor or turning the direction of the text around.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// startsColour knows the one kind of escape sequence that paint writes.
func startsColour(text string) bool {
	rest, isSequence := strings.CutPrefix(text, "\x1b[")
	return isSequence && strings.HasPrefix(strings.TrimLeft(rest, "0123456789;"), "m")
}

// printf writes a part of the answer.
func (c *console) printf(format string, a ...any) {
	c.endProgress()
	fmt.Fprint(c.out, c.shown(fmt.Sprintf(format, a...)))
}

// printJSON writes the one JSON value that --format json promises.
func (c *console) printJSON(value any) error {
	text, err := c.shownJSON(value, "  ")
	if err != nil {
		return err
	}
	c.endProgress()
	_, err = fmt.Fprintln(c.out, text)
	return err
}

// shownJSON is JSON as it may be printed, without a line end: what shown does to
// text, it does to the strings alone, so that it stays JSON.
func (c *console) shownJSON(value any, indent string) (string, error) {
	text, err := bareJSON(value, indent)
	var shown strings.Builder
	for {
		begin := strings.IndexByte(text, '"')
		if begin < 0 {
			return shown.String() + text, err
		}
		end := begin + literalSize(text[begin:])
		shown.WriteString(text[:begin])
		if literal := text[begin:end]; strings.HasPrefix(text[end:], ":") { // a name of ours
			shown.WriteString(literal)
		} else {
			shown.WriteString(c.shownLiteral(literal))
		}
		text = text[end:]
	}
}

// literalSize is the size of the string that JSON begins with, quotes included.
func literalSize(text string) int {
	i := 1
	for i < len(text) && text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return min(i+1, len(text))
}

// shownLiteral is a string in JSON as it may be printed.
func (c *console) shownLiteral(literal string) string {
	var plain string
	if json.Unmarshal([]byte(literal), &plain) == nil {
		if hidden := c.secrets.Hide(plain); hidden != plain {
			literal, _ = bareJSON(hidden, "")
		}
	}
	if !strings.ContainsFunc(literal, steers) {
		return literal
	}
	var shown strings.Builder
	for _, r := range literal {
		if steers(r) { // the encoder escapes only the oldest of these
			fmt.Fprintf(&shown, `\u%04x`, r)
		} else {
			shown.WriteRune(r)
		}
	}
	return shown.String()
}

// answered writes what there is of the answer, and is how the command ended:
// that the answer could not be written is a failure of its own.
func (c *console) answered(err error) error {
	failure := c.out.flush()
	switch {
	case failure == nil:
		return err
	case err != nil && !errors.As(err, new(verdictError)) && !errors.Is(err, failure):
		return err // has a cause of its own
	case errors.Is(failure, syscall.EPIPE):
		return verdictError{} // who reads no more, like head, wants to hear no more
	}
	return fmt.Errorf("the answer could not be written to standard output: %w\nwhatever else there was to do is done", failure)
}

func (c *console) warn(format string, a ...any) {
	c.endProgress()
	_ = c.out.flush() // in order, where both go to one place; answered sees the failure
	fmt.Fprintf(c.err, "%s %s\n", c.caution("warning:"), c.shown(fmt.Sprintf(format, a...)))
}

func (c *console) fail(err error) {
	c.endProgress()
	fmt.Fprintf(c.err, "%s %s\n", c.alarm("octo-tentacle:"), c.shown(err.Error()))
}

// progress shows, on a terminal only, what is being waited for; the line is
// overwritten by the next one and gone at the end. Seconds are shown from the
// third on, so that quick things do not flicker.
func (c *console) progress(text string) {
	if !c.showsProgress {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearProgress()
	text = c.shown(text)
	began := time.Now()
	c.drawProgress(text, 0)
	ticker, ended := time.NewTicker(time.Second), make(chan struct{})
	c.stopTicking = func() { ticker.Stop(); close(ended) }
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				c.mu.Lock()
				select {
				case <-ended: // while we waited for the lock
				default:
					c.drawProgress(text, time.Since(began))
				}
				c.mu.Unlock()
			}
		}
	}()
}

// drawProgress keeps to one line: a longer one could not be taken back.
func (c *console) drawProgress(text string, waited time.Duration) {
	line := []rune(text + " …")
	if f, ok := c.errFile.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 10 && len(line) > width-8 {
			line = append(line[:width-10], []rune(" …")...)
		}
	}
	seconds := ""
	if waited >= 3*time.Second {
		seconds = fmt.Sprintf(" %d s", int(waited.Seconds()))
	}
	fmt.Fprintf(c.err, "\r\x1b[K%s%s", string(line), seconds)
}

func (c *console) endProgress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearProgress()
}

func (c *console) clearProgress() {
	if c.stopTicking != nil {
		c.stopTicking()
		c.stopTicking = nil
		fmt.Fprint(c.err, "\r\x1b[K")
	}
}
