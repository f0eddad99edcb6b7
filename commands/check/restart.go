package check

import (
	"time"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// ownWriteTime is how long after its start a Tentacle may still write its configuration, which it
// does at every start if at all.
const ownWriteTime = 30 * time.Second

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
