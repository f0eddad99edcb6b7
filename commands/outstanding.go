package commands

import (
	"runtime"
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// ownWriteTime is how long after its start a Tentacle may still write its own
// configuration, which it does at every start if at all.
const ownWriteTime = 30 * time.Second

// restartOutstanding says whether a service runs that was started before the
// last change of its configuration, which it has not read then.
//
// The Tentacle's own writing must not count: it comes soon after the start, and
// goes into the file that is there. So a file that was put in place after the
// start counts at once, as octo-tentacle and most editors save, and one that was
// written into counts when that was later than a start can take.
func restartOutstanding(status service.Status, file tentacleconfig.FileTimes) bool {
	if !status.State.Runs() || status.Started.IsZero() {
		return false
	}
	return file.Born.After(status.Started) || file.Modified.After(status.Started.Add(ownWriteTime))
}

// warnOfOutstanding is for a command that found nothing to change: the restart
// after an earlier change may not have happened, because a deployment ran or
// somebody was to do it. What is called every half hour must not call that well.
func warnOfOutstanding(c *console, t *tentacle, status service.Status, o changeOptions) {
	if o.dryRun || o.noRestart {
		return
	}
	file, err := tentacleconfig.TimesOf(t.instance.ConfigPath)
	if err != nil || !restartOutstanding(status, file) {
		return
	}
	c.warn("service %s was started before %s was changed last, and still works with the old configuration: the restart is outstanding\nto finish: %s",
		status.Name, t.instance.ConfigPath, finishing(t.instance, t.service, runtime.GOOS))
}
