package commands

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// override is a variable of the service that the Tentacle uses instead of a setting in the file, as
// JSON has it. Its value may be a secret.
type override struct {
	Variable string         `json:"variable"`
	Setting  string         `json:"setting"`
	Source   service.Source `json:"source"`
	Files    []string       `json:"files"` // of systemd, that set it; none where that is not known

	what string // the variable, and where it is set
}

// surrounded is something that runs with environment variables.
type surrounded interface {
	environment(context.Context) ([]service.Variable, error)
}

// overridesOf are the variables that a Tentacle uses instead of some of these
// settings, as far as that can be found out: check says where it cannot.
func overridesOf(ctx context.Context, p surrounded, settings []string) []override {
	if len(settings) == 0 {
		return []override{}
	}
	variables, _ := p.environment(ctx)
	return overriding(variables, settings, runtime.GOOS)
}

func overriding(variables []service.Variable, settings []string, goos string) []override {
	found := []override{} // an empty list is [], not null
	for _, o := range check.Overrides(variables, goos) {
		if !o.Ignored && slices.ContainsFunc(settings, func(s string) bool { return strings.EqualFold(s, o.Setting) }) {
			found = append(found, override{o.Variable.Name, o.Setting, o.Variable.Source, append([]string{}, o.Variable.Files...), o.What()})
		}
	}
	return found
}

// instead says what the Tentacle uses.
func (o override) instead() string {
	setting := "the setting " + o.Setting
	if o.Setting == tentacleconfig.KeyTrustedServers {
		setting = "the trusted servers"
	}
	if o.Source != service.SourceContainer {
		setting += " in the file"
	}
	return fmt.Sprintf("%s: the Tentacle uses it instead of %s", o.what, setting)
}

// warnOfOverrides warns of a change that is of no use, because the service sets the same by a
// variable.
func warnOfOverrides(ctx context.Context, c *console, t suggest.Tentacle, p surrounded, settings []string) []override {
	found := overridesOf(ctx, p, settings)
	for _, o := range found {
		c.warnOf(hint.With(fmt.Errorf("%s, so a change there has no effect", o.instead()), o.hint(t)))
	}
	return found
}

// hint is what to do about it.
func (o override) hint(t suggest.Tentacle) string {
	if o.Source == service.SourceContainer {
		return "it comes from the values of the agent's chart, by agent.pollingConnectionCount or agent.containers.tentacle.env: change it there"
	}
	return "what to do about it: " + t.Command("check")
}
