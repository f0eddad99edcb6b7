package atomicfile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

var (
	errHeld   = errors.New("held")
	errDenied = errors.New("denied")
)

func waitingFor(path string) waiting {
	isDenied := func(err error) bool { return errors.Is(err, errDenied) }
	return waiting{
		path:     path,
		isInUse:  func(err error) bool { return errors.Is(err, errHeld) || isDenied(err) },
		doubtful: isDenied,
	}
}

func TestWhatIsInUseIsTriedAgainUntilItIsFree(t *testing.T) {
	other := errors.New("something else")
	for _, end := range []error{nil, other} {
		tries := 0
		err := waitingFor("file").run(t.Context(), func() error {
			if tries++; tries < 4 {
				return errHeld
			}
			return end
		})
		if err != end || tries != 4 {
			t.Errorf("%v after %d tries", err, tries)
		}
	}
}

func TestAWaitEndsWithItsContextAndSaysWhatIsInTheWay(t *testing.T) {
	for _, c := range []struct {
		err           error
		message, todo string
		isInUse       bool
	}{
		{errHeld, "another program has it open: held", "close file in the other program", true},
		{errDenied, "another program has it open, or this account may not do that: denied", "access list", false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := waitingFor("file").run(ctx, func() error { return c.err })
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%v", err)
		}
		if got := strings.Join(hint.Of(err), "\n"); !strings.Contains(got, c.todo) {
			t.Errorf("hints %q", got)
		}
		if errors.As(err, new(*InUseError)) != c.isInUse {
			t.Errorf("%v is an InUseError: %v", err, !c.isInUse)
		}
	}
}

func TestAWaitIsToldOnceWhenItIsLong(t *testing.T) {
	var told []string
	OnWait(func(path string) func() {
		told = append(told, "began "+path)
		return func() { told = append(told, "over") }
	})
	t.Cleanup(func() { onWait.Store(nil) })
	begin := time.Now()
	for what, long := range map[string]time.Duration{"short": 0, "long": quietWait + 2*longestPause} {
		err := waitingFor(what).run(t.Context(), func() error {
			if time.Since(begin) < long {
				return errHeld
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(told, ", "), "began long, over"; got != want {
		t.Errorf("told %q, not %q", got, want)
	}
}
