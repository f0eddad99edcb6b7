package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
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
	allSpaces   bool
	name        string
	multiple    bool
	removeTrust bool
}

func deregisterFromCommand(c *console) *cli.Command {
	return deregisterCommand(c, octoapi.Target)
}

func deregisterWorkerCommand(c *console) *cli.Command {
	return deregisterCommand(c, octoapi.Worker)
}

func deregisterCommand(c *console, kind octoapi.Kind) *cli.Command {
	o := deregisterOptions{kind: kind}
	return &cli.Command{
		Name:     suggest.Deregister(kind),
		Category: "Registration",
		Usage:    "delete this Tentacle's " + kind.String() + " in Octopus",
		Description: fmt.Sprintf(`Deletes the %s that has this Tentacle's thumbprint. Where several have it,
because machines share a certificate, it is the one with the subscription with which
this Tentacle polls; where that does not tell, name it with --name.

The server is still trusted and polled afterwards, unless --remove-trust is given. With
--remove-trust, the command can be repeated: it succeeds if nothing is left to do.

In the container of a Kubernetes agent, it also removes the setting that the agent is
registered. A chart whose values say how then registers it again at its next start.

  octo-tentacle %s --server=https://octopus.example.com \
    --apikey-file=key.txt
  octo-tentacle %[2]s --server=https://octopus.example.com \
    --apikey-file=key.txt --all-spaces --remove-trust`, kind, suggest.Deregister(kind)),
		Flags: allFlags(o.space.flags(theRegistration), []cli.Flag{
			&cli.BoolFlag{Name: "all-spaces", Category: theRegistration, Destination: &o.allSpaces, DisableDefaultText: true,
				Usage: "delete it in every space that the account may use"},
			&cli.StringFlag{Name: "name", Category: theRegistration, Destination: &o.name,
				Usage: "delete the " + kind.String() + " with this `NAME`, if several have this Tentacle's thumbprint"},
			&cli.BoolFlag{Name: "multiple", Aliases: []string{"m"}, Category: theRegistration, Destination: &o.multiple, DisableDefaultText: true,
				Usage: "delete every " + kind.String() + " with this Tentacle's thumbprint, also of machines that share its certificate"},
			&cli.BoolFlag{Name: "remove-trust", Category: theRegistration, Destination: &o.removeTrust, DisableDefaultText: true,
				Usage: "also stop trusting and polling this cluster; refused while this Tentacle is still registered there as something else"},
		}, o.api.flags(), o.tentacle.flags(), o.change.flags()),
		Action: func(ctx *cli.Context) error { return deregister(ctx.Context, c, o) },
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
		if err := d.server.within(ctx, d.settle); err != nil {
			return change{}, err
		}
		out.Server = d.server.URL()
		return d.change(ctx), nil
	})
}

func (o *deregisterOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.change.complete(), o.completeChoice()); err != nil {
		return err
	}
	return o.api.complete(c)
}

func (o *deregisterOptions) completeChoice() error {
	switch {
	case o.allSpaces && o.space.space != "":
		return errors.New("--all-spaces cannot be combined with --space: it means every space")
	case o.multiple && o.name != "":
		return errors.New("--multiple cannot be combined with --name: it deletes all, whatever their names")
	case !o.allSpaces:
		o.space.complete()
	}
	return nil
}

// deregistering is what will be deleted, known after asking the server.
type deregistering struct {
	options  deregisterOptions
	tentacle *tentacle
	own      string // the Tentacle's thumbprint
	server   *connection
	out      *outcome

	thumbprint string           // the cluster's; "" when it is not known and not needed
	spaces     []*octoapi.Space // that something may be deleted from
	chosen     []octoapi.Registration

	lastOfAgent bool // nothing is left of an agent, as far as the account may see
}

// settle asks the server, and decides what to delete.
func (d *deregistering) settle(ctx context.Context) error {
	choice, err := d.ask(ctx)
	if err != nil {
		return err
	}
	d.chosen, err = choice.decide()
	if errors.As(err, new(notRegisteredError)) && !choice.asked && d.askEverywhere(ctx, &choice) == nil {
		_, err = choice.decide() // the error says more now
	}
	switch {
	case err != nil:
		return err
	case len(d.chosen) == 0:
		d.out.notRegistered = choice.notRegistered().Error()
	}
	d.lastOfAgent = choice.agent && len(withoutRegistrations(choice.anywhere(), d.chosen)) == 0
	if choice.hidden {
		d.server.console.warn("the account may not see the deployment targets and workers of every space (permissions MachineView and WorkerView): this Tentacle may still be registered there")
	}
	return nil
}

// ask asks for everything at the same time. Where the trust ends, or every space is meant, it looks
// for registrations of either kind in all spaces, else for those of the kind in the space.
func (d *deregistering) ask(ctx context.Context) (deregisterChoice, error) {
	o := &d.options
	choice := deregisterChoice{
		kind: o.kind, everySpace: o.allSpaces, name: o.name, multiple: o.multiple, removeTrust: o.removeTrust,
		own: d.own, suggest: deregisterSuggestion{d.tentacle.suggest(), o.api.suggestedOptions()},
	}
	choice.agent = d.tentacle.isOwnAgent() && d.tentacle.isRegistered()
	var unknown, inSpace, everywhere error
	var all errgroup.Group
	all.Go(func() error { d.thumbprint, unknown = d.server.Thumbprint(ctx); return nil })
	if !o.allSpaces {
		all.Go(func() error { inSpace = d.askSpace(ctx, &choice); return nil })
	}
	if o.allSpaces || o.removeTrust || choice.agent {
		all.Go(func() error { everywhere = d.askEverywhere(ctx, &choice); return nil })
	}
	_ = all.Wait()
	if !o.allSpaces && !o.removeTrust {
		everywhere = nil // it is only good to know
	}
	if !o.removeTrust {
		unknown = nil // it is not needed
	}
	if err := cmp.Or(inSpace, everywhere, unknown); err != nil {
		return choice, err
	}
	choice.trust = d.tentacle.trustIn(d.thumbprint)
	return choice, nil
}

