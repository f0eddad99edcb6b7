package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/urfave/cli/v2"
)

// What an empty value means, as a script passes it for a variable that is not set. It counts as not
// given, unless the command would then choose, replace or remove something that nobody named, or a
// monitor would require nothing. This is decided here for all options of all commands, so a command
// that asks what is given never sees such an empty value.

// givenOption is an option on a command line.
type givenOption struct {
	option
	value string
}

func (g givenOption) empty() bool {
	if g.isList {
		return strings.Trim(g.value, ", \t\r\n") == ""
	}
	return g.takesValue && strings.TrimSpace(g.value) == ""
}

// choice is refused if it is empty: without it, the command would choose something else, or check
// require nothing.
type choice struct {
	commands []string // none: every command that changes something
	options  []string // alternatives: beside a value of one, another one that is empty chooses nothing
	with     []string // the choice is one only with one of these switches; none: always
}

var choices = []choice{
	{options: []string{"instance", "config"}},
	{options: []string{"service"}},
	{options: []string{"namespace"}},
	{options: []string{"context"}},
	{options: []string{"kubeconfig"}},
	// Registering is no choice of this kind: the start script of Tentacle's own container passes an
	// empty space for the default one (docker/linux/scripts/configure-tentacle.sh).
	{commands: []string{"deregister-from", "deregister-worker"}, options: []string{"space"}},
	{options: []string{"name"}},
	{options: []string{"thumbprint"}},
	{options: []string{"oldThumbprint"}},
	{options: []string{"newThumbprint"}},
	{options: []string{"export-file", "export-pfx"}}, // without it, new-certificate replaces the Tentacle's own
	{commands: []string{"create-instance"}, options: []string{"instance"}},
	{commands: []string{"create-instance"}, options: []string{"config"}},
	{commands: []string{"checkservices"}, options: []string{"instances"}},
	{commands: []string{"clear-trusted-servers"}, options: []string{"keep"}},
	{commands: []string{"configure"}, options: []string{"remove-trust"}},
	{commands: []string{"configure"}, options: []string{"trust"}, with: []string{"reset-trust"}},
	{commands: []string{"remove-server"}, options: []string{"server-comms-address"}},
	{commands: []string{"sync-servers"}, options: []string{"file", "server-comms-address", "server-web-socket"}},
	{commands: []string{"sync-servers"}, options: []string{"server-comms-port"}},
	{commands: []string{"poll-server"}, options: []string{"server-comms-address", "server-web-socket"}, with: []string{"replace"}},
	{commands: []string{"poll-server"}, options: []string{"server-comms-port"}, with: []string{"replace"}},
	{commands: migrating, options: []string{"source-config-map-name"}},
	{commands: migrating, options: []string{"source-secret-name"}},
	{commands: migrating, options: []string{"destination-config-map-name"}},
	{commands: migrating, options: []string{"destination-secret-name"}},
	{commands: migrating, options: []string{"namespace"}},
	{commands: []string{"check"}, options: []string{"require"}},
	{commands: proxyCommands, options: []string{"proxyEnable"}}, // without these two, the proxy is removed
	{commands: proxyCommands, options: []string{"proxyPassword-file"}},
}

var migrating = []string{"migrate-preinstalled-k8s-config"}

// replacing is a list that replaces another one: what it does not name is removed, so that an empty
// item beside others is refused.
type replacing struct {
	commands []string
	options  []string
	with     []string // it replaces only with one of these switches; none: always
	commas   bool     // they separate items
}

var replacements = []replacing{
	{commands: []string{"clear-trusted-servers"}, options: []string{"keep"}, commas: true},
	{commands: []string{"configure"}, options: []string{"trust"}, with: []string{"reset-trust"}, commas: true},
	{commands: []string{"sync-servers"}, options: []string{"server-comms-address", "server-comms-port"}, commas: true},
	{commands: []string{"poll-server"}, options: []string{"server-comms-address", "server-comms-port"}, with: []string{"replace"}, commas: true},
	{
		commands: []string{"register-with", "register-worker", "register-k8s-target", "register-k8s-cluster", "register-k8s-worker"},
		options:  []string{"environment", "role", "tenant", "tenanttag", "workerpool"},
		with:     []string{"update", "force"},
	},
}

var proxyCommands = []string{"polling-proxy", "proxy"}

// clearing are the options of proxyCommands whose empty value clears the setting, as in Tentacle
// (Startup/ProxyConfigurationCommand.cs); an empty port is 80.
var clearing = []string{"proxyPort", "proxyUsername", "proxyPassword"}

// withoutEmpty are the options of a command line without those that are empty, or the error for one
// that must not be, or is no text.
func withoutEmpty(command *cli.Command, line []givenOption) ([]givenOption, error) {
	if err := cmp.Or(refuseNotUTF8(line), refuseEmpty(command, line)); err != nil {
		return nil, err
	}
	clears := slices.Contains(proxyCommands, command.Name)
	return slices.DeleteFunc(line, func(g givenOption) bool {
		return g.empty() && !(clears && slices.Contains(clearing, g.name))
	}), nil
}

// refuseEmpty refuses an empty choice, and an empty item of a list that replaces another one.
func refuseEmpty(command *cli.Command, line []givenOption) error {
	changes := changesSomething(command)
	for _, c := range choices {
		isChoice := slices.Contains(c.commands, command.Name) || len(c.commands) == 0 && changes
		if !isChoice || !anyOn(line, c.with) {
			continue
		}
		if name := c.emptyOption(line); name != "" {
			nothing := ""
			if changes {
				nothing = "; nothing was changed"
			}
			return fmt.Errorf("--%s is empty (is a script variable unset?): give it a value, or omit it%s", name, nothing)
		}
	}
	for _, r := range replacements {
		if !slices.Contains(r.commands, command.Name) || !anyOn(line, r.with) {
			continue
		}
		for _, name := range r.options {
			if items := r.items(line, name); slices.Contains(items, "") && slices.ContainsFunc(items, func(i string) bool { return i != "" }) {
				return hint.Errorf("name everything to keep",
					"--%s has an empty value (is a script variable unset?), and what it does not name would be removed; nothing was changed", name)
			}
		}
	}
	return nil
}

// changesSomething says whether the command can be rehearsed: every one that changes something can.
func changesSomething(command *cli.Command) bool {
	return slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == "dry-run" })
}

// anyOn says whether one of the switches is on, or there is none to be on.
func anyOn(line []givenOption, switches []string) bool {
	return len(switches) == 0 || slices.ContainsFunc(line, func(g givenOption) bool {
		return slices.Contains(switches, g.name) && g.value == "true"
	})
}

// emptyOption is the first of the options that is given, but empty; "" where there is none, or one
// of them has a value.
func (c choice) emptyOption(line []givenOption) string {
	empty := ""
	for _, name := range c.options {
		given, hasValue := false, false
		for _, g := range line {
			if g.name != name {
				continue
			}
			given = true
			hasValue = !g.empty() || hasValue && g.isList // else the last one counts
		}
		switch {
		case hasValue:
			return ""
		case given && empty == "":
			empty = name
		}
	}
	return empty
}

// items are those of a list, in all its values.
func (r replacing) items(line []givenOption, name string) (items []string) {
	for _, g := range line {
		switch {
		case g.name != name:
		case r.commas:
			for item := range strings.SplitSeq(g.value, ",") {
				items = append(items, strings.TrimSpace(item))
			}
		default:
			items = append(items, strings.TrimSpace(g.value))
		}
	}
	return items
}
