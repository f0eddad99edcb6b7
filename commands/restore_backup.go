package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// restoreBackupOptions are those of restore-backup.
type restoreBackupOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	arguments []string
	latest    bool
	force     bool

	backup string // TIME or FILE
}

func restoreBackupCommand(c *console) *cli.Command {
	var o restoreBackupOptions
	return &cli.Command{
		Name:      "restore-backup",
		Category:  "Backups",
		ArgsUsage: "[TIME|FILE]",
		Usage:     "restore an earlier configuration, byte for byte",
		Description: `Replaces the configuration with a backup. Name it by the TIME that list-backups
shows, or by its file. The replaced configuration becomes a backup itself, so a
second restore-backup --latest undoes the first. A damaged configuration can be
replaced, too. Refuses a backup that does not poll an address that answers now.

  octo-tentacle list-backups
  octo-tentacle restore-backup --latest --dry-run
  octo-tentacle restore-backup 20261123T041500Z`,
		Flags: allFlags([]cli.Flag{
			&cli.BoolFlag{Name: "latest", Category: theBackup, Destination: &o.latest, DisableDefaultText: true,
				Usage: "restore the newest backup, instead of TIME or FILE"},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theBackup, Destination: &o.force, DisableDefaultText: true,
				Usage: "restore it even if an address that answers now is no longer polled"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.arguments = ctx.Args().Slice()
			return restoreBackup(ctx.Context, c, o)
		},
	}
}

func restoreBackup(ctx context.Context, c *console, o restoreBackupOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	t, err := lookAtDamaged(ctx, c, o.tentacle)
	if err != nil {
		return err
	}
	return changeThis(ctx, c, t, o.change, func(t *tentacle, out *outcome) (change, error) {
		backups, err := tentacleconfig.Backups(t.instance.ConfigPath)
		if err != nil {
			return change{}, err
		}
		if err := o.lookAtIgnored(c, t.instance.ConfigPath); err != nil {
			return change{}, err
		}
		backup, err := o.choose(t.instance.ConfigPath, backups)
		if err != nil {
			return change{}, err
		}
		document, _, err := backup.ReadUsable()
		if err != nil {
			return change{}, hint.With(fmt.Errorf("this backup cannot be restored: %s; nothing was changed", err.Error()), "list-backups shows the other backups")
		}
		out.Restored = backup.Path
		ch := change{restore: document}
		if !o.force && !isDown(ctx, t) {
			ch.verify = (&answering{console: c}).refusing(ctx)
		}
		return ch, nil
	})
}

// isDown says whether the Tentacle's service does not stay up or start. Then it polls nothing that
// could be cut off, and the backup may be the remedy.
func isDown(ctx context.Context, t *tentacle) bool {
	status, err := t.place.status(ctx)
	return err == nil && (status.State == service.Crashing || status.State == service.Failed || interruptedRestart(t.instance.ConfigPath, status) != nil)
}

func (o *restoreBackupOptions) complete() error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete()); err != nil {
		return err
	}
	arguments := nonEmpty(o.arguments)
	switch {
	case len(arguments) > 1:
		return errors.New("restore-backup restores one backup: give one TIME, like 20261123T041500Z")
	case len(arguments) == 1 && o.latest:
		return errors.New("--latest and a TIME cannot be combined: each chooses a backup")
	case len(arguments) == 1:
		o.backup = strings.TrimSpace(arguments[0])
	}
	return nil
}

// names says whether the backup is the one that is asked for.
func (o *restoreBackupOptions) names(backup tentacleconfig.Backup) bool {
	return backup.ID() == strings.ToUpper(o.backup) || isFile(o.backup, backup.Path)
}

// lookAtIgnored says why a file that looks like a backup, and may be meant, is not restored.
func (o *restoreBackupOptions) lookAtIgnored(c *console, config string) error {
	if o.latest {
		return warnOfIgnoredBackups(c, config)
	}
	ignored, err := tentacleconfig.IgnoredBackups(config)
	if err != nil || o.backup == "" {
		return err
	}
	for _, b := range ignored {
		if o.names(b.Backup) {
			return hint.Errorf("list-backups shows the backups", "not taken for a backup: %s", ignoredText(b))
		}
	}
	return nil
}

// choose finds the requested backup among those of the configuration, which are sorted from newest
// to oldest.
func (o *restoreBackupOptions) choose(config string, backups []tentacleconfig.Backup) (tentacleconfig.Backup, error) {
	if len(backups) == 0 {
		return tentacleconfig.Backup{}, hint.Errorf("each change by octo-tentacle creates one", "there is no backup of %s", config)
	}
	if o.latest {
		return backups[0], nil
	}
	ids := make([]string, len(backups))
	for i, backup := range backups {
		if o.names(backup) {
			return backup, nil
		}
		ids[i] = backup.ID()
	}
	available := "available, the newest first: " + strings.Join(ids, ", ")
	switch _, err := os.Stat(o.backup); {
	case o.backup == "":
		return tentacleconfig.Backup{}, hint.Errorf(available, "no backup of %s is chosen: give its TIME, or --latest", config)
	case err == nil:
		return tentacleconfig.Backup{}, hint.With(fmt.Errorf("%s is not a backup of %s, and no other file is restored: "+
			"it may belong to another Tentacle, whose certificate and passwords this one cannot use", o.backup, config),
			"to use it anyway, stop the Tentacle, copy the file to "+config+", and start the Tentacle again", available)
	}
	return tentacleconfig.Backup{}, hint.Errorf(available, "there is no backup %q of %s", o.backup, config)
}

// isFile says whether typed is the file at path, or just its name.
func isFile(typed, path string) bool {
	if typed == filepath.Base(path) {
		return true
	}
	// The name must be the same, too: a backup may be a second name of another file.
	if filepath.Base(typed) != filepath.Base(path) {
		return false
	}
	a, errA := os.Stat(typed)
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
