package commands

import (
	"io"
	"sync"
)

// answer is standard output. It remembers the first failure: a script must not mistake an answer
// that a full disk cut short for a complete one.
//
// Unless it goes to a terminal, it is written in one piece: in a script's `list-servers | grep -q
// octo1`, grep ends when it has seen enough, and with pipefail a later write would occasionally
// make the script fail.
type answer struct {
	to       io.Writer
	exact    io.Writer // writes what it is given, where to changes the encoding; or nil
	terminal bool

	mu      sync.Mutex
	pending []byte
	failure error
}

// maxPending is how many bytes a pipe holds without a reader.
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

// writeExactly keeps what is written from now on as it is.
func (a *answer) writeExactly() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write()
	if a.exact != nil {
		a.to = a.exact
	}
}

func (a *answer) write() {
	if a.failure == nil && len(a.pending) > 0 {
		_, a.failure = a.to.Write(a.pending)
	}
	a.pending = a.pending[:0]
}
