package commands

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// The lines that say how much was done.
const (
	dryRunLine          = "Dry run: nothing was changed."
	dryRunUnchangedLine = "Dry run: nothing would change."
	unchangedLine       = "Nothing to change."
)

// resultLine says how much was done; done is what to say of a change that was made.
func resultLine(dryRun, changed bool, done string) string {
	switch {
	case dryRun && changed:
		return dryRunLine
	case dryRun:
		return dryRunUnchangedLine
	case !changed:
		return unchangedLine
	}
	return done
}

// title names a Tentacle: its instance and its file, or the file alone.
func title(instance, config string) string {
	if instance == "" {
		return config
	}
	return fmt.Sprintf("%s (%s)", instance, config)
}

// print prints the outcome in the format of the options.
func (o *outcome) print(c *console, opts changeOptions) error {
	if opts.json() {
		return c.printJSON(o)
	}
	if o.Changed || !opts.quiet {
		printOutcome(c, o, opts)
	}
	return nil
}

func printOutcome(c *console, o *outcome, opts changeOptions) {
	c.printf("%s\n", title(o.Instance, o.Configuration))
	printBesideFile(c, o)
	for _, registered := range o.registrationChanges() {
		if registered.Name != "" {
			printRegistrationChange(c, registered, o.DryRun)
		}
	}
	for _, deleted := range o.Deleted {
		printRegistrationChange(c, deleted, o.DryRun)
	}
	if o.notRegistered != "" {
		c.printf("  %s\n", o.notRegistered)
	}
	if o.Restored != "" {
		c.printf("  from %s\n", filepath.Base(o.Restored))
	}
	for _, line := range slices.Concat(o.done, o.notes) {
		c.printf("  %s\n", line)
	}
	printDifference(c, o)
	for _, file := range o.DeletedFiles {
		c.printf("  %s\n", c.red("- file "+file))
	}
	printResult(c, o, opts)
	for _, entry := range o.Registrations {
		if entry.Matches {
			c.printf("%s\n", entry.line())
		}
	}
	if len(o.Ports) > 0 {
		accepting := slices.DeleteFunc(slices.Clone(o.Ports), func(p portEntry) bool { return !p.accepts() })
		c.printf("Accepted by %d of %s.\n", len(accepting), plural.Of(len(o.Ports), "polling port", "polling ports"))
	}
}

// printDifference prints the servers and settings, those that stay only of the cluster that the
// command is about.
func printDifference(c *console, o *outcome) {
	for _, entry := range o.Unchanged {
		if o.ofCluster(entry) {
			c.printf("    %s\n", entry.line())
		}
	}
	for _, group := range []struct {
		paint   paint
		mark    string
		entries []serverEntry
	}{
		{c.yellow, "~", o.Updated},
		{c.green, "+", o.Added},
		{c.red, "-", o.Removed},
	} {
		for _, entry := range group.entries {
			line := entry.line()
			if group.mark == "~" && entry.polls { // which is what may have changed
				line += "  " + cmp.Or(entry.SubscriptionID, "no subscription")
			}
			c.printf("  %s\n", group.paint(group.mark+" "+line))
		}
	}
	for _, setting := range o.Settings {
		c.printf("  %s\n", c.yellow("~ "+setting.line()))
	}
}

func printResult(c *console, o *outcome, opts changeOptions) {
	switch {
	case o.agentOutcome != nil:
		printAgentResult(c, o)
	case o.DryRun && o.Changed:
		c.printf("%s%s\n", dryRunLine, wouldRestart(o, opts))
	case o.DeletedFiles != nil && o.Changed: // of generalize
		c.printf("Ready for an image. Each machine made from it needs a registration of its own, and first a certificate: %s\n",
			o.suggest().Command("new-certificate", "--if-blank"))
	case len(o.Deleted) > 0 && !o.saved:
		if stillTrusts(o) {
			c.printf("The Octopus Server is still trusted; to stop trusting it: %s\n", o.endTrust)
		}
	case o.Changed && !o.saved && o.fileOutcome == nil:
		c.printf("The configuration did not need to change.\n")
		if o.Service.Restarted {
			c.printf("%s\n", o.Service.startedLine())
		}
	case !o.Changed:
		c.printf("%s\n", resultLine(o.DryRun, false, ""))
	default:
		lines := serviceLines
		if o.fileOutcome != nil {
			lines = fileResultLines
		}
		c.printf("%s\n", c.lines(lines(o, opts)))
		if o.Backup != "" {
			c.printf("%s\n", c.faint("The old file was kept as "+filepath.Base(o.Backup)+"."))
		}
	}
}

