package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// restoreBackupOptions are what restore-backup can be told.
type restoreBackupOptions struct {
	tentacle tentacleOptions
	change   changeOptions

	backup string // TIME or FILE
	latest bool
}

const theBackup = "The backup"

func restoreBackupCommand(c *console) *cli.Command {
	var o restoreBackupOptions
	return &cli.Command{
		Name:      "restore-backup",
		Category:  "Backups",
		ArgsUsage: "[TIME|FILE]",
		Usage:     "put a former configuration back, byte for byte",
		Description: `Takes the backup by the TIME that list-backups shows, or by its file, and puts
it in the place of the configuration, which itself becomes a backup: a second
restore-backup --latest undoes the first. It is for a damaged configuration too.

  octo-tentacle list-backups
  octo-tentacle restore-backup --latest --dry-run
  octo-tentacle restore-backup 20261123T041500Z`,
		Flags: allFlags([]cli.Flag{
			&cli.BoolFlag{Name: "latest", Category: theBackup, Destination: &o.latest, DisableDefaultText: true,
				Usage: "the newest backup, instead of TIME or FILE"},
		}, o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return restoreBackup(ctx.Context, c, o, ctx.Args().Slice()) },
	}
}

func restoreBackup(ctx context.Context, c *console, o restoreBackupOptions, arguments []string) error {
	ctx = interruptible(ctx)
	if err := o.read(arguments); err != nil {
		return err
	}

	t, err := lookAtDamaged(c, o.tentacle)
	if err != nil {
		return err
	}
	backups, err := tentacleconfig.Backups(t.instance.ConfigPath)
	if err != nil {
		return err
	}
	backup, err := o.choose(t.instance.ConfigPath, backups)
	if err != nil {
		return err
	}
	document, _, err := readBackup(backup)
	if err != nil {
		return fmt.Errorf("this backup cannot be restored: %s\nnothing was changed; list-backups shows what others there are", firstLine(err))
	}

	r := newReport(t)
	r.Restored = backup.Path
	if err := apply(ctx, c, t, o.change, change{restore: document}, r); err != nil {
		return err
	}
	return r.print(c, o.change)
}

func (o *restoreBackupOptions) read(arguments []string) error {
	if err := errors.Join(o.tentacle.check(), o.change.check()); err != nil {
		return err
	}
	arguments = nonEmpty(arguments)
	switch {
	case len(arguments) > 1:
		return errors.New("restore-backup restores one backup: give one TIME, like 20261123T041500Z")
	case len(arguments) == 1 && o.latest:
		return errors.New("--latest and a TIME both choose a backup: give one of them")
	case len(arguments) == 1:
		o.backup = strings.TrimSpace(arguments[0])
	}
	return nil
}

// choose finds the backup that is meant among those of the configuration, the
// newest of which comes first.
func (o *restoreBackupOptions) choose(config string, backups []tentacleconfig.Backup) (tentacleconfig.Backup, error) {
	if len(backups) == 0 {
		return tentacleconfig.Backup{}, fmt.Errorf("there is no backup of %s\nchanges by octo-tentacle make them", config)
	}
	if o.latest {
		return backups[0], nil
	}
	ids := make([]string, len(backups))
	for i, backup := range backups {
		if backup.ID() == strings.ToUpper(o.backup) || isFile(o.backup, backup.Path) {
			return backup, nil
		}
		ids[i] = backup.ID()
	}
	there := "there are, the newest first: " + strings.Join(ids, ", ")
	switch _, err := os.Stat(o.backup); {
	case o.backup == "":
		return tentacleconfig.Backup{}, fmt.Errorf("which backup of %s? Give its TIME, or --latest\n%s", config, there)
	case err == nil:
		return tentacleconfig.Backup{}, fmt.Errorf("%s is not a backup of %s, and no other file is restored: "+
			"it may be of another Tentacle, with a certificate and passwords that this one cannot use\n"+
			"if it is meant all the same, stop the Tentacle, copy it to %s, and start the Tentacle again\n%s", o.backup, config, config, there)
	}
	return tentacleconfig.Backup{}, fmt.Errorf("there is no backup %q of %s\n%s", o.backup, config, there)
}

// isFile says whether typed is the file at path, or its name alone.
func isFile(typed, path string) bool {
	if typed == filepath.Base(path) {
		return true
	}
	// By its name too: a backup may be a second name of another file.
	if filepath.Base(typed) != filepath.Base(path) {
		return false
	}
	a, errA := os.Stat(typed)
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
