package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// listBackupsOptions are those of list-backups.
type listBackupsOptions struct {
	tentacle tentacleOptions
	format   string
}

func listBackupsCommand(c *console) *cli.Command {
	var o listBackupsOptions
	return &cli.Command{
		Name:     "list-backups",
		Category: "Backups",
		Usage:    "list the backups of the configuration",
		Description: `Every change keeps the old file as Tentacle.config.bak-TIME. The ten newest are kept,
and those of the last 90 days, a hundred at most. Lists the newest first and shows when
each file was replaced (UTC), how many addresses it polls, and whether it is the same as
the current configuration. (history lists who changed what and why.)

  octo-tentacle list-backups
  octo-tentacle list-backups --instance=web --format=json`,
		Flags:  allFlags(o.tentacle.flags(), []cli.Flag{formatFlag(&o.format)}),
		Action: func(ctx *cli.Context) error { return listBackups(ctx.Context, c, o) },
	}
}

// backupEntry is a backup as printed.
type backupEntry struct {
	Time    string `json:"time"` // as in the file's name, and as restore-backup takes it
	File    string `json:"file"`
	Size    int64  `json:"size"`    // in bytes
	Polls   *int   `json:"polls"`   // addresses; null where the backup cannot be read
	Content string `json:"content"` // compared with the present configuration: same, differs, or unreadable
}

const (
	contentSame       = "same"
	contentDiffers    = "differs"
	contentUnreadable = "unreadable"
)

func listBackups(ctx context.Context, c *console, o listBackupsOptions) error {
	if err := errors.Join(o.tentacle.complete(), completeFormat(&o.format)); err != nil {
		return err
	}
	t, err := lookAtDamaged(ctx, c, o.tentacle)
	if err != nil {
		return err
	}
	backups, err := tentacleconfig.Backups(t.instance.ConfigPath)
	if err != nil {
		return err
	}
	entries := backupEntries(c, t, backups)
	if err := warnOfIgnoredBackups(c, t.instance.ConfigPath); err != nil {
		return err
	}
	if o.format == "json" {
		return c.printJSON(entries)
	}
	c.printf("Instance:      %s\n", cmp.Or(t.instance.Name, noInstance))
	c.printf("Configuration: %s\n\n", t.instance.ConfigPath)
	if len(entries) == 0 {
		c.printf("There are no backups yet; each change creates one.\n")
		return nil
	}
	printTable(c, backupColumns, entries)
	return nil
}

// backupColumns define the table of backups.
var backupColumns = []column[backupEntry]{
	{"TIME", func(e backupEntry) string { return e.Time }},
	{"SIZE", func(e backupEntry) string { return strconv.FormatInt(e.Size, 10) }},
	{"POLLS", func(e backupEntry) string { return e.polls() }},
	{"CONTENT", func(e backupEntry) string { return e.Content }},
	{"FILE", func(e backupEntry) string { return e.File }},
}

func (e backupEntry) polls() string {
	if e.Polls == nil {
		return ""
	}
	return strconv.Itoa(*e.Polls)
}

// backupEntries looks into each backup. One that cannot be read is listed with a warning; one that
// another change removes meanwhile is not listed.
func backupEntries(c *console, t *tentacle, backups []tentacleconfig.Backup) []backupEntry {
	entries := make([]backupEntry, 0, len(backups)) // an empty list is [], not null
	for _, backup := range backups {
		info, err := os.Stat(backup.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		entry := backupEntry{Time: backup.ID(), File: backup.Path, Content: contentUnreadable}
		if err == nil {
			entry.Size = info.Size()
			err = entry.lookInto(backup, t.document)
		}
		if err != nil {
			c.warn("%v", err)
		}
		entries = append(entries, entry)
	}
	return entries
}

// lookInto fills in what is known of a backup that can be read.
func (e *backupEntry) lookInto(backup tentacleconfig.Backup, now *tentacleconfig.Document) error {
	document, servers, err := backup.ReadUsable()
	if err != nil {
		return err
	}
	e.Content = contentDiffers
	if bytes.Equal(document.Bytes(), now.Bytes()) {
		e.Content = contentSame
	}
	polled := 0
	for _, server := range servers {
		if server.Polls() {
			polled++
		}
	}
	e.Polls = &polled
	return nil
}

// warnOfIgnoredBackups names the files that look like backups and are not listed.
func warnOfIgnoredBackups(c *console, config string) error {
	ignored, err := tentacleconfig.IgnoredBackups(config)
	if err != nil || len(ignored) == 0 {
		return err
	}
	texts := make([]string, len(ignored))
	for i, b := range ignored {
		texts[i] = ignoredText(b)
	}
	c.warn("not taken for a backup: %s", shortList(texts))
	return nil
}

func ignoredText(b tentacleconfig.IgnoredBackup) string {
	return fmt.Sprintf("%s (it %s)", filepath.Base(b.Path), b.Why)
}
