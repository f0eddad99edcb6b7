package commands

import (
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/urfave/cli/v2"
)

// accountNeeds are the permissions that a command needs of the account with which it asks an
// Octopus Server.
type accountNeeds struct {
	always []octoapi.Permission
	when   []needsWhen
	extra  needsWhen // without these permissions the command does its work, and says less
}

type needsWhen struct {
	condition   string // "with --force"; of extra what the command does with them: "says …"
	permissions []octoapi.Permission
}

// needsOf are those of a command, for its help and for docs/permissions.md; nil for a command that
// asks no server. A test runs each command with and without each of the permissions.
func needsOf(command string) *accountNeeds {
	list := func(permissions ...octoapi.Permission) []octoapi.Permission { return permissions }
	var (
		edit   = needsWhen{"with --update, --rename or --force", list(octoapi.MachineEdit)}
		agent  = needsWhen{"for an agent that exists on the server", list(octoapi.MachineEdit)}
		tenant = needsWhen{"with --tenant or --tenanttag", list(octoapi.TenantView)}
		policy = needsWhen{"with --policy", list(octoapi.MachinePolicyView)}
		proxy  = needsWhen{"with --proxy", list(octoapi.ProxyView)}
		health = needsWhen{"with --wait-healthy", list(octoapi.TaskCreate, octoapi.TaskView)}
	)
	switch command {
	case "apply":
		return &accountNeeds{
			when: []needsWhen{
				{"if the file has deployment targets", list(octoapi.EnvironmentView, octoapi.MachineView)},
				{"if one is new", list(octoapi.MachineCreate)},
				{"if one differs", list(octoapi.MachineEdit)},
				{"if it has workers", list(octoapi.WorkerEdit, octoapi.WorkerView)},
				{"if it names a policy", list(octoapi.MachinePolicyView)},
				{"if it names tenants or tenant tags", list(octoapi.TenantView)},
				{"if it names a proxy", list(octoapi.ProxyView)},
				health,
			},
			extra: needsWhen{"says how this Tentacle is registered", list(octoapi.MachineView, octoapi.WorkerView)},
		}
	case "poll-server", "sync-servers":
		return &accountNeeds{
			when:  []needsWhen{health},
			extra: needsWhen{"says how this Tentacle is registered", list(octoapi.MachineView, octoapi.WorkerView)},
		}
	case "list-nodes":
		return &accountNeeds{extra: needsWhen{"knows which nodes checked this Tentacle's health", list(octoapi.MachineView, octoapi.TaskView, octoapi.WorkerView)}}
	case "update-trust", "remove-server":
		return &accountNeeds{}
	case "check":
		return &accountNeeds{
			when: []needsWhen{{"with --prove", list(octoapi.TaskCreate, octoapi.TaskView)}},
			extra: needsWhen{
				"checks the registration, and sees which nodes have checked its health lately",
				list(octoapi.MachineView, octoapi.TaskView, octoapi.WorkerView),
			},
		}
	case "fleet":
		return &accountNeeds{
			always: list(octoapi.MachineView, octoapi.WorkerView),
			when:   []needsWhen{{"unless --no-scripts or --reports is given", list(octoapi.TaskCreate, octoapi.TaskView)}},
			extra:  needsWhen{"shows the names of environments", list(octoapi.EnvironmentView)},
		}
	case "register-with":
		return &accountNeeds{
			always: list(octoapi.EnvironmentView, octoapi.MachineCreate, octoapi.MachineView),
			when:   []needsWhen{edit, policy, tenant, proxy, health},
		}
	case "register-k8s-target", "register-k8s-cluster":
		return &accountNeeds{
			always: list(octoapi.EnvironmentView, octoapi.MachineCreate, octoapi.MachineView),
			when:   []needsWhen{agent, policy, tenant, proxy, health},
		}
	case "register-worker", "register-k8s-worker":
		return &accountNeeds{
			always: list(octoapi.WorkerEdit, octoapi.WorkerView),
			when:   []needsWhen{policy, proxy, health},
		}
	case "deregister-from":
		return &accountNeeds{
			always: list(octoapi.MachineDelete, octoapi.MachineView),
			extra:  needsWhen{"looks for this Tentacle's workers before it ends trust", list(octoapi.WorkerView)},
		}
	case "deregister-worker":
		return &accountNeeds{
			always: list(octoapi.WorkerEdit, octoapi.WorkerView),
			extra:  needsWhen{"looks for this Tentacle's deployment targets before it ends trust", list(octoapi.MachineView)},
		}
	case "generalize":
		return &accountNeeds{when: []needsWhen{{"if the server is asked", list(octoapi.MachineView, octoapi.WorkerView)}}}
	case "show-configuration":
		return &accountNeeds{
			always: list(octoapi.MachineView, octoapi.WorkerView),
			when: []needsWhen{
				{"if it is registered", list(octoapi.MachinePolicyView)},
				{"for a deployment target", list(octoapi.EnvironmentView)},
				{"for one with tenants", list(octoapi.TenantView)},
			},
		}
	}
	return nil
}

// A permissionGroup are commands that need the same.
type permissionGroup struct {
	commands []string
	needs    *accountNeeds
}

// permissionGroups are all commands that ask a server, in the order of help.
func permissionGroups(commands []*cli.Command) (groups []permissionGroup) {
	for _, command := range commands {
		needs := needsOf(command.Name)
		if needs == nil {
			continue
		}
		at := slices.IndexFunc(groups, func(g permissionGroup) bool { return g.needs.String() == needs.String() })
		if at < 0 {
			at = len(groups)
			groups = append(groups, permissionGroup{needs: needs})
		}
		groups[at].commands = append(groups[at].commands, command.Name)
	}
	return groups
}

// String is one sentence or two, for help.
func (n *accountNeeds) String() string {
	text := "none"
	if len(n.always) > 0 {
		text = andList(n.always)
	}
	for _, w := range n.when {
		text += "; " + andList(w.permissions) + " " + w.condition
	}
	text += "."
	if len(n.extra.permissions) > 0 {
		text += " With " + andList(n.extra.permissions) + " it also " + n.extra.condition + "."
	}
	return text
}

// andList is "A, B and C".
func andList(permissions []octoapi.Permission) string {
	var text strings.Builder
	for i, p := range permissions {
		switch {
		case i == 0:
		case i == len(permissions)-1:
			text.WriteString(" and ")
		default:
			text.WriteString(", ")
		}
		text.WriteString(string(p))
	}
	return text.String()
}
