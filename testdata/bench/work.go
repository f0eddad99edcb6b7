//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A work is one run of a program: how to prepare it, and whether it did what it should.
type work struct {
	arguments []string // the program first
	before    func() error
	after     func(output []byte) error
}

// A result is what the runs of one work took.
type result struct {
	median time.Duration
	peak   int64 // bytes, the most that a run had in memory
}

// inTurns runs the works alternately, each the given number of times. A first run of each does not
// count.
func inTurns(times int, works ...work) ([]result, error) {
	results := make([]result, len(works))
	took := make([][]time.Duration, len(works))
	for i := range times + 1 {
		for which, w := range works {
			duration, peak, err := w.run()
			if err != nil {
				return nil, err
			}
			if i > 0 {
				took[which] = append(took[which], duration)
				results[which].peak = max(results[which].peak, peak)
			}
		}
	}
	for which := range took {
		slices.Sort(took[which])
		results[which].median = took[which][times/2]
	}
	return results, nil
}

func (w work) run() (took time.Duration, peak int64, err error) {
	if w.before != nil {
		if err := w.before(); err != nil {
			return 0, 0, err
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(w.arguments[0], w.arguments[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err = cmd.Run()
	took = time.Since(begin)
	if err == nil && w.after != nil {
		err = w.after(stdout.Bytes())
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w\n%s%s", strings.Join(w.arguments[:min(len(w.arguments), 4)], " "), err, stdout.Bytes(), stderr.Bytes())
	}
	peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" { // which alone counts bytes: getrusage(2)
		peak *= 1024
	}
	return took, peak, nil
}
