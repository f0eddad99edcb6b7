package commands

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// report is what a command that changes something tells at its end: the fields
// are the JSON that the README documents, the text is made from the same.
type report struct {
	Instance      string              `json:"instance"`      // "" for a file that no instance names
	Configuration string              `json:"configuration"` // the file
	Server        string              `json:"server"`        // the API's address; "" when it was not asked
	Thumbprint    string              `json:"thumbprint"`    // the cluster's
	DryRun        bool                `json:"dryRun"`
	Changed       bool                `json:"changed"`
	Added         []serverEntry       `json:"added"`
	Updated       []serverEntry       `json:"updated"`
	Removed       []serverEntry       `json:"removed"`
	Unchanged     []serverEntry       `json:"unchanged"`
	Settings      []settingEntry      `json:"settings"` // those that changed, but for the trusted servers
	Backup        string              `json:"backup"`   // where the old file is kept; "" when it is not, and in a dry run
	Service       serviceEntry        `json:"service"`
	Registrations []registrationEntry `json:"registrations"`      // of this Tentacle with the cluster; [] where it was not asked
	Machine       *machineEntry       `json:"machine,omitempty"`  // the commands that register alone; empty when it was so already and nobody was asked
	Deleted       []machineEntry      `json:"deleted,omitempty"`  // deregister-from and deregister-worker alone; in a dry run: would be
	Restored      string              `json:"restored,omitempty"` // restore-backup alone: the backup that was taken

	difference   tentacleconfig.Difference
	serviceError error
}

// serverEntry is a trusted server as printed.
type serverEntry struct {
	Style          string `json:"style"`
	Address        string `json:"address"`
	Thumbprint     string `json:"thumbprint"`
	SubscriptionID string `json:"subscription"`
}

// settingEntry is a setting that changed. Value is null when it was removed,
// and secretValue instead of a secret.
type settingEntry struct {
	Key   string  `json:"key"`
	Value *string `json:"value"`
}

const secretValue = "(secret)"

func (e settingEntry) line() string {
	switch {
	case e.Value == nil:
		return e.Key + " removed"
	case *e.Value == "":
		return e.Key + " emptied"
	}
	return fmt.Sprintf("%s = %s", e.Key, *e.Value)
}

// settingsChanged compares the settings of a document before and after an edit.
func settingsChanged(before, after []tentacleconfig.Setting) []settingEntry {
	changed := []settingEntry{} // an empty list is [], not null
	old := map[string]string{}
	for _, setting := range before {
		old[strings.ToLower(setting.Key)] = setting.Value
	}
	for _, setting := range after {
		key := strings.ToLower(setting.Key)
		value, was := old[key]
		delete(old, key)
		if was && value == setting.Value || strings.EqualFold(key, tentacleconfig.KeyTrustedServers) {
			continue
		}
		value = setting.Value
		if tentacleconfig.IsSecret(key) && value != "" {
			value = secretValue
		}
		changed = append(changed, settingEntry{setting.Key, &value})
	}
	for _, setting := range before {
		if _, gone := old[strings.ToLower(setting.Key)]; gone {
			changed = append(changed, settingEntry{Key: setting.Key})
		}
	}
	return changed
}

type serviceEntry struct {
	Name      string        `json:"name"`
	State     service.State `json:"state"`
	Restarted bool          `json:"restarted"`
	Scheduled string        `json:"scheduled"` // what will restart it: the systemd unit, on Windows the log; "" for nothing
}

type machineEntry struct {
	ID    string `json:"id"` // "" in a dry run of a new one
	Name  string `json:"name"`
	Space string `json:"space"`
}

func newReport(t *tentacle) *report {
	return &report{Instance: t.instance.Name, Configuration: t.instance.ConfigPath, Settings: []settingEntry{}, Registrations: []registrationEntry{}}
}

func (r *report) setService(status service.Status, err error) {
	r.Service = serviceEntry{Name: status.Name, State: status.State}
	r.serviceError = err
}

func entriesOf(servers []tentacleconfig.TrustedServer) []serverEntry {
	entries := make([]serverEntry, 0, len(servers)) // an empty list is [], not null
	for _, server := range servers {
		entries = append(entries, serverEntry{
			Style:          server.Style.String(),
			Address:        server.Address,
			Thumbprint:     server.Thumbprint,
			SubscriptionID: server.SubscriptionID,
		})
	}
	return entries
}

// printUnchanged is the outcome of a command that found nothing to do.
func (r *report) printUnchanged(ctx context.Context, c *console, t *tentacle, o changeOptions) error {
	if !o.dryRun {
		noteUse(t.instance)
	}
	r.DryRun = o.dryRun
	r.difference.Unchanged = t.servers
	status, err := lookAtService(ctx, t.service)
	r.setService(status, err)
	warnOfOutstanding(c, t, status, o)
	return r.print(c, o)
}

// print tells the outcome in the format asked for.
func (r *report) print(c *console, o changeOptions) error {
	if o.format == "json" {
		r.Added, r.Updated = entriesOf(r.difference.Added), entriesOf(r.difference.Updated)
		r.Removed, r.Unchanged = entriesOf(r.difference.Removed), entriesOf(r.difference.Unchanged)
		return c.printJSON(r)
	}
	if r.Changed || !o.quiet {
		r.printText(c, o)
	}
	return nil
}