func (d *deregistering) askSpace(ctx context.Context, choice *deregisterChoice) error {
	space, err := d.server.Space(ctx, d.options.space.space)
	if err != nil {
		return err
	}
	machines, err := space.Machines(choice.kind).ByThumbprint(ctx, d.own)
	for _, m := range machines {
		choice.found = append(choice.found, octoapi.Registration{Space: space.Named, Kind: choice.kind, Machine: m})
	}
	choice.space, d.spaces = space.Name, []*octoapi.Space{space}
	return err
}

func (d *deregistering) askEverywhere(ctx context.Context, choice *deregisterChoice) (err error) {
	var unread *octoapi.UnreadError
	choice.everywhere, unread, err = d.server.Registrations(ctx, d.own)
	if err != nil {
		return err
	}
	if choice.hidden = unread != nil; choice.hidden && !unread.Forbidden() {
		return unread // what may be there is not left behind, nor cut off
	}
	choice.asked = true
	if choice.everySpace {
		choice.found = slices.DeleteFunc(slices.Clone(choice.everywhere), func(r octoapi.Registration) bool { return r.Kind != choice.kind })
		d.spaces, err = d.server.Spaces(ctx)
	}
	return err
}

// change deletes the registrations. With --remove-trust, it does so only once the file without the
// cluster's entries is ready to be saved.
func (d *deregistering) change(ctx context.Context) change {
	ch := nothing(d.thumbprint)
	if d.options.removeTrust {
		ch.servers = func(now []tentacleconfig.TrustedServer) (decision, error) {
			cluster := tentacleconfig.ClusterOf(now, d.thumbprint)
			ofCluster := func(s tentacleconfig.TrustedServer) bool { return thumbprint.Contains(cluster, s.Thumbprint) }
			return decision{servers: tentacleconfig.Without(now, ofCluster), thumbprint: d.thumbprint, cluster: cluster}, nil
		}
	}
	if d.lastOfAgent {
		ch.settings = func(document *tentacleconfig.Document) error {
			document.Remove(tentacleconfig.KeyIsRegistered)
			return nil
		}
		d.out.notes = append(d.out.notes, "if the Helm values still say how to register it, the next start of the agent registers it again")
	}
	d.out.Deleted = []registrationChange{} // an empty list is [], not null
	if d.options.change.dryRun {
		for _, r := range d.chosen {
			d.noteDeleted(r)
		}
	}
	d.out.endTrust = d.endTrust()
	ch.before = func(decision) error { return d.server.within(ctx, d.deleteAll) }
	ch.failed = d.failed
	return ch
}

// endTrust is the command that ends the trust that is left. Unlike configure, it refuses to cut off
// another registration of this Tentacle.
func (d *deregistering) endTrust() string {
	options := append(d.options.api.suggestedOptions(), "--remove-trust")
	if d.options.allSpaces {
		options = append(options, "--all-spaces")
	}
	if d.options.space.space != "" {
		options = append(options, "--space="+d.options.space.space)
	}
	return d.tentacle.suggest().Command(suggest.Deregister(d.options.kind), options...)
}

// deletingError is a deletion that failed.
type deletingError struct{ error }

func (e deletingError) Unwrap() error { return e.error }

// deleteAll deletes one after the other, and notes which.
func (d *deregistering) deleteAll(ctx context.Context) error {
	for _, r := range d.chosen {
		if err := d.delete(ctx, r); err != nil {
			result := "was not deleted"
			if errors.Is(err, octoapi.ErrOutcomeUnknown) {
				result = "may have been deleted"
			}
			return deletingError{fmt.Errorf("%s (%s) in space %s %s: %w", r.Machine.Name, r.Machine.ID, r.Space.Name, result, err)}
		}
		d.noteDeleted(r)
	}
	return nil
}

func (d *deregistering) delete(ctx context.Context, r octoapi.Registration) error {
	i := slices.IndexFunc(d.spaces, func(s *octoapi.Space) bool { return s.ID == r.Space.ID })
	return d.spaces[i].Machines(r.Kind).Delete(ctx, r.Machine)
}

func (d *deregistering) noteDeleted(r octoapi.Registration) {
	d.out.Deleted = append(d.out.Deleted, newRegistrationChange(actionDeleted, r.Kind, r.Machine, r.Space.Name))
}

// failed adds to an error what had already been deleted.
func (d *deregistering) failed(err error) error {
	switch {
	case d.out.DryRun:
		return err
	case len(d.out.Deleted) == 0 && errors.Is(err, octoapi.ErrOutcomeUnknown):
		return unfinishedError{done: "nothing else was deleted", cause: err, finish: "run the same command again"}
	case len(d.out.Deleted) == 0:
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
		unfinished.finish = "run the same command again to stop trusting the cluster"
	case d.lastOfAgent && !d.out.saved && !errors.As(err, new(unfinishedError)):
		unfinished.finish = "run the same command again to note that the agent is not registered any more"
	}
	return unfinished
}
