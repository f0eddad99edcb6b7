package commands

import (
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// topicPage is the page of a topic that there is.
func topicPage(name string, commands []*cli.Command) helpPage {
	at := slices.IndexFunc(helpTopics, func(t helpTopic) bool { return t.name == name })
	page := helpPage{name: name, isTopic: true, usage: helpTopics[at].usage}
	switch name {
	case "instances":
		page.description = aboutInstances()
	case "credentials":
		page.description = aboutCredentials()
	case "permissions":
		page.description = aboutPermissions(commands)
	case "exit-codes":
		page.description = aboutExitCodes()
	case "json":
		page.description = aboutJSON()
	}
	return page
}

// listed is a block of items, given as names and texts in turn.
func listed(namesAndTexts ...string) helpBlock {
	var block helpBlock
	for pair := range slices.Chunk(namesAndTexts, 2) {
		block.items = append(block.items, helpItem{name: pair[0], text: pair[1]})
	}
	return block
}

// whichInstance is the order in which a command looks for its Tentacle. docs/instances.md has it,
// too.
var whichInstance = []string{
	"--config FILE",
	"--instance NAME",
	"the instance that runs the current script (in a runbook, a deployment or the script console)",
	"./Tentacle.config",
	"the instance named Tentacle",
	"the only instance",
}

func aboutInstances() []helpBlock {
	blocks := helpBlocks(`A machine can have several Tentacles, called instances. An instance is a name and
the path of its configuration file. Every command works on one of them. The first
that applies is used:`)
	var order helpBlock
	for i, way := range whichInstance {
		order.items = append(order.items, helpItem{name: strconv.Itoa(i+1) + ".", text: way})
	}
	return append(append(blocks, order), helpBlocks(`If there are several instances and none of these applies, the command fails and
lists them. list-servers and check take --all-instances; service takes
--instance="*".

  octo-tentacle list-instances
  octo-tentacle check --instance=web
  octo-tentacle list-servers --all-instances

An instance usually gets its configuration file, its certificate and its service
in this order:
  octo-tentacle create-instance --instance=web \
    --config=/etc/octopus/web/Tentacle.config
  octo-tentacle new-certificate --instance=web --if-blank
  octo-tentacle service --instance=web --install --start

A Kubernetes agent is named by --namespace instead, on any machine that has a
kubeconfig of its cluster:
  octo-tentacle list-servers --all-agents
  octo-tentacle check --namespace=octopus-agent`)...)
}

func aboutCredentials() []helpBlock {
	var o apiOptions
	return slices.Concat(helpBlocks(`Commands that ask the Octopus Server take its address, and an API key, an access
token, or a user name with a password:`),
		[]helpBlock{{items: slices.DeleteFunc(flagGroups(append(o.flags(), new(spaceOption).flags(theServer)...))[0].items, func(i helpItem) bool {
			return i.name == "--timeout"
		})}},
		helpBlocks(`The command line takes precedence over the environment. Every user of the machine
can read the command line in the list of processes, so give a key by a file, by
the environment or by standard input:

  octo-tentacle check --server=https://octopus.example.com \
    --apikey-file=key.txt
  printf %s "$KEY" | \
    octo-tentacle check --server=https://octopus.example.com \
      --apikey-file=-

Keep the file readable by its owner alone. No command prints a key, or sends it to
another host than the server's.

check, generalize, poll-server, remove-server and sync-servers also work without
a server. For these, the environment counts only if it has both the address and
credentials.`))
}

func aboutPermissions(commands []*cli.Command) []helpBlock {
	blocks := helpBlocks(`Commands that ask the Octopus Server do so as the account of the API key or token.
It has to be in a team whose role has these permissions in the space of the
Tentacle; "none" means that signing in is enough.`)
	var needs helpBlock
	for _, group := range permissionGroups(commands) {
		needs.items = append(needs.items, helpItem{name: strings.Join(group.commands, ", "), text: group.needs.String()})
	}
	return append(append(blocks, needs), helpBlocks(`The other commands ask no server. A dry run shows whether an account finds what a
command looks up:
  octo-tentacle register-with --server=https://octopus.example.com \
    --apikey-file=key.txt --environment=Production --role=web-server \
    --dry-run`)...)
}

func aboutExitCodes() []helpBlock {
	var codes helpBlock
	for _, code := range exitCodes {
		codes.items = append(codes.items, helpItem{name: strconv.Itoa(code.code), text: code.String()})
	}
	return slices.Concat([]helpBlock{codes}, helpBlocks(`A change that needs no restart here (in a container, with --no-restart, of a
stopped service) is 0. check --format=nagios has the exit codes of a Nagios
plugin: 0 OK, 1 warning, 2 critical, 3 unknown.

After most failures the same command is run again: what is done already is not
done again.

  octo-tentacle check --quiet || echo "look at this machine"
  octo-tentacle sync-servers --file=nodes.yaml --format=json`))
}

func aboutJSON() []helpBlock {
	return slices.Concat(helpBlocks(`With --format=json, a command that succeeds prints one JSON value on standard
output, and one that fails prints nothing there. One that changed something before
it failed (exit code 3) prints its JSON, too; so does check when it finds a
problem. Warnings and errors go to standard error. An empty list is [], never null.

Commands that change something print an object with these fields, and more:`),
		[]helpBlock{listed(
			"changed", "whether anything was changed; in a dry run, whether it would be",
			"outcome", "one of: "+strings.Join(allResults(), ", "),
			"instance", "the name of the instance",
			"configuration", "its file",
			"dryRun", "whether this was a dry run",
			"added", "the trusted servers that are new; likewise updated, removed and unchanged: each with style, address, thumbprint and subscription",
			"settings", "other settings that changed: key and value",
			"backup", "the file that keeps the previous configuration",
			"service", "name, state and whether it was restarted",
		)},
		helpBlocks(`  octo-tentacle sync-servers --file=nodes.yaml --format=json |
    jq .outcome
  octo-tentacle list-servers --format=json | jq -r ".servers[].address"

Of several instances (--all-instances) or agents, the value is an array of such
objects.

Some commands know other formats, too:
  octo-tentacle check --format=nagios
  octo-tentacle check --format=prometheus
  octo-tentacle show-configuration --format=yaml
  octo-tentacle fleet --reports reports/web01.json --format=html
  octo-tentacle fleet --reports reports/web01.json --format=csv

All fields: https://github.com/octo-tentacle/octo-tentacle/blob/main/docs/json.md`))
}
