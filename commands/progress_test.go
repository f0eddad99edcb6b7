package commands

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAServerThatIsWaitedForIsToldOfOnce where no progress is shown, and not if it is there soon.
func TestAServerThatIsWaitedForIsToldOfOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		waits int // of a second
		want  int
	}{
		"soon": {3, 0},
		"late": {30, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var said bytes.Buffer
				told := newConsole(nil, io.Discard, &said).startProgress()
				for range test.waits {
					told("nothing listens: waiting for the server to start")
					time.Sleep(time.Second)
				}
				if got := strings.Count(said.String(), "warning: nothing listens"); got != test.want {
					t.Errorf("%d warnings: %q", got, said.String())
				}
			})
		})
	}
}
