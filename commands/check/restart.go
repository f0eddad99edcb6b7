package check

import (
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// ownWriteTime is how long after its start a Tentacle may still write its configuration, which it
// does at every start if at all.
const ownWriteTime = 30 * time.Second

// RestartInterrupted says whether a service does not run because octo-tentacle had stopped it for a
// restart, as the mark says, and could not start it again. Otherwise it was stopped on purpose
// later, which systemd lets one tell: there, a restart is one job, which systemd carries on with
// whatever happens to octo-tentacle. So a unit is stopped, and not failed, only where somebody
// stopped it, or where the machine was restarted meanwhile.
func RestartInterrupted(status service.Status, mark tentacleconfig.RestartMark, thisBoot string) bool {
	switch status.State {
	case service.Failed:
		return true
	case service.Stopped:
		return mark.Boot == "" || mark.Boot != thisBoot
	}
	return false
}

// causeTime is how soon trouble begins that is due to a change: a Tentacle reads its configuration
// when it starts.
const causeTime = time.Hour

// MayBeTheCause says whether a change at one time may be the cause of trouble that began at another
// one. Neither is known where it is zero.
func MayBeTheCause(change, trouble time.Time) bool {
	return !change.IsZero() && !trouble.Before(change) && trouble.Sub(change) < causeTime
}

// RestartPending says whether a running service was started before the last change of its
// configuration, and so still uses the old one.
//
// What Tentacle itself writes must not count: it writes soon after its start, into the existing
// file. So a file that was replaced after the start counts at once (octo-tentacle and most editors
// replace it). A file that was modified in place counts only if that happened later than a start
// can take.
func RestartPending(status service.Status, file tentacleconfig.FileTimes) bool {
	if !status.State.Runs() || status.Started.IsZero() {
		return false
	}
	return file.Created.After(status.Started) || file.Modified.After(status.Started.Add(ownWriteTime))
}
