package commands

import (
	"fmt"
	"slices"
)

// What several commands say of agents.

func printNoAgent(c *console) {
	c.printf("There is no Kubernetes agent that this account can see.\n")
}

// withContexts puts the contexts before the columns of a table, where there are several.
func withContexts[T any](columns []column[T], rows []T, context func(T) string) []column[T] {
	if !slices.ContainsFunc(rows, func(row T) bool { return context(row) != context(rows[0]) }) {
		return columns
	}
	return slices.Insert(slices.Clone(columns), 0, column[T]{"CONTEXT", context})
}

// agentTitle is an agent, with the context of its cluster where one was chosen.
func agentTitle(context, configuration string) string {
	switch {
	case context == "":
		return configuration
	case configuration == "":
		return "context " + context
	}
	return fmt.Sprintf("%s (%s)", configuration, context)
}