func wouldRestart(o *outcome, opts changeOptions) string {
	switch {
	case o.Service.started:
		return fmt.Sprintf(" Service %s would be started: it was stopped for a restart earlier.", o.Service.Name)
	case !o.saved && !o.fileOutcome.restarts(), opts.noRestart, !o.Service.State.Runs(), o.notStarting != nil:
		return ""
	}
	return fmt.Sprintf(" Service %s would be restarted.", o.Service.Name)
}

// stillTrusts says whether the cluster that something was deleted from is trusted.
func stillTrusts(o *outcome) bool {
	return slices.ContainsFunc(o.Unchanged, func(entry serverEntry) bool { return thumbprint.Same(entry.Thumbprint, o.Thumbprint) })
}

// serviceLines say what happened to the service, and what is left to do.
func serviceLines(o *outcome, opts changeOptions) []string {
	name := o.Service.Name
	switch state := o.Service.State; {
	case o.nextStart != "":
		return []string{"Saved; " + o.nextStart + "."}
	case o.Service.Scheduled != "":
		return []string{"Saved. " + o.Service.scheduledLine()}
	case o.Service.Restarted && o.Service.started:
		return []string{"Saved. " + o.Service.startedLine()}
	case o.Service.interrupted:
		return []string{fmt.Sprintf("Saved; service %s was stopped for a restart earlier, and still does not run. To start it: %s", name, o.suggest().Restart())}
	case o.Service.Restarted:
		return []string{fmt.Sprintf("Saved; service %s was restarted.%s", name, o.Service.confirmedLine())}
	case state.Runs() && opts.noRestart:
		return []string{fmt.Sprintf("Saved; service %s still runs with the old configuration. To restart it: %s", name, o.suggest().Restart())}
	case state == service.Foreign:
		return []string{
			fmt.Sprintf("Saved; service %s is not this Tentacle's and was left alone: it runs %s.", name, o.Service.foreign),
			"Restart this Tentacle the way it was started. Where a service runs it: " + o.suggest().Command("restart-service", "--service=NAME"),
		}
	case state == service.Absent:
		return []string{fmt.Sprintf("Saved; there is no service %s here to restart: restart this Tentacle the way it was started.", name)}
	case state == service.Unmanaged:
		return []string{"Saved; no service manager runs this Tentacle: restart it the way it was started (a container, a supervisor)."}
	case o.serviceErr != nil:
		return []string{fmt.Sprintf("Saved, but %v.", o.serviceErr), "To restart the Tentacle: " + o.suggest().Restart()}
	default:
		return []string{fmt.Sprintf("Saved; service %s is %s and was left alone: the Tentacle reads the change when it starts.", name, state)}
	}
}

// suggest names the Tentacle in suggested commands.
func (o *outcome) suggest() suggest.Tentacle {
	return o.tentacle
}

func (e serverEntry) line() string {
	if e.Address == "" {
		return fmt.Sprintf("trusted %s", e.Thumbprint)
	}
	return fmt.Sprintf("%s  %s", e.Address, e.Thumbprint)
}

func (e settingEntry) line() string {
	switch {
	case e.Value == nil:
		return e.Key + " removed"
	case *e.Value == "":
		return e.Key + " emptied"
	}
	return fmt.Sprintf("%s = %s", e.Key, *e.Value)
}

func (e registrationEntry) line() string {
	text := fmt.Sprintf("Registered as %s %s (%s) in space %s", e.Kind, e.Name, e.ID, e.Space)
	if e.Health != "" {
		return text + "; health check: " + e.Health + "."
	}
	return text + "."
}
