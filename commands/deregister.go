package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// deregisterOptions are what deregister-from and deregister-worker can be told:
// they differ in nothing but in what they delete.
type deregisterOptions struct {
	tentacle    tentacleOptions
	api         apiOptions
	change      changeOptions
	kind        octoapi.Kind
	space       string
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
		Description: fmt.Sprintf(`Deletes what is registered under this Tentacle's thumbprint. The server stays
trusted, and polled, unless --remove-trust is given, too.

  octo-tentacle %s --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle %[1]s --server=https://octopus.example.com --apikey-file=key.txt \
    --remove-trust`, name),
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "space", Category: theRegistration, Destination: &o.space,
				Usage: "`NAME`, slug or Id of the space; left out: the default space ($OCTOPUS_SPACE)"},
			&cli.BoolFlag{Name: "multiple", Aliases: []string{"m"}, Category: theRegistration, Destination: &o.multiple, DisableDefaultText: true,
				Usage: "delete all of them when there are several"},
			&cli.BoolFlag{Name: "remove-trust", Category: theRegistration, Destination: &o.removeTrust, DisableDefaultText: true,
				Usage: "afterwards, trust and poll this cluster no longer"},
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
	r := newReport(t)
	r.DryRun = o.change.dryRun
	space, machines, err := o.ask(asking, client, own)
	switch {
	case err == nil:
		r.Thumbprint, err = o.thumbprint(asking, client)
	case o.removeTrust && errors.As(err, new(notRegisteredError)):
		err = o.stillTrusted(asking, client, t, err)
	}
	if err != nil {
		return timedOut(err, o.api)
	}

	remove := func() error { return o.remove(asking, r, space, machines) }
	if o.removeTrust {
		err = o.distrust(ctx, c, t, r, remove)
	} else {
		err = remove()
		r.difference.Unchanged = t.servers
		r.setService(lookAtService(ctx, t.service))
	}
	if err != nil {
		return timedOut(err, o.api)
	}
	r.Server = client.URL()
	return r.print(c, o.change)
}

func (o *deregisterOptions) read(c *console) error {
	check := o.change.check
	if !o.removeTrust {
		check = o.change.checkUnchanging
	}
	if err := errors.Join(o.tentacle.check(), check()); err != nil {
		return err
	}
	o.space = cmp.Or(o.space, os.Getenv("OCTOPUS_SPACE"))
	return o.api.check(c)
}

// ask finds what is to be deleted, and refuses where that is not clear.
func (o *deregisterOptions) ask(ctx context.Context, client *octoapi.Client, own string) (*octoapi.Space, []octoapi.Machine, error) {
	space, err := client.Space(ctx, o.space)
	if err != nil {
		return nil, nil, err
	}
	machines, err := space.Machines(o.kind).ByThumbprint(ctx, own)
	switch {
	case err != nil:
		return nil, nil, err
	case len(machines) == 0:
		return nil, nil, notRegisteredError(fmt.Sprintf("space %s has no %s with this Tentacle's thumbprint %s\n"+
			"it may be registered in another space (--space), or not at all", space.Name, o.kind, own))
	case len(machines) > 1 && !o.multiple:
		names := make([]string, len(machines))
		for i, machine := range machines {
			names[i] = fmt.Sprintf("%s (%s)", machine.Name, machine.ID)
		}
		return nil, nil, fmt.Errorf("space %s has %d %ss with this Tentacle's thumbprint: %s\n"+
			"to delete all of them, give --multiple", space.Name, len(machines), o.kind, strings.Join(names, ", "))
	}
	return space, machines, nil
}

// notRegisteredError is the text of the error that there is nothing to delete.
type notRegisteredError string

func (e notRegisteredError) Error() string { return string(e) }

// stillTrusted adds to an error that nothing is registered how to finish what
// was interrupted between deleting and saving.
func (o *deregisterOptions) stillTrusted(ctx context.Context, client *octoapi.Client, t *tentacle, err error) error {
	thumbprint, unknown := o.thumbprint(ctx, client)
	if unknown != nil || !containsThumbprint(distinctThumbprints(t.servers), thumbprint) {
		return err
	}
	return fmt.Errorf("%w\n%s", err, o.distrustHint(t, thumbprint))
}

func (o *deregisterOptions) distrustHint(t *tentacle, thumbprint string) string {
	return "to trust the cluster no longer: " + commandFor(t.instance, t.service, runtime.GOOS, "configure", "--remove-trust="+thumbprint)
}

// thumbprint is the cluster's; where the trust in it stays, not to know it is no
// reason to fail.
func (o *deregisterOptions) thumbprint(ctx context.Context, client *octoapi.Client) (string, error) {
	thumbprint, err := client.Thumbprint(ctx)
	if err != nil && !o.removeTrust {
		return "", nil
	}
	return thumbprint, err
}

// remove deletes the machines, one after the other, and notes which.
func (o *deregisterOptions) remove(ctx context.Context, r *report, space *octoapi.Space, machines []octoapi.Machine) error {
	for _, machine := range machines {
		if !o.change.dryRun {
			if err := space.Machines(o.kind).Delete(ctx, machine); err != nil {
				outcome := "was not deleted"
				if errors.Is(err, octoapi.ErrUnsure) {
					outcome = "may be deleted"
				}
				err = fmt.Errorf("%s (%s) in space %s %s: %w", machine.Name, machine.ID, space.Name, outcome, err)
				return r.afterDeleting(err, "to delete the rest, run the same command again")
			}
		}
		r.Deleted = append(r.Deleted, machineEntry{ID: machine.ID, Name: machine.Name, Space: space.Name})
	}
	return nil
}

// distrust drops every entry of the cluster, and has deleted what is registered
// when it is sure that the file can be saved.
func (o *deregisterOptions) distrust(ctx context.Context, c *console, t *tentacle, r *report, remove func() error) error {
	drop := func(now []tentacleconfig.TrustedServer) ([]tentacleconfig.TrustedServer, error) {
		return tentacleconfig.Without(now, func(s tentacleconfig.TrustedServer) bool { return sameThumbprint(s.Thumbprint, r.Thumbprint) }), nil
	}
	err := apply(ctx, c, t, o.change, change{servers: drop, before: remove}, r)
	if err == nil && len(r.Deleted) == 0 {
		err = remove() // a dry run, or nothing to drop
	}
	switch {
	case r.Changed:
		return r.afterDeleting(err, "")
	case errors.As(err, new(unfinishedError)):
		return err // what is outstanding says so itself
	}
	return r.afterDeleting(err, o.distrustHint(t, r.Thumbprint))
}

// afterDeleting is a failure that came when something was deleted already.
func (r *report) afterDeleting(err error, finish string) error {
	if err == nil || len(r.Deleted) == 0 || r.DryRun {
		return err
	}
	names := make([]string, len(r.Deleted))
	for i, deleted := range r.Deleted {
		names[i] = fmt.Sprintf("%s (%s)", deleted.Name, deleted.ID)
	}
	return unfinishedError{done: strings.TrimSuffix("deleted: "+strings.Join(names, ", ")+"\n"+finish, "\n"), cause: err}
}
