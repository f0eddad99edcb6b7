package commands

import "strings"

// printServiceDifference prints how a definition differs from the one that is installed.
func printServiceDifference(c *console, difference string) {
	for line := range strings.Lines(difference) {
		line = strings.TrimSuffix(line, "\n")
		shown := c.line(line)
		switch {
		case strings.HasPrefix(line, "+"):
			shown = c.green(line)
		case strings.HasPrefix(line, "-"):
			shown = c.red(line)
		}
		c.printf("  %s\n", shown)
	}
}
