package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// historyOptions are those of history.
type historyOptions struct {
	tentacle tentacleOptions
	last     string
	format   string
}

func historyCommand(c *console) *cli.Command {
	var o historyOptions
	return &cli.Command{
		Name:     "history",
		Category: "Backups",
		Usage:    "list who changed what, when and why",
		Description: `Lists the changes that octo-tentacle made to this Tentacle, the newest first (times are
UTC), from octo-tentacle.log in the Tentacle's Logs folder. With --format=json, each has
its whole command line, without secrets.

  octo-tentacle history
  octo-tentacle history --instance=web --last=10 --format=json`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "last", Category: theOutcome, Destination: &o.last,
				Usage: "list only this `NUMBER` of changes, the newest"},
		}, o.tentacle.flags(), []cli.Flag{formatFlag(&o.format)}),
		Action: func(ctx *cli.Context) error { return showHistory(ctx.Context, c, o) },
	}
}

func showHistory(ctx context.Context, c *console, o historyOptions) error {
	if err := errors.Join(o.tentacle.complete(), completeFormat(&o.format)); err != nil {
		return err
	}
	last := math.MaxInt
	if o.last != "" {
		number, err := strconv.Atoi(o.last)
		if err != nil || number < 1 {
			return fmt.Errorf("--last %q: give a number of changes, like --last=10", o.last)
		}
		last = number
	}
	instance, err := find(ctx, o.tentacle)
	if err != nil {
		return err
	}
	entries, err := historyOf(instance.ConfigPath)
	if err != nil {
		return err
	}
	entries = entries[:min(last, len(entries))]
	if o.format == "json" {
		return c.printJSON(entries)
	}
	c.printf("Instance:      %s\n", cmp.Or(instance.Name, noInstance))
	c.printf("Configuration: %s\n\n", instance.ConfigPath)
	if len(entries) == 0 {
		c.printf("No change is recorded yet.\n")
		return nil
	}
	printTable(c, historyColumns, entries)
	return nil
}

// historyOf reads the changes of a configuration, the newest first. Several Tentacles may share a
// home folder, and so a log.
func historyOf(config string) ([]history.Entry, error) {
	list := []history.Entry{} // an empty list is [], not null
	for _, folder := range historyFolders(config) {
		entries, err := history.Read(folder)
		if err != nil {
			return nil, err
		}
		list = append(list, entries...)
	}
	same := map[string]bool{}
	list = slices.DeleteFunc(list, func(e history.Entry) bool {
		is, known := same[e.Configuration]
		if !known {
			// A path may have a part that was a secret elsewhere: rather show too much.
			is = tentacleconfig.SamePath(e.Configuration, config) || strings.Contains(e.Configuration, "***")
			same[e.Configuration] = is
		}
		return !is
	})
	slices.SortStableFunc(list, func(a, b history.Entry) int { return b.Time.Compare(a.Time) })
	return list, nil
}

// historyColumns define the table of changes.
var historyColumns = []column[history.Entry]{
	{"TIME", func(e history.Entry) string { return e.Time.UTC().Format(time.DateTime) }},
	{"USER", history.Entry.Who},
	{"COMMAND", commandOf},
	{"CHANGE", changeOf},
	{"BACKUP", backupOf},
	{"REASON", func(e history.Entry) string { return e.Reason }},
}

// commandOf is the command alone: the whole line can be long.
func commandOf(e history.Entry) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(e.Command, "octo-tentacle "), " ")
	return name
}

// changeOf is what differs, and whether it is in effect.
func changeOf(e history.Entry) string {
	const most = 3 // the rest would make the table too wide
	changes := e.Summary()
	if more := len(changes) - most; more > 0 {
		changes = append(changes[:most], fmt.Sprintf("and %d more", more))
	}
	parts := nonEmpty([]string{strings.Join(changes, ", ")})
	switch {
	case e.Restart == history.RestartPending:
		parts = append(parts, "restart pending")
	case e.Error != "":
		parts = append(parts, "not finished")
	}
	return strings.Join(parts, "; ")
}

// backupOf is the backup as restore-backup takes it.
func backupOf(e history.Entry) string { return tentacleconfig.BackupID(e.Backup) }
