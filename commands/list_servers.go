package commands

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// listServersOptions are those of list-servers.
type listServersOptions struct {
	tentacle     tentacleOptions
	agents       agentOptions
	allInstances bool
	format       string
}

func listServersCommand(c *console) *cli.Command {
	var o listServersOptions
	return &cli.Command{
		Name:     "list-servers",
		Category: "Polling",
		Usage:    "list the servers that this Tentacle trusts and polls",
		Description: `Shows each trusted server with its style, address, thumbprint and subscription,
the Tentacle's own thumbprint, and the state of its service.

Of a Kubernetes agent it shows which addresses each of four places has: the Helm
values, the environment of its Deployment, its ConfigMap, and the running agent, which
says in its log what it polls. Where they differ, it says what the next start of the
agent's pod does to the list.

  octo-tentacle list-servers
  octo-tentacle list-servers --instance=web --format=json
  octo-tentacle list-servers --namespace=octopus-agent
  octo-tentacle list-servers --all-agents --context=test,production`,
		Flags: allFlags(o.tentacle.flags(), []cli.Flag{
			allInstancesFlag(&o.allInstances),
		}, o.agents.flags(), []cli.Flag{
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error { return listServers(ctx.Context, c, o) },
	}
}

// serverList is the JSON of list-servers, from which its table is made.
type serverList struct {
	Instance      string        `json:"instance"`
	Configuration string        `json:"configuration"`
	Thumbprint    string        `json:"thumbprint"` // the Tentacle's own; "" before it has a certificate that can be read
	Service       listedService `json:"service"`
	Servers       []serverEntry `json:"servers"`

	renewals       []renewal // of the clusters that are trusted under several thumbprints
	polls, listens bool
	unreadable     bool // there is a certificate, but its thumbprint cannot be read
}

// noInstance is shown instead of a name for a file that no instance uses.
const noInstance = "(no instance uses this file)"

type serviceState struct {
	Name  string        `json:"name"`
	State service.State `json:"state"`
}

type listedService struct {
	serviceState

	RestartPending bool       `json:"restartPending"` // it still uses what the configuration said before it was changed
	Overridden     []override `json:"overridden"`     // what it uses instead of something that is listed
}

func listServers(ctx context.Context, c *console, o listServersOptions) error {
	if err := errors.Join(o.tentacle.completeAll(o.allInstances), o.agents.complete(o.tentacle, o.allInstances), completeFormat(&o.format)); err != nil {
		return err
	}
	if o.agents.given() {
		return listAgents(ctx, c, o)
	}
	if o.allInstances {
		return listAllInstances(ctx, c, o)
	}
	t, err := lookAt(ctx, o.tentacle)
	if err != nil {
		return err
	}
	list := listOf(ctx, c, t)
	if o.format == "json" {
		return c.printJSON(list)
	}
	list.print(c)
	return nil
}

func listAllInstances(ctx context.Context, c *console, o listServersOptions) error {
	instances, damage := allInstances(c)
	if _, err := indexErrors(damage); err != nil {
		return err
	}
	// Look at all of them before printing anything: JSON is complete or absent.
	lists := make([]serverList, 0, len(instances))
	failures := joined(damage)
	for _, instance := range instances {
		t, err := lookAtInstance(ctx, instance, "")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		lists = append(lists, listOf(ctx, c, t))
	}
	if o.format == "json" {
		if len(failures) > 0 {
			return errors.Join(failures...)
		}
		return c.printJSON(lists)
	}
	if len(instances)+len(failures) == 0 {
		printNoInstance(c)
	}
	for i, list := range lists {
		if i > 0 {
			c.printf("\n")
		}
		list.print(c)
	}
	return errors.Join(failures...)
}

func printNoInstance(c *console) {
	c.printf("There is no Tentacle instance on this machine (looked in %s).\n", tentacleconfig.MachineHome())
}

func listOf(ctx context.Context, c *console, t *tentacle) serverList {
	status, err := t.place.status(ctx)
	if err != nil {
		c.warnOf(err)
	}
	warnOfTrouble(ctx, c, t.suggest(), t.document, status)
	pending := restartPending(t.instance, status)
	if pending {
		c.warnOf(hint.Errorf("to finish: "+t.suggest().Restart(),
			"service %s started before the last change of %s and still uses the old list: a restart is pending", status.Name, t.instance.ConfigPath))
	}
	thumbprint, err := t.document.Thumbprint()
	unreadable := err != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate)
	if unreadable {
		c.warnOf(err)
	}
	if err := startable(t.servers, t.suggest()); err != nil {
		c.warnOf(err)
	}
	overridden := overridesOf(ctx, t.place, slices.Concat(certificateSettings, []string{tentacleconfig.KeyTrustedServers}))
	for _, o := range overridden {
		c.warnOf(hint.With(errors.New(o.instead()), o.hint(t.suggest())))
	}
	return serverList{
		Instance:      t.instance.Name,
		Configuration: t.instance.ConfigPath,
		Thumbprint:    thumbprint,
		Service:       listedService{serviceState{Name: status.Name, State: status.State}, pending, overridden},
		Servers:       serverEntries(t.servers),
		renewals:      renewalsOf(t),
		polls:         tentacleconfig.Polling(t.servers),
		listens:       t.document.Listens(),
		unreadable:    unreadable,
	}
}

// serverColumns define the table of trusted servers.
var serverColumns = []column[serverEntry]{
	{"STYLE", func(e serverEntry) string { return e.Style }},
	{"ADDRESS", func(e serverEntry) string { return e.Address }},
	{"THUMBPRINT", func(e serverEntry) string { return e.Thumbprint }},
	{"SUBSCRIPTION", func(e serverEntry) string { return e.pollsUnder }},
}

// otherList says which list the service uses, where it is another one than that in the file.
func (s listedService) otherList() string {
	i := slices.IndexFunc(s.Overridden, func(o override) bool { return o.Setting == tentacleconfig.KeyTrustedServers })
	switch {
	case i >= 0:
		return ", with the list in " + s.Overridden[i].Variable + " instead of this one"
	case s.RestartPending:
		return ", with the list as it was before the last change"
	}
	return ""
}

func (l serverList) print(c *console) {
	c.printf("Instance:      %s\n", cmp.Or(l.Instance, noInstance))
	c.printf("Configuration: %s\n", l.Configuration)
	missing := "(no certificate yet)"
	if l.unreadable {
		missing = "(unknown)"
	}
	c.printf("Thumbprint:    %s\n", cmp.Or(l.Thumbprint, missing))
	if l.Service.Name == "" {
		c.printf("Service:       none: a Kubernetes agent, in its container\n\n")
	} else {
		c.printf("Service:       %s, %s%s\n\n", l.Service.Name, l.Service.State, l.Service.otherList())
	}
	if len(l.Servers) == 0 {
		c.printf("This Tentacle trusts no Octopus Server yet.\n")
		return
	}
	printTable(c, serverColumns, l.Servers)
	for _, r := range l.renewals {
		r.print(c)
	}
	switch {
	case l.polls:
	case l.listens:
		c.printf("\nIt polls none of them: it listens, and high availability needs no further setup.\n")
	default:
		c.printf("\nIt polls none of them and does not listen (%s): it gets no work.\n", tentacleconfig.KeyNoListen)
	}
}
