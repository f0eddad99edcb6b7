package check

import (
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestARestartIsPendingWhenTheFileIsNewerThanTheProcess(t *testing.T) {
	start := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	at := func(after time.Duration) time.Time { return start.Add(after) }
	for _, c := range []struct {
		what string
		file tentacleconfig.FileTimes
		want bool
	}{
		{"an old file", tentacleconfig.FileTimes{Created: at(-time.Hour), Modified: at(-time.Minute)}, false},
		{"a new file, put in place right after the start", tentacleconfig.FileTimes{Created: at(time.Millisecond), Modified: at(time.Millisecond)}, true},
		{"an old file, written by the Tentacle at its start", tentacleconfig.FileTimes{Created: at(-time.Hour), Modified: at(5 * time.Second)}, false},
		{"an old file, edited in place long after", tentacleconfig.FileTimes{Created: at(-time.Hour), Modified: at(time.Minute)}, true},
		{"a file restored with its old time", tentacleconfig.FileTimes{Created: at(time.Minute), Modified: at(-time.Hour)}, true},
		{"no birth known, written at the start", tentacleconfig.FileTimes{Modified: at(5 * time.Second)}, false},
		{"no birth known, edited long after", tentacleconfig.FileTimes{Modified: at(time.Minute)}, true},
		{"nothing known", tentacleconfig.FileTimes{}, false},
	} {
		if got := RestartPending(service.Status{State: service.Running, Started: start}, c.file); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	changed := tentacleconfig.FileTimes{Created: at(time.Hour), Modified: at(time.Hour)}
	for _, status := range []service.Status{{State: service.Stopped, Started: start}, {State: service.Unmanaged}, {State: service.Running}} {
		if RestartPending(status, changed) {
			t.Errorf("%+v: pending, although nothing runs that is known to be older", status)
		}
	}
}

func TestAStoppedServiceIsTheWorkOfARestartOnlyWhereNobodyElseStoppedIt(t *testing.T) {
	for _, c := range []struct {
		what  string
		state service.State
		boot  string // of the mark; this one is "now"
		want  bool
	}{
		{"its start failed", service.Failed, "now", true},
		{"its start failed before a reboot", service.Failed, "before", true},
		{"somebody stopped the unit", service.Stopped, "now", false},
		{"the machine was switched off in between", service.Stopped, "before", true},
		{"Windows, which has no name for a boot", service.Stopped, "", true},
		{"it runs", service.Running, "before", false},
		{"it crashes, and is started again", service.Crashing, "now", false},
		{"it stops now", service.Stopping, "", false},
		{"it was removed", service.Absent, "", false},
	} {
		if got := RestartInterrupted(service.Status{State: c.state}, tentacleconfig.RestartMark{Boot: c.boot}, "now"); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}

func TestAChangeMayBeTheCauseOfTroubleThatBeginsSoonAfterIt(t *testing.T) {
	change := time.Date(2026, 8, 1, 10, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]bool{-time.Second: false, 0: true, 10 * time.Minute: true, 30 * 24 * time.Hour: false} {
		if got := MayBeTheCause(change, change.Add(after)); got != want {
			t.Errorf("trouble %v after the change: %v", after, got)
		}
	}
	if MayBeTheCause(change, time.Time{}) || MayBeTheCause(time.Time{}, change) || MayBeTheCause(time.Time{}, time.Time{}) {
		t.Error("what is not known is blamed")
	}
}
