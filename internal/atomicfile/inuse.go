package atomicfile

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

const (
	// longestWait is how long a file is waited for that another program has open. Virus scanners
	// and backups take seconds on a busy machine; Tentacle itself waits 5.5 s to read a file
	// (OctopusPhysicalFileSystem.cs).
	longestWait = 15 * time.Second

	// A wait that takes longer than this is told.
	quietWait = time.Second

	firstPause, longestPause = 10 * time.Millisecond, 250 * time.Millisecond
)

// InUseError is a file that another program has open, or maps into its memory, in a way that keeps
// this one from what it wants to do with it. Only Windows has such files.
type InUseError struct {
	Path string
	Err  error // what Windows says
}

func (e *InUseError) Error() string { return fmt.Sprintf("another program has it open: %v", e.Err) }
func (e *InUseError) Unwrap() error { return e.Err }

// Hints say what to do.
func (e *InUseError) Hints() []string {
	return []string{
		"close " + e.Path + " in the other program (an editor, a backup, a virus scanner), then try again",
		"to find the program: Resource Monitor (resmon), CPU, Associated Handles",
	}
}

// WhileInUse tries something with the file at path until no other program is in the way, for 15 s
// or as long as ctx lasts. The error is an *InUseError if another program still is.
func WhileInUse(ctx context.Context, path string, try func() error) error {
	return waiting{path: path, isInUse: isInUse}.run(ctx, try)
}

// OnWait has waits of more than a second told: began is called with the path of the file, and what
// it returns when the wait is over. It is for the whole process, as its terminal is.
func OnWait(began func(path string) (over func())) { onWait.Store(&began) }

var onWait atomic.Pointer[func(path string) (over func())]

// waiting is a wait for a file.
type waiting struct {
	path     string
	isInUse  func(error) bool
	doubtful func(error) bool // may have another reason; nil for no error
}

func (w waiting) run(ctx context.Context, try func() error) error {
	var begin time.Time
	for pause, told := firstPause, false; ; pause = min(2*pause, longestPause) {
		err := try()
		if !w.isInUse(err) {
			return err
		}
		if begin.IsZero() {
			begin = time.Now()
		}
		if waited := time.Since(begin); waited >= longestWait {
			return w.failed(err)
		} else if tell := onWait.Load(); waited >= quietWait && !told && tell != nil {
			told = true
			if over := (*tell)(w.path); over != nil {
				defer over()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", w.failed(err), context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

func (w waiting) failed(err error) error {
	err = WithoutPath(err)
	if w.doubtful != nil && w.doubtful(err) {
		return hint.Errorf("close "+w.path+" in other programs, or have its access list changed; then try again",
			"another program has it open, or this account may not do that: %w", err)
	}
	return &InUseError{w.path, err}
}

// NewReader reads a file, and waits for a program that has locked a part of it.
func NewReader(ctx context.Context, f *os.File) io.Reader { return patientReader{ctx, f} }

type patientReader struct {
	ctx context.Context
	f   *os.File
}

func (r patientReader) Read(b []byte) (n int, err error) {
	err = WhileInUse(r.ctx, r.f.Name(), func() (err error) {
		n, err = r.f.Read(b)
		return err
	})
	return n, err
}

// Remove is os.Remove that waits for other programs.
func Remove(path string) error {
	return WhileInUse(context.Background(), path, func() error { return remove(path) })
}
