package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
)

// deregisterOptions are those of deregister-from and deregister-worker, which differ only in what
// they delete.
type deregisterOptions struct {
	tentacle    tentacleOptions
	api         apiOptions
	change      changeOptions
	kind        octoapi.Kind
	space       spaceOption
	multiple    bool
	removeTrust bool
}

func deregisterFromCommand(c *console) *cli.Command {
	return deregisterCommand(c, "deregister-from", octoapi.Target)
}

func deregisterWorkerCommand(c *console) *cli.Command {
	return deregisterCommand(c, "deregister-worker", octoapi.Worker)
}

func deregisterCommand(c *console, name string, kind octoapi.Kind) *cli.Command {
	o := deregisterOptions{kind: kind}
	return &cli.Command{
		Name:     name,
		Category: "Registration",
		Usage:    "delete this Tentacle's " + kind.String() + " from the Octopus Server",
		Description: fmt.Sprintf(`Deletes the registration that has this Tentacle's thumbprint. The server is still
trusted and polled afterwards, unless --remove-trust is given.

  octo-tentacle %s --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle %[1]s --server=https://octopus.example.com --apikey-file=key.txt \
    --remove-trust`, name),
		Flags: allFlags(o.space.flags(theRegistration), []cli.Flag{
			&cli.BoolFlag{Name: "multiple", Aliases: []string{"m"}, Category: theRegistration, Destination: &o.multiple, DisableDefaultText: true,
				Usage: "delete all registrations if there are several"},
			&cli.BoolFlag{Name: "remove-trust", Category: theRegistration, Destination: &o.removeTrust, DisableDefaultText: true,
				Usage: "also stop trusting and polling this cluster"},
		}, o.api.flags(), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error {
			if err := refuseEmpty(ctx, "instance", "config"); err != nil {
				return err
			}
			return deregister(ctx.Context, c, o)
		},
	}
}

func deregister(ctx context.Context, c *console, o deregisterOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	return changeTentacle(ctx, c, o.tentacle, o.change, func(t *tentacle, out *outcome) (change, error) {
		own, err := t.document.Thumbprint()
		if err != nil {
			return change{}, err
		}
		d := &deregistering{options: o, tentacle: t, own: own, out: out}
		if d.server, err = t.connect(c, o.api); err != nil {
			return change{}, err
		}
		c.progress(askingText(d.server.URL(), 0))
		if err := d.server.within(ctx, d.ask); err != nil {
			return change{}, err
		}
		out.Server = d.server.URL()
		return d.change(ctx), nil
	})
}

func (o *deregisterOptions) complete(c *console) error {
	change := o.change.completeUnchanging()
	if o.removeTrust {
		change = o.change.complete(c)
	}
	if err := errors.Join(o.tentacle.complete(), change); err != nil {
		return err
	}
	o.space.complete()
	return o.api.complete(c)
}

// deregistering is what will be deleted, known after asking the server.
type deregistering struct {
	options  deregisterOptions
	tentacle *tentacle
	own      string // the Tentacle's thumbprint
	server   *connection
	out      *outcome

	space      *octoapi.Space
	machines   []octoapi.Machine
	thumbprint string // the cluster's; "" when it is not known and not needed
}

// ask finds what to delete, and refuses an ambiguous request.
func (d *deregistering) ask(ctx context.Context) error {
	var unknown, err error
	var both errgroup.Group
	both.Go(func() error { err = d.askMachines(ctx); return nil })
	both.Go(func() error { d.thumbprint, unknown = d.server.Thumbprint(ctx); return nil })
	_ = both.Wait()
	switch {
	case errors.As(err, new(notRegisteredError)) && unknown == nil && d.options.removeTrust &&
		thumbprint.Contains(tentacleconfig.Thumbprints(d.tentacle.servers), d.thumbprint):
		return hint.With(err, d.distrustHint()) // it was interrupted between deleting and saving
	case err != nil:
		return err
	case d.options.removeTrust:
		return unknown
	}
	return nil
}

func (d *deregistering) askMachines(ctx context.Context) (err error) {
	o := &d.options
	if d.space, err = d.server.Space(ctx, o.space.space); err != nil {
		return err
	}
	d.machines, err = d.space.Machines(o.kind).ByThumbprint(ctx, d.own)
	switch {
	case err != nil:
		return err
	case len(d.machines) == 0:
		return notRegisteredError{d.space.Name, o.kind, d.own}
	case len(d.machines) > 1 && !o.multiple:
		names := make([]string, len(d.machines))
		for i, machine := range d.machines {
			names[i] = fmt.Sprintf("%s (%s)", machine.Name, machine.ID)
		}
		return hint.Errorf("to delete all of them, add --multiple",
			"space %s has %d %ss with this Tentacle's thumbprint: %s", d.space.Name, len(d.machines), o.kind, strings.Join(names, ", "))
	}
	return nil
}

// notRegisteredError says that there is no registration to delete.
type notRegisteredError struct {
	space      string
	kind       octoapi.Kind
	thumbprint string
}

func (e notRegisteredError) Error() string {
	return fmt.Sprintf("space %s has no %s with this Tentacle's thumbprint %s", e.space, e.kind, e.thumbprint)
}

// Hints name what else may be the case.
func (notRegisteredError) Hints() []string {
	return []string{"it may be registered in another space (--space), or not at all"}
}

// change deletes the registrations. With --remove-trust, it does so only once the file without the
// cluster's entries is ready to be saved.
func (d *deregistering) change(ctx context.Context) change {
	ch := nothing(d.thumbprint)
	if d.options.removeTrust {
		ch.servers = func(now []tentacleconfig.TrustedServer) (decision, error) {
			ofCluster := func(s tentacleconfig.TrustedServer) bool { return thumbprint.Same(s.Thumbprint, d.thumbprint) }
			return decision{servers: tentacleconfig.Without(now, ofCluster), thumbprint: d.thumbprint}, nil
		}
	}
	if d.options.change.dryRun {
		for _, machine := range d.machines {
			d.noteDeleted(machine)
		}
	}
	ch.before = func(decision) error { return d.server.within(ctx, d.deleteAll) }
	ch.failed = d.failed
	return ch
}

// deleteAll deletes one after the other, and notes which.
func (d *deregistering) deleteAll(ctx context.Context) error {
	for _, machine := range d.machines {
		if err := d.space.Machines(d.options.kind).Delete(ctx, machine); err != nil {
			result := "was not deleted"
			if errors.Is(err, octoapi.ErrOutcomeUnknown) {
				result = "may have been deleted"
			}
			return deletingError{fmt.Errorf("%s (%s) in space %s %s: %w", machine.Name, machine.ID, d.space.Name, result, err)}
		}
		d.noteDeleted(machine)
	}
	return nil
}

// deletingError is a deletion that failed.
type deletingError struct{ error }

func (e deletingError) Unwrap() error { return e.error }

func (d *deregistering) noteDeleted(machine octoapi.Machine) {
	d.out.Deleted = append(d.out.Deleted, newRegistrationChange(actionDeleted, d.options.kind, machine, d.space.Name))
}

// failed adds to an error what had already been deleted.
func (d *deregistering) failed(err error) error {
	if len(d.out.Deleted) == 0 || d.out.DryRun {
		return err
	}
	names := make([]string, len(d.out.Deleted))
	for i, deleted := range d.out.Deleted {
		names[i] = fmt.Sprintf("%s (%s)", deleted.Name, deleted.ID)
	}
	unfinished := unfinishedError{done: "deleted: " + strings.Join(names, ", "), cause: err}
	switch {
	case errors.As(err, new(deletingError)):
		unfinished.finish = "run the same command again to delete the rest"
	case d.options.removeTrust && !d.out.saved && !errors.As(err, new(unfinishedError)):
		return hint.With(unfinished, d.distrustHint())
	}
	return unfinished
}

func (d *deregistering) distrustHint() string {
	return "to stop trusting the cluster: " + d.tentacle.suggest().Command("configure", "--remove-trust="+d.thumbprint)
}
