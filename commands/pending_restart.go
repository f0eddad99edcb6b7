package commands

import (
	"context"
	"os"

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

// file is a configuration file at one moment.
type file struct {
	path string
	info os.FileInfo // nil where it could not be seen
}

func lookAtFile(path string) file {
	info, err := os.Stat(path)
	if err != nil {
		return file{path: path}
	}
	os.SameFile(info, info) // Windows looks for its number by its name, which may be another file's later
	return file{path, info}
}

// changedSince says whether a file was changed after the look at it, and the service does not use
// that yet. Tentacle itself writes to its file when it starts, but does not replace it. NTFS does
// not tell by the times.
func (f file) changedSince(ctx context.Context, serviceName string) bool {
	now, err := os.Stat(f.path)
	if err != nil || f.info == nil {
		return false
	}
	replaced := !os.SameFile(f.info, now)
	if !replaced && now.ModTime().Equal(f.info.ModTime()) {
		return false
	}
	status, err := lookAtService(ctx, serviceName)
	if err != nil || !status.State.Runs() || status.Started.IsZero() {
		return false
	}
	return replaced && now.ModTime().After(status.Started) || restartPending(tentacleconfig.Instance{ConfigPath: f.path}, status)
}

// restartPending says whether a service still runs with what the configuration said before it was
// changed. That is not known of a file whose times cannot be read.
func restartPending(instance tentacleconfig.Instance, status service.Status) bool {
	file, err := tentacleconfig.TimesOf(instance.ConfigPath)
	return err == nil && check.RestartPending(status, file)
}
