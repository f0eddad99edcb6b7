package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// wish is the decision of a command: what the trusted servers should be, given
// what they are. It must not depend on anything else that changes, for it is
// asked again under the lock, on what is there then.
type wish func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error)

// change is what a command wants done to a Tentacle. Each part may be nil.
type change struct {
	servers wish
	// settings sets what else is to be set. Like a wish, it runs more than once.
	settings func(*tentacleconfig.Document) error
	// restore replaces the whole file by this one, in place of the two above; what
	// is there may be damaged.
	restore *tentacleconfig.Document
	// before runs when everything is ready and only the replacement of the file
	// is left: the place for a write to the server that must not happen when
	// the file could not be saved.
	before func() error
}

// apply is the last step of every command that changes something: lock, read
// again, decide again, save if something differs, restart what runs, and tell
// what was done in r.
func apply(ctx context.Context, c *console, t *tentacle, o changeOptions, ch change, r *report) error {
	if o.dryRun {
		return r.preview(ctx, c, t, ch)
	}
	var backup func(string)
	if !o.noBackup {
		backup = func(path string) { r.Backup = path }
	}
	changed, err := tentacleconfig.Update(ctx, t.instance.ConfigPath, tentacleconfig.Change{
		Edit: func(document *tentacleconfig.Document) error {
			return r.edit(document, ch)
		},
		Before:  ch.before,
		Backup:  backup,
		Damaged: ch.restore != nil,
		Waiting: func() { c.progress("another octo-tentacle is changing " + t.instance.ConfigPath) },
	})
	c.endProgress()
	if err != nil && !changed {
		return err
	}
	if err := tentacleconfig.Migrate(t.instance); err != nil {
		c.warn("the instance %s could not be put into the index of instances: %v", t.instance.Name, err)
	}
	r.Changed = changed
	restarting := r.restart(ctx, c, t, o)
	if err != nil {
		return r.afterwards(errors.Join(restarting, err))
	}
	return restarting
}

// edit makes the change in a document, and notes what differs by it.
func (r *report) edit(document *tentacleconfig.Document, ch change) error {
	if ch.restore != nil {
		return r.replace(document, ch.restore)
	}
	settings := document.Settings()
	if ch.servers != nil {
		before, err := document.TrustedServers()
		if err != nil {
			return err
		}
		after, err := ch.servers(before)
		if err != nil {
			return err
		}
		document.SetTrustedServers(after)
		r.difference = tentacleconfig.Diff(before, after)
	}
	if ch.settings != nil {
		if err := ch.settings(document); err != nil {
			return err
		}
	}
	r.Settings = settingsChanged(settings, document.Settings())
	return nil
}

// replace is edit for a restore.
func (r *report) replace(document, by *tentacleconfig.Document) error {
	after, err := by.TrustedServers()
	if err != nil {
		return err
	}
	before, err := document.TrustedServers()
	if err != nil {
		before = nil // damaged: all that comes is new
	}
	r.difference = tentacleconfig.Diff(before, after)
	r.Settings = settingsChanged(document.Settings(), by.Settings())
	document.Replace(by)
	return nil
}

// preview is apply for --dry-run: the same edit on a copy of the document.
func (r *report) preview(ctx context.Context, c *console, t *tentacle, ch change) error {
	document := t.document.Clone()
	if err := r.edit(document, ch); err != nil {
		return err
	}
	r.DryRun = true
	r.Changed = !bytes.Equal(document.Bytes(), t.document.Bytes())
	if r.Changed { // no failure: who may only read is told what would change, too
		if err := tentacleconfig.CheckWritable(t.instance.ConfigPath); err != nil {
			c.warn("without --dry-run this would fail: %v", err)
		}
	}
	status, err := lookAtService(ctx, t.service)
	r.setService(status, err)
	return nil
}

// restart restarts the service if, and only if, something was saved and it
// runs. The change is saved by now: a failure here says so.
func (r *report) restart(ctx context.Context, c *console, t *tentacle, o changeOptions) error {
	status, err := lookAtService(ctx, t.service)
	r.setService(status, err)
	if !r.Changed {
		warnOfOutstanding(c, t, status, o)
	}
	if !r.Changed || o.noRestart || !r.Service.State.Runs() {
		return nil
	}

	if err := r.Service.restart(ctx, c, o.restart); err != nil {
		return unfinishedError{
			done: fmt.Sprintf("%s is saved, but its Tentacle does not use it yet: the restart is outstanding.\nto finish: %s",
				t.instance.ConfigPath, finishing(t.instance, t.service, runtime.GOOS)),
			cause: err,
		}
	}
	return nil
}
