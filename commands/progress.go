package commands

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress shows, on a terminal only, what the program is waiting for. The next line overwrites it,
// and it is gone at the end. Seconds are shown from the third on, so that short waits do not
// flicker.
func (c *console) progress(what string) {
	c.step(what)
	if !c.showsProgress {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearProgress()
	shown := c.line(what)
	began := time.Now()
	c.drawProgress(shown, 0)
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
					c.drawProgress(shown, time.Since(began))
				}
				c.mu.Unlock()
			}
		}
	}()
}

// quietStart is how long nothing is said, where there is no terminal, of a server that is waited
// for.
const quietStart = 5 * time.Second

// startProgress returns a function that shows what is waited for while a server starts: as
// progress, and where that is not shown as one warning. A mistyped port looks the same, and nobody
// should wait for the error without a word.
func (c *console) startProgress() func(text string) {
	began := sync.OnceValue(time.Now)
	var warnOnce sync.Once
	return func(text string) {
		c.progress(text)
		if waited := time.Since(began()); waited >= quietStart && !c.showsProgress {
			warnOnce.Do(func() { c.warn("%s", text) })
		}
	}
}

// drawProgress uses only one line: more could not be overwritten.
func (c *console) drawProgress(what text, waited time.Duration) {
	line := []rune(what + " …")
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
