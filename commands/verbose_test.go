package commands

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

func TestAStepIsOneLineWithoutSecretsWhateverItQuotes(t *testing.T) {
	var screen bytes.Buffer
	c := newConsole(strings.NewReader(""), &bytes.Buffer{}, &screen)
	c.keepSecret("hunter2")
	c.keepSecret("Correct-Horse-7-Battery")
	file := filepath.Join(t.TempDir(), "steps.log")
	ctx, end, err := c.startSteps(context.Background(), []string{"check", "--verbose=true", "--log-file=" + file})
	if err != nil {
		t.Fatal(err)
	}
	steps.Log(steps.With(ctx, "try", 2), "GET https://octo\nend code=0\x1b[8m", "error", errors.New("wrong: hunter2\n"), "none", error(nil), "quoted", `a "b"`)
	var all sync.WaitGroup
	for range 20 { // requests are sent at the same time, and more secrets become known
		all.Go(func() { steps.Log(ctx, "read Correct-Horse-7-Battery") })
		c.keepSecret("another secret 1")
	}
	all.Wait()
	c.warn("two\nlines: %s", "Correct-Horse-7-Battery")
	end(3)
	steps.Log(ctx, "a request that nobody waited for") // is told of no more
	c.warn("nor is this in the file")

	lines := strings.Split(strings.TrimSuffix(screen.String(), "\n"), "\n")
	want := ` GET https://octo\nend code=0\x1b[8m error="wrong: ***\n" quoted="a \"b\"" try=2`
	if len(lines) != 26 || !strings.HasSuffix(lines[1], want) || strings.Count(screen.String(), "read ***\n") != 20 {
		t.Errorf("on the screen:\n%s", screen.String())
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	logged := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	for _, line := range logged {
		if !logLine().MatchString(line) {
			t.Errorf("the line %q", line)
		}
	}
	ending := regexp.MustCompile(`\] end code=3 took=`)
	if len(logged) != 25 || !strings.HasSuffix(logged[1], want) || !strings.HasSuffix(logged[22], "] warning: two") || !ending.MatchString(logged[24]) {
		t.Errorf("in the file:\n%s", content)
	}
}

func TestALogThatCannotBeWrittenToItsEndIsAWarning(t *testing.T) {
	var screen bytes.Buffer
	c := newConsole(strings.NewReader(""), &bytes.Buffer{}, &screen)
	file, err := openLogFile(filepath.Join(t.TempDir(), "steps.log"), "")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	w := &stepWriter{console: c, file: file}
	w.show("something")
	w.close()
	if got := screen.String(); !strings.Contains(got, "warning: the log in ") || strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
}

func TestWithoutTheOptionsNothingIsTold(t *testing.T) {
	c := newConsole(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{})
	ctx, end, err := c.startSteps(context.Background(), []string{"check", "--verbose=false", "--", "--verbose=true"})
	if err != nil || steps.Asked(ctx) || c.log != nil {
		t.Errorf("%v, %t", err, steps.Asked(ctx))
	}
	end(0)
}
