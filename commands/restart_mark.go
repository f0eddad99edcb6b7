package commands

import (
	"context"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// forgetRestart removes the mark of a restart that came to its end without the octo-tentacle that
// had begun it: later, the service may be stopped on purpose.
func forgetRestart(config string, status service.Status) {
	if _, marked := tentacleconfig.FindRestartMark(config, status.Name); !marked || status.State != service.Running {
		return
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if unlock, err := service.Lock(now, status.Name, nil); err == nil { // else somebody else restarts it just now
		_ = tentacleconfig.ClearRestartMark(config) // one that stays is tried again by the next command
		unlock()
	}
}

// interruptedRestart is the mark of a restart of this service that came to no end, so that the
// service does not run although nobody wanted that; nil where there is none.
func interruptedRestart(config string, status service.Status) *tentacleconfig.RestartMark {
	if !filepath.IsAbs(config) { // not known, or no file
		return nil
	}
	mark, found := tentacleconfig.FindRestartMark(config, status.Name)
	if !found || !check.RestartInterrupted(status, mark, tentacleconfig.ThisBoot()) {
		return nil
	}
	return &mark
}
