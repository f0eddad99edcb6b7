package commands

import (
	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// warnOfPendingRestart is for a command that found nothing to change. The restart after an earlier
// change may not have happened, because a deployment was running or because of --no-restart. A
// command that runs every half hour must report that.
func warnOfPendingRestart(c *console, t *tentacle, status service.Status, o changeOptions) {
	if o.dryRun || o.noRestart {
		return
	}
	file, err := tentacleconfig.TimesOf(t.instance.ConfigPath)
	if err != nil || !check.RestartPending(status, file) {
		return
	}
	c.warnOf(hint.Errorf("to finish: "+t.suggest().Restart(),
		"service %s started before the last change of %s and still uses the old configuration: a restart is pending", status.Name, t.instance.ConfigPath))
}
