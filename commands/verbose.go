package commands

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// valueIn is the last value of an option in a command line that rewriteArguments has written.
func valueIn(rewritten []string, option string) (value string) {
	for _, argument := range rewritten {
		if argument == "--" {
			break
		}
		if rest, is := strings.CutPrefix(argument, "--"+option+"="); is {
			value = rest
		}
	}
	return value
}

// startSteps begins to tell what the command does, if that is asked for. end ends it with the exit
// code.
func (c *console) startSteps(ctx context.Context, rewritten []string) (steppedCtx context.Context, end func(code int), err error) {
	onScreen, file := valueIn(rewritten, verboseOption) == "true", valueIn(rewritten, logFileOption)
	if !onScreen && file == "" {
		return ctx, func(int) {}, nil
	}
	told := &stepWriter{console: c, began: time.Now()}
	if file != "" {
		if told.file, err = openLogFile(file, valueIn(rewritten, "config")); err != nil {
			return nil, nil, err
		}
	}
	if onScreen {
		c.showsProgress = false // a line to be overwritten would mix with these
		c.err = &oneAtATime{to: c.err}
		told.screen = c.err
	}
	if file != "" {
		c.logFile = told.write
	}
	log := slog.New(stepHandler{stepWriter: told})
	c.log = log
	log.Info(fmt.Sprintf("octo-tentacle %s on %s/%s", version(), runtime.GOOS, runtime.GOARCH), "command", c.recordedCommand())
	return steps.To(ctx, log), func(code int) {
		log.Info("end", "code", code, steps.Took(told.began))
		told.close()
	}, nil
}

// stepWriter writes lines, until it is closed: a request that the command no longer waited for may
// end later.
type stepWriter struct {
	console *console
	began   time.Time
	screen  io.Writer // nil for none
	file    *os.File  // nil for none

	mu      sync.Mutex // also for the order of the times
	closed  bool
	failure error // the first of the file
}

// show writes to the screen what the command does, and to the file when.
func (w *stepWriter) show(line text) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now()
	if w.screen != nil && !w.closed {
		fmt.Fprintf(w.screen, "%8.3fs %s\n", at.Sub(w.began).Seconds(), line)
	}
	w.toFile(at, line)
}

// write writes to the file alone.
func (w *stepWriter) write(line text) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.toFile(time.Now(), line)
}

// toFile needs the lock.
func (w *stepWriter) toFile(at time.Time, line text) {
	if w.file == nil || w.closed {
		return
	}
	_, err := fmt.Fprintf(w.file, "%s octo-tentacle[%d] %s\n", at.UTC().Format("2006-01-02T15:04:05.000Z"), os.Getpid(), line)
	w.failed(err)
}

func (w *stepWriter) failed(err error) {
	if w.failure == nil {
		w.failure = err
	}
}

// close warns if the file is not complete.
func (w *stepWriter) close() {
	if failure := w.end(); failure != nil {
		w.console.warn("the log in %s is not complete: %v", w.file.Name(), atomicfile.WithoutPath(failure))
	}
}

// end makes sure that nothing is written any more, and returns why the file is not complete.
func (w *stepWriter) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.file != nil {
		w.failed(w.file.Close())
	}
	return w.failure
}

// stepHandler makes lines of steps: "GET https://octopus/api status=200 took=12ms".
type stepHandler struct {
	*stepWriter
	details []slog.Attr
}

// Enabled implements slog.Handler.
func (stepHandler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (h stepHandler) WithAttrs(details []slog.Attr) slog.Handler {
	return stepHandler{h.stepWriter, append(h.details[:len(h.details):len(h.details)], details...)}
}

// WithGroup implements slog.Handler. Steps have no groups.
func (h stepHandler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h stepHandler) Handle(_ context.Context, r slog.Record) error {
	line := h.console.line(r.Message)
	add := func(detail slog.Attr) bool {
		line += h.detail(detail)
		return true
	}
	r.Attrs(add)
	for _, detail := range h.details {
		add(detail)
	}
	h.show(line)
	return nil
}

// inPlainWords are what package context says.
var inPlainWords = strings.NewReplacer("context deadline exceeded", "timed out", "context canceled", "canceled")

// detail is name=value, or nothing where there is no value. An error is what somebody else says.
func (h stepHandler) detail(d slog.Attr) text {
	var value text
	switch v := d.Value.Any().(type) {
	case nil:
		return ""
	case error:
		value = h.console.quote(inPlainWords.Replace(v.Error()))
	default:
		value = h.console.line(d.Value.String())
	}
	if value == "" || strings.ContainsAny(string(value), " \"=") {
		value = text(`"` + strings.ReplaceAll(string(value), `"`, `\"`) + `"`)
	}
	return text(" " + d.Key + "=" + string(value))
}

// oneAtATime lets several goroutines write.
type oneAtATime struct {
	mu sync.Mutex
	to io.Writer
}

func (w *oneAtATime) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
