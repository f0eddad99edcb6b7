package commands

import (
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/service"
)

// printBesideFile prints what apply does beside the configuration.
func printBesideFile(c *console, o *outcome) {
	f := o.fileOutcome
	if f == nil {
		return
	}
	if f.Created {
		c.printf("  %s\n", c.green("+ configuration "+o.Configuration))
	}
	if f.Index != "" {
		c.printf("  %s\n", c.green("+ index file "+f.Index))
	}
	printServiceDifference(c, f.Difference)
}

// fileResultLines say what apply has done, and what is left to do.
func fileResultLines(o *outcome, opts changeOptions) []string {
	switch {
	case !o.saved && o.Service.Restarted && !o.Service.started:
		return []string{fmt.Sprintf("Service %s was restarted.%s", o.Service.Name, o.Service.confirmedLine())}
	case !o.saved && o.Service.Restarted:
		return []string{o.Service.startedLine()}
	case !o.saved:
		return []string{"The configuration did not need to change."}
	case o.Created && o.Service.State == service.Absent:
		return []string{"Created; there is no service " + o.Service.Name + " yet: " + o.suggest().Command("service", "--install", "--start")}
	case o.Created && o.Service.State == service.Unmanaged:
		return []string{"Created; no service manager runs here: have a container or supervisor start this Tentacle."}
	case startsService(o):
		return []string{"Saved; service " + o.Service.Name + " is running."}
	}
	return serviceLines(o, opts)
}

// startsService says whether the service was started with what is saved.
func startsService(o *outcome) bool {
	return slices.Contains(o.Actions, service.ActionStart) && o.Service.State == service.Running
}
