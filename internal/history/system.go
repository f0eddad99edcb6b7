package history

import (
	"errors"
	"time"
)

// source is the name under which the log of a machine has the entries: SYSLOG_IDENTIFIER of the
// journal, the tag of syslog, the source in the event log of Windows.
const source = "octo-tentacle"

// systemTime is how long a log may take: one that is stuck must not stop whoever changes something.
const systemTime = 2 * time.Second

// errStuck is a log that did not take an entry in time.
var errStuck = errors.New("it did not respond")

// ToSystem writes an entry to the log of this machine. On a machine without one, as in many
// containers, it does nothing.
func ToSystem(e Entry) error {
	written := make(chan error, 1)
	go func() { written <- toSystem(e) }()
	select {
	case err := <-written:
		return err
	case <-time.After(systemTime):
		return errStuck
	}
}

// shortened cuts a text to a size in bytes, between two characters.
func shortened(text string, size int) string {
	const more = "…"
	if len(text) <= size {
		return text
	}
	end := 0
	for i := range text {
		if i > size-len(more) {
			break
		}
		end = i
	}
	return text[:end] + more
}
