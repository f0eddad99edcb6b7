package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fatih/color"
	"github.com/mattn/go-colorable"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"golang.org/x/term"
)

// console is the only place that knows about terminals: the answer goes to out; progress, warnings
// and errors go to err; colour only to a terminal.
type console struct {
	in            io.Reader
	out           *answer
	err           io.Writer
	showsProgress bool // err is a terminal on which a line can be overwritten

	bold, green, red, yellow, faint paint // for out
	symbols                         bool  // out is a terminal that shows symbols and colours
	asciiJSON                       bool  // JSON is written in ASCII: see output.go
	alarm, caution                  paint // for err

	errFile     io.Writer // the file behind err, to ask the terminal's width
	mu          sync.Mutex
	stopTicking func() // nil while no progress is shown

	secretsMu sync.RWMutex
	secrets   octoapi.Secrets

	log     *slog.Logger // of --verbose and --log-file; nil for neither
	logFile func(text)   // writes a line to the file of --log-file; nil for none

	background background

	interrupted context.Context // ends when the user ends the command; nil: that ends the process

	unencrypted atomic.Pointer[string] // the credentials that went to a server over http

	arguments []string                  // the command line, as rewriteArguments writes it
	systemLog func(history.Entry) error // writes to the log of this machine; nil for not at all

	relied func() bool // whether a change relies on a restart of this process that came too early for it; may be nil
}

// paint makes a text of values, like textf, and colours it where there is a terminal.
type paint func(values ...any) text

// newConsole checks each stream separately: the answer may go to a file while progress is shown.
func newConsole(in io.Reader, out, err io.Writer) *console {
	c := &console{in: in, out: &answer{to: out}, err: err, errFile: err, systemLog: history.ToSystem}
	outIsTTY, errIsTTY := isTerminal(out), isTerminal(err)
	c.showsProgress = errIsTTY && os.Getenv("TERM") != "dumb"
	c.asciiJSON = writesASCII(out)
	if f, ok := out.(*os.File); ok && outIsTTY {
		c.out.to, c.out.terminal = colorable.NewColorable(f), true // older Windows consoles do not know colours
	} else if ok {
		c.out.to, c.out.exact = forReaders(f), f
	}
	if f, ok := err.(*os.File); ok && errIsTTY {
		c.err = colorable.NewColorable(f)
	} else if ok {
		c.err = forReaders(f)
	}
	c.colour(outIsTTY, errIsTTY)
	return c
}

// colour paints what goes to terminals.
func (c *console) colour(outIsTTY, errIsTTY bool) {
	c.bold, c.faint = c.painter(outIsTTY, color.Bold), c.painter(outIsTTY, color.Faint)
	c.green, c.red, c.yellow = c.painter(outIsTTY, color.FgGreen), c.painter(outIsTTY, color.FgRed), c.painter(outIsTTY, color.FgYellow)
	c.symbols = outIsTTY && paints() && showsSymbols()
	c.alarm, c.caution = c.painter(errIsTTY, color.FgRed, color.Bold), c.painter(errIsTTY, color.FgYellow)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (c *console) painter(onTerminal bool, attributes ...color.Attribute) paint {
	p := color.New(attributes...)
	if onTerminal && paints() {
		p.EnableColor()
	} else {
		p.DisableColor()
	}
	return c.painted(p)
}

func (c *console) painted(p *color.Color) paint {
	return func(values ...any) text {
		var whole text
		for _, value := range values {
			whole += c.textf("%v", value)
		}
		return text(p.Sprint(string(whole)))
	}
}

// paints says whether the user wants more than plain text on a terminal.
func paints() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// showsSymbols says whether a terminal surely has characters like ✓: not in the fonts and code
// pages of older Windows consoles, nor where the locale is not UTF-8.
func showsSymbols() bool {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	locale = strings.ReplaceAll(strings.ToUpper(locale), "-", "")
	return runtime.GOOS != "windows" && strings.HasSuffix(locale, "UTF8")
}

// width is that of the terminal to which the answer goes, in characters; elsewhere, what fits on
// most.
func (c *console) width() int {
	for _, stream := range []any{c.out.to, c.errFile} { // on Windows, the first is no file
		if f, is := stream.(*os.File); is && c.out.terminal {
			if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
				return width
			}
		}
	}
	return 80
}

// keepSecret makes sure that a text is never printed, whatever a library or a server puts into its
// errors and names.
func (c *console) keepSecret(secret string) {
	c.secretsMu.Lock()
	defer c.secretsMu.Unlock()
	c.secrets.Add(secret)
}

func (c *console) cloneSecrets() octoapi.Secrets {
	c.secretsMu.RLock()
	defer c.secretsMu.RUnlock()
	return c.secrets.Clone()
}

// hide replaces secrets by ***.
func (c *console) hide(value string) string {
	c.secretsMu.RLock()
	defer c.secretsMu.RUnlock()
	return c.secrets.Hide(value)
}

// printf writes a part of the answer.
func (c *console) printf(format string, a ...any) {
	c.endProgress()
	fmt.Fprint(c.out, c.textf(format, a...))
}

// writeUTF8 makes the answer UTF-8 on any system, as the formats of other programs are.
func (c *console) writeUTF8() { c.out.writeExactly() }

// answered flushes the answer and returns how the command ended: failing to write the answer is an
// error, too.
func (c *console) answered(err error) error {
	failure := c.out.flush()
	switch {
	case failure == nil:
		return err
	case err != nil && !errors.As(err, new(verdictError)) && !errors.Is(err, failure):
		return err // has a cause of its own
	case hasNoReader(failure):
		return verdictError{} // a reader that ends early, like head, is not an error
	}
	return hint.Errorf("all other steps completed", "the answer could not be written to standard output: %w", failure)
}

func (c *console) warn(format string, a ...any) {
	c.endProgress()
	_ = c.out.flush() // keeps the order where both streams go to one place; answered sees a failure
	message := c.textf(format, a...)
	c.said("warning: " + message)
	fmt.Fprintf(c.err, "%s %s\n", c.caution("warning:"), message)
}

// warnOf warns of an error, with its hints.
func (c *console) warnOf(err error) { c.warn("%s", c.errorText(err)) }

func (c *console) fail(err error) {
	c.endProgress()
	message := c.errorText(err)
	c.said(message)
	fmt.Fprintf(c.err, "%s %s\n", c.alarm("octo-tentacle:"), message)
}

// step tells of something that the command itself does.
func (c *console) step(what string, details ...any) {
	if c.log != nil {
		c.log.Info(what, details...)
	}
}

// said adds to the file of --log-file what is said on standard error.
func (c *console) said(message text) {
	if c.logFile == nil {
		return
	}
	for line := range strings.SplitSeq(string(message), "\n") {
		c.logFile(c.line(line))
	}
}
