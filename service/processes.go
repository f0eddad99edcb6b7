package service

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Process is a process of a service besides the service's own: usually a script of a deployment. It
// has no arguments, because they may contain secrets.
type Process struct {
	PID  int
	Name string
}

// String is the name and the number.
func (p Process) String() string { return fmt.Sprintf("%s (pid %d)", p.Name, p.PID) }

// FormatProcesses lists processes in one line, the first few of them by name.
func FormatProcesses(processes []Process) string {
	const shown = 3
	names := make([]string, 0, shown)
	for _, p := range processes[:min(shown, len(processes))] {
		names = append(names, p.String())
	}
	text := strings.Join(names, ", ")
	if more := len(processes) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// idlePoll is how long WaitUntilIdle pauses between two looks at first, and longestIdlePoll later.
const (
	idlePoll        = 500 * time.Millisecond
	longestIdlePoll = 5 * time.Second
)

// idlePause is the pause after a wait: a twentieth of it. Who waits for a day is not to open all
// processes of the machine twice a second, which what watches over Windows takes note of.
func idlePause(waited time.Duration) time.Duration {
	return min(max(waited/20, idlePoll), longestIdlePoll)
}

// WaitUntilIdle returns when nothing runs below the service NAME any more, or after the wait: then
// with what still runs, and no error. It looks at least once, and passes busy each time what runs.
func WaitUntilIdle(ctx context.Context, name string, wait time.Duration, busy func([]Process)) ([]Process, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for begin := time.Now(); ; {
		running, err := Processes(ctx, name)
		if err != nil || len(running) == 0 {
			return running, err
		}
		busy(running)
		select {
		case <-ctx.Done():
			return running, ctx.Err()
		case <-over.C:
			return running, nil
		case <-time.After(min(idlePause(time.Since(begin)), max(wait, 0))):
		}
	}
}

// exitWait is how long WaitForExit waits: for a process that has only a few lines to print.
const exitWait = 30 * time.Second

// WaitForExit returns when the process with that number has ended, and after half a minute in any
// case.
func WaitForExit(ctx context.Context, pid int) {
	ctx, cancel := context.WithTimeout(ctx, exitWait)
	defer cancel()
	for ctx.Err() == nil && exists(pid) {
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
