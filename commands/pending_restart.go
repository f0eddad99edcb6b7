package commands

import (
	"context"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// warnOfPendingRestart is for a command that found nothing to change. The restart after an earlier
// change may not have happened, because a deployment was running or because of --no-restart. A
// command that runs every half hour must report that.
func warnOfPendingRestart(ctx context.Context, c *console, t suggest.Tentacle, document *tentacleconfig.Document, status service.Status) {
	if status.State == service.Crashing {
		warnOfTrouble(ctx, c, t, document, status)
	}
	if !restartPending(t.Instance, status) {
		return
	}
	c.warnOf(hint.Errorf("to finish: "+t.Restart(),
		"service %s started before the last change of %s and still uses the old configuration: a restart is pending", status.Name, t.Instance.ConfigPath))
}

// restartPending says whether a service still runs with what the configuration said before it was
// changed. That is not known of a file whose times cannot be read.
func restartPending(instance tentacleconfig.Instance, status service.Status) bool {
	file, err := tentacleconfig.TimesOf(instance.ConfigPath)
	return err == nil && check.RestartPending(status, file)
}
