package commands

import (
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// instanceOutcome is the JSON of create-instance and delete-instance, from which their text is
// made.
type instanceOutcome struct {
	Instance      string         `json:"instance"`      // "" for a file that the index does not have
	Configuration string         `json:"configuration"` // the file
	Index         string         `json:"index"`         // the index file, the first of several; "" where there is none
	DryRun        bool           `json:"dryRun"`
	Changed       bool           `json:"changed"`
	Result        result         `json:"outcome"`
	Settings      []settingEntry `json:"settings"` // that changed
	Service       serviceEntry   `json:"service"`

	configurationCreated, indexChanged, indexDeleted bool
	indexFiles                                       []string // that are deleted

	backup, restart string // for the history
}

// record records what was done.
func (r *instanceOutcome) record(c *console, o outcomeOptions, err error) {
	if !isRecorded(r.DryRun, r.Changed, err) {
		return
	}
	e := history.Entry{Settings: recordedSettings(r.Settings), Backup: r.backup, Restart: r.restart}
	if r.configurationCreated {
		e.Done = append(e.Done, "configuration created")
	}
	switch {
	case r.indexDeleted:
		e.Done = append(e.Done, "index file deleted")
	case r.indexChanged && (err == nil || !r.configurationCreated): // it is written after a new configuration
		e.Done = append(e.Done, "index file written")
	}
	record(c, tentacleconfig.Instance{Name: r.Instance, ConfigPath: r.Configuration}, o, e, r.Result, err)
}