func (r *report) printText(c *console, o changeOptions) {
	c.printf("%s\n", r.title())
	if r.Machine != nil && r.Machine.Name != "" {
		c.printf("  %s\n", r.machineLine())
	}
	for _, deleted := range r.Deleted {
		done := "was deleted"
		if r.DryRun {
			done = "would be deleted"
		}
		c.printf("  %s (%s) in space %s %s\n", deleted.Name, deleted.ID, deleted.Space, done)
	}
	if r.Restored != "" {
		c.printf("  from %s\n", filepath.Base(r.Restored))
	}
	for _, group := range []struct {
		paint   paint
		mark    string
		entries []serverEntry
	}{
		{fmt.Sprint, " ", entriesOf(r.polledUnchanged())},
		{c.yellow, "~", entriesOf(r.difference.Updated)},
		{c.green, "+", entriesOf(r.difference.Added)},
		{c.red, "-", entriesOf(r.difference.Removed)},
	} {
		for _, entry := range group.entries {
			c.printf("  %s\n", group.paint(group.mark+" "+entry.line()))
		}
	}
	for _, setting := range r.Settings {
		c.printf("  %s\n", c.yellow("~ "+setting.line()))
	}
	switch {
	case r.DryRun && (r.Changed || len(r.Deleted) > 0):
		c.printf("Dry run: nothing was changed.%s\n", r.wouldRestart(o))
	case r.DryRun:
		c.printf("Dry run: nothing would change.\n")
	case len(r.Deleted) > 0 && !r.Changed:
		c.printf("%s", r.stillTrusted())
	case !r.Changed:
		c.printf("Nothing to change.\n")
	default:
		c.printf("%s\n", r.serviceLine(o))
		if r.Backup != "" {
			c.printf("%s\n", c.faint("The old file is kept as "+filepath.Base(r.Backup)+"."))
		}
	}
	for _, entry := range r.Registrations {
		if entry.Fits {
			c.printf("%s\n", entry.line())
		}
	}
}

// stillTrusted says how to end the trust in the cluster that something was
// deleted from, if there is any.
func (r *report) stillTrusted() string {
	if !containsThumbprint(distinctThumbprints(r.difference.Unchanged), r.Thumbprint) {
		return ""
	}
	instance := tentacleconfig.Instance{Name: r.Instance, ConfigPath: r.Configuration}
	return fmt.Sprintf("The Octopus Server is still trusted; to end that: %s\n",
		commandFor(instance, r.Service.Name, runtime.GOOS, "configure", "--remove-trust="+r.Thumbprint))
}

func (r *report) title() string {
	if r.Instance == "" {
		return r.Configuration
	}
	return fmt.Sprintf("%s (%s)", r.Instance, r.Configuration)
}

func (r *report) machineLine() string {
	if r.DryRun {
		return fmt.Sprintf("%s would be registered in space %s", r.Machine.Name, r.Machine.Space)
	}
	return fmt.Sprintf("%s is registered in space %s as %s", r.Machine.Name, r.Machine.Space, r.Machine.ID)
}

// polledUnchanged leaves out what a person did not ask about: other clusters.
func (r *report) polledUnchanged() []tentacleconfig.TrustedServer {
	return tentacleconfig.Without(r.difference.Unchanged, func(s tentacleconfig.TrustedServer) bool {
		return !s.Polls() || !sameThumbprint(s.Thumbprint, r.Thumbprint)
	})
}

func (e serverEntry) line() string {
	if e.Address == "" {
		return fmt.Sprintf("trusted %s", e.Thumbprint)
	}
	return fmt.Sprintf("%s  %s", e.Address, e.Thumbprint)
}

// afterwards is a failure that came when the change was done already.
func (r *report) afterwards(err error) error {
	if !r.Changed {
		return err
	}
	done := r.Configuration + " is saved"
	if r.Service.Restarted {
		done += ", and service " + r.Service.Name + " was restarted"
	}
	return unfinishedError{done: done + "; but:", cause: err}
}

func (r *report) wouldRestart(o changeOptions) string {
	if o.noRestart || !r.Service.State.Runs() {
		return ""
	}
	return fmt.Sprintf(" Service %s would be restarted.", r.Service.Name)
}

// serviceLine says what became of the service, and what is left to do.
func (r *report) serviceLine(o changeOptions) string {
	name := r.Service.Name
	switch state := r.Service.State; {
	case r.Service.Scheduled != "":
		return "Saved. " + r.Service.scheduledLine()
	case r.Service.Restarted:
		return fmt.Sprintf("Saved; service %s was restarted.", name)
	case r.Service.State.Runs() && o.noRestart:
		return fmt.Sprintf("Saved; service %s still runs with the old configuration: %s", name, restartCommand(name, runtime.GOOS))
	case state == service.Absent:
		return fmt.Sprintf("Saved; there is no service %s here to restart: whatever runs this Tentacle has to restart it.", name)
	case state == service.Unmanaged:
		return "Saved; no service manager runs here: whatever runs this Tentacle (a container, a supervisor) has to restart it."
	case r.serviceError != nil:
		return fmt.Sprintf("Saved; but %v.\nRestart the Tentacle: %s", r.serviceError, restartCommand(name, runtime.GOOS))
	default:
		return fmt.Sprintf("Saved; service %s is %s and was left alone: the Tentacle reads the change when it starts.", name, state)
	}
}
