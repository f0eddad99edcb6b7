package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/urfave/cli/v2"
)

// deregisterOptions are what deregister-from and deregister-worker can be told:
// they differ in nothing but in what they delete.
type deregisterOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	worker   bool
	space    string
	multiple bool
	dryRun   bool
	format   string
}

func deregisterFromCommand(c *console) *cli.Command {
	return deregisterCommand(c, "deregister-from", "deployment target", false)
}

func deregisterWorkerCommand(c *console) *cli.Command {
	return deregisterCommand(c, "deregister-worker", "worker", true)
}

func deregisterCommand(c *console, name, noun string, worker bool) *cli.Command {
	o := deregisterOptions{worker: worker}
	return &cli.Command{
		Name:     name,
		Category: "Registration",
		Usage:    "delete this Tentacle's " + noun + " from the Octopus Server",
		Description: fmt.Sprintf(`Deletes what is registered under this Tentacle's thumbprint. The server stays
trusted, and polled: configure --remove-trust ends that.

  octo-tentacle %s --server=https://octopus.example.com --apikey-file=key.txt`, name),
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "space", Category: theRegistration, Destination: &o.space,
				Usage: "`NAME`, slug or Id of the space; left out: the default space ($OCTOPUS_SPACE)"},
			&cli.BoolFlag{Name: "multiple", Aliases: []string{"m"}, Category: theRegistration, Destination: &o.multiple, DisableDefaultText: true,
				Usage: "delete all of them when there are several"},
		}, o.api.flags(), o.tentacle.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
				Usage: "show what would be deleted, but delete nothing"},
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error { return deregister(ctx.Context, c, o) },
	}
}

// deregistration is what was deleted: the JSON, and what the text is made from.
type deregistration struct {
	Instance      string         `json:"instance"`
	Configuration string         `json:"configuration"`
	Server        string         `json:"server"`
	Thumbprint    string         `json:"thumbprint"` // the Tentacle's own
	DryRun        bool           `json:"dryRun"`
	Deleted       []machineEntry `json:"deleted"` // in a dry run: would be
}

func deregister(ctx context.Context, c *console, o deregisterOptions) error {
	ctx = interruptible(ctx)
	if err := o.read(c); err != nil {
		return err
	}

	t, err := lookAt(o.tentacle)
	if err != nil {
		return err
	}
	own, err := t.document.Thumbprint()
	if err != nil {
		return err
	}

	asking, cancel := context.WithTimeout(ctx, o.api.timeout)
	defer cancel()
	proxy, err := t.document.PollingProxy()
	if err != nil {
		return err
	}
	client, err := connect(c, o.api, proxy)
	if err != nil {
		return err
	}
	c.progress("asking " + client.URL())
	space, machines, err := o.ask(asking, client, own)
	if err != nil {
		return timedOut(err, o.api)
	}

	d := deregistration{
		Instance: t.instance.Name, Configuration: t.instance.ConfigPath,
		Server: client.URL(), Thumbprint: own, DryRun: o.dryRun,
	}
	for _, machine := range machines {
		if !o.dryRun {
			if err := o.remove(asking, space, machine); err != nil {
				return d.unfinished(space, machine, timedOut(err, o.api))
			}
		}
		d.Deleted = append(d.Deleted, machineEntry{ID: machine.ID, Name: machine.Name, Space: space.Name})
	}
	return d.print(ctx, c, t, o)
}

func (o *deregisterOptions) read(c *console) error {
	if err := errors.Join(o.tentacle.check(), checkFormat(&o.format)); err != nil {
		return err
	}
	o.space = firstNonEmpty(o.space, os.Getenv("OCTOPUS_SPACE"))
	return o.api.check(c)
}

func (o *deregisterOptions) noun() string {
	if o.worker {
		return "worker"
	}
	return "deployment target"
}

// ask finds what is to be deleted, and refuses where that is not clear.
func (o *deregisterOptions) ask(ctx context.Context, client *octoapi.Client, own string) (*octoapi.Space, []octoapi.Machine, error) {
	space, err := client.Space(ctx, o.space)
	if err != nil {
		return nil, nil, err
	}
	find := space.MachinesByThumbprint
	if o.worker {
		find = space.WorkersByThumbprint
	}
	machines, err := find(ctx, own)
	switch {
	case err != nil:
		return nil, nil, err
	case len(machines) == 0:
		return nil, nil, fmt.Errorf("space %s has no %s with this Tentacle's thumbprint %s\n"+
			"it may be registered in another space (--space), or not at all", space.Name, o.noun(), own)
	case len(machines) > 1 && !o.multiple:
		names := make([]string, len(machines))
		for i, machine := range machines {
			names[i] = fmt.Sprintf("%s (%s)", machine.Name, machine.ID)
		}
		return nil, nil, fmt.Errorf("space %s has %d %ss with this Tentacle's thumbprint: %s\n"+
			"to delete all of them, give --multiple", space.Name, len(machines), o.noun(), strings.Join(names, ", "))
	}
	return space, machines, nil
}

func (o *deregisterOptions) remove(ctx context.Context, space *octoapi.Space, machine octoapi.Machine) error {
	if o.worker {
		return space.DeleteWorker(ctx, machine)
	}
	return space.DeleteMachine(ctx, machine)
}

// unfinished says what had been deleted when the next could not be.
func (d deregistration) unfinished(space *octoapi.Space, machine octoapi.Machine, err error) error {
	err = fmt.Errorf("%s (%s) in space %s was not deleted: %w", machine.Name, machine.ID, space.Name, err)
	if len(d.Deleted) == 0 {
		return err
	}
	names := make([]string, len(d.Deleted))
	for i, deleted := range d.Deleted {
		names[i] = fmt.Sprintf("%s (%s)", deleted.Name, deleted.ID)
	}
	return unfinishedError{done: "deleted: " + strings.Join(names, ", ") + "\nto delete the rest, run the same command again", cause: err}
}

func (d deregistration) print(ctx context.Context, c *console, t *tentacle, o deregisterOptions) error {
	if o.format == "json" {
		return c.printJSON(d)
	}
	done := "was deleted"
	if d.DryRun {
		done = "would be deleted"
	}
	for _, deleted := range d.Deleted {
		c.printf("%s (%s) in space %s %s.\n", deleted.Name, deleted.ID, deleted.Space, done)
	}
	if d.DryRun {
		c.printf("Dry run: nothing was changed.\n")
		return nil
	}
	c.printf("The Octopus Server is still trusted: configure --remove-trust=THUMBPRINT ends that.\n")
	if status, err := lookAtService(ctx, t.service); err == nil && status.State == service.Running && polling(t.servers) {
		c.printf("The Tentacle runs, and goes on polling it.\n")
	}
	return nil
}
