package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"
)

// generalizeOptions are those of generalize.
type generalizeOptions struct {
	tentacle tentacleOptions
	api      apiOptions
	outcome  outcomeOptions
	force    bool

	asksAPI bool
}

func generalizeCommand(c *console) *cli.Command {
	var o generalizeOptions
	return &cli.Command{
		Name:     "generalize",
		Category: "Instances and certificates",
		Usage:    "remove this Tentacle's identity, to make an image",
		Description: `Stops and disables the service. Then removes the certificate, all trusted servers
with their subscriptions, passwords, the backups of the configuration, and the key of
this machine unless another instance needs it. Folders, ports and proxies are kept.
Each machine made from the image needs a certificate and a registration of its own.

Refuses while the Tentacle is registered. With the address of the Octopus Server and
credentials, asks the server; otherwise, a Tentacle that trusts a server counts as
registered.

  octo-tentacle generalize --instance=Tentacle
  octo-tentacle generalize --instance=Tentacle --dry-run \
    --server=https://octopus.example.com --apikey-file=key.txt`,
		Flags: allFlags([]cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Category: theRegistration, Destination: &o.force, DisableDefaultText: true,
				Usage: "do it even if this Tentacle is registered, without asking the server"},
		}, o.api.flags(), o.tentacle.flags(), o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return generalize(ctx.Context, c, o) },
	}
}

func generalize(ctx context.Context, c *console, o generalizeOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	// A backup would keep the key, and the service must not start again.
	co := changeOptions{outcomeOptions: o.outcome, noBackup: true, noRestart: true}
	return changeTentacle(ctx, c, o.tentacle, co, func(t *tentacle, out *outcome) (change, error) {
		if !isKeptInFile(t.instance) {
			return change{}, fmt.Errorf("%s is kept in %s: an image has no part of it", t.instance.Name, t.instance.ConfigPath)
		}
		g := &generalizing{options: o, console: c, tentacle: t, out: out}
		out.Actions, out.DeletedFiles = []service.Action{}, []string{} // empty lists are [], not null
		if err := errors.Join(g.lookAtService(ctx), g.lookAtFiles(ctx)); err != nil {
			return change{}, err
		}
		if err := g.refuseRegistered(ctx); err != nil {
			return change{}, err
		}
		return change{
			servers: func([]tentacleconfig.TrustedServer) (decision, error) { return decision{}, nil },
			settings: func(document *tentacleconfig.Document) error {
				document.RemoveIdentity()
				return nil
			},
			settingsAbout: slices.Concat(certificateSettings, []string{tentacleconfig.KeyTrustedServers}),
			before:        func(decision) error { return g.stopService(ctx) },
			failed:        g.failed,
			applied:       g.report,
			after:         func() error { return g.deleteFiles(ctx) },
		}, nil
	})
}

func (o *generalizeOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.outcome.complete()); err != nil {
		return err
	}
	if o.force {
		return nil
	}
	var err error
	o.asksAPI, err = o.api.completeIfGiven(c)
	return err
}

// generalizing is a Tentacle on its way to having no identity. If it is interrupted, the Tentacle
// still has its old configuration, with the service stopped, or it has the new one, and a second
// run deletes the rest.
type generalizing struct {
	options  generalizeOptions
	console  *console
	tentacle *tentacle
	out      *outcome

	target serviceTarget
	steps  []service.Step // that do something to the service
	files  tentacleconfig.IdentityFiles
}

// lookAtService plans what to do to the service, and refuses what cannot be done to it: a Tentacle
// that starts without a certificate makes one, which every copy would then have (RunAgentCommand.cs
// of OctopusTentacle).
func (g *generalizing) lookAtService(ctx context.Context) error {
	name := g.tentacle.service
	found, err := service.Installed(ctx, name)
	if errors.Is(err, service.ErrUnmanaged) {
		return nil
	}
	if err != nil {
		return err
	}
	if ownService(found.Status, g.options.tentacle.service != "").State == service.Foreign {
		return nil
	}
	g.target = serviceTarget{instance: g.tentacle.instance, found: found}
	plan, err := service.MakePlan(service.Request{Stop: true, Disable: true}, found, "", runtime.GOOS)
	if err != nil {
		return err
	}
	for _, step := range plan.Steps {
		if step.Action != "" {
			g.steps = append(g.steps, step)
		}
	}
	if len(g.steps) == 0 || g.options.outcome.dryRun {
		return nil
	}
	if err := service.CheckRights(name, plan.Actions()...); err != nil {
		return hint.With(err, "without these rights, use --dry-run to see what would change")
	}
	return g.refuseBusy(ctx, name)
}

// refuseBusy refuses to kill the scripts of a deployment, of which this process may be one.
func (g *generalizing) refuseBusy(ctx context.Context, name string) error {
	inside, err := service.StartedByService(ctx, name)
	if err != nil {
		return err
	}
	if inside {
		return fmt.Errorf("this is a script of service %s, which has to be stopped: run it outside of the Tentacle", name)
	}
	running, err := service.Processes(ctx, name)
	if err == nil && len(running) > 0 {
		err = hint.With(busyError{service: name, running: running},
			"wait for the deployment to end, or stop the service: "+g.tentacle.suggest().Command("service", "--stop"))
	}
	return err
}

func (g *generalizing) lookAtFiles(ctx context.Context) (err error) {
	home, _ := os.UserHomeDir() // Tentacle's other commands may have run as this user
	g.files, err = tentacleconfig.IdentityFilesOf(g.tentacle.instance.ConfigPath, service.HomeFolder(ctx, g.tentacle.service), home)
	return err
}

// stopService runs when only the replacement of the file remains. The copies of the certificate are
// deleted now, because afterwards nothing says which they are.
func (g *generalizing) stopService(ctx context.Context) error {
	defer g.console.endProgress()
	for _, step := range g.steps {
		if err := g.target.do(ctx, g.console, step.Action); err != nil {
			return err
		}
		g.note(step)
	}
	return g.delete(g.files.Copies)
}

func (g *generalizing) note(step service.Step) {
	was := "was"
	if g.options.outcome.dryRun {
		was = "would be"
	}
	g.out.Actions = append(g.out.Actions, step.Action)
	g.out.done = append(g.out.done, fmt.Sprintf("service %s %s %s", g.tentacle.service, was, step.Note))
}

func (g *generalizing) delete(files []string) error {
	deleted, err := tentacleconfig.DeleteFiles(files)
	g.out.DeletedFiles = append(g.out.DeletedFiles, deleted...)
	return err
}

// failed adds to an error what was done to the service before.
func (g *generalizing) failed(err error) error {
	if len(g.out.done) == 0 {
		return err
	}
	return unfinishedError{done: strings.Join(g.out.done, "; "), cause: err, finish: "run the same command again"}
}

// report completes the outcome of a dry run, and warns of what stays.
func (g *generalizing) report() {
	out := g.out
	kept := "was kept"
	if out.DryRun {
		kept = "would be kept"
		for _, step := range g.steps {
			g.note(step)
		}
		out.DeletedFiles = append(append(out.DeletedFiles, g.files.Copies...), g.files.Rest...)
	}
	for _, key := range g.files.Kept {
		g.console.warnOf(hint.Errorf("generalize that instance, too",
			"the key of this machine, %s, %s: secrets of the instance %s are encrypted with it", key.Path, kept, key.Instance.Name))
	}
	const creates = "make sure that this Tentacle does not run, because it creates a certificate when it starts without one"
	switch changes := out.saved || len(g.files.Rest) > 0; {
	case changes && out.Service.State == service.Unmanaged:
		g.console.warn("no service manager runs here: " + creates)
	case changes && out.Service.State == service.Foreign:
		g.console.warn("service %s is not this Tentacle's and was left alone: "+creates, out.Service.Name)
	}
}

// deleteFiles deletes what is beside the configuration, which is saved by now. Meanwhile, another
// octo-tentacle may have kept another backup.
func (g *generalizing) deleteFiles(ctx context.Context) error {
	err := g.lookAtFiles(ctx)
	if err == nil {
		err = g.delete(g.files.Rest)
	}
	if err != nil {
		return unfinishedError{
			done:   g.tentacle.instance.ConfigPath + " has no certificate and no trusted server any more, but not every file beside it was deleted",
			cause:  err,
			finish: "run the same command again",
		}
	}
	return nil
}

// refuseRegistered refuses to cut a registered Tentacle off from its server.
func (g *generalizing) refuseRegistered(ctx context.Context) error {
	own, err := g.tentacle.document.Thumbprint()
	switch {
	case g.options.force:
		return nil
	case !g.options.asksAPI || err != nil: // without its thumbprint, the server cannot be asked
		return g.refuseTrust("")
	}
	server, err := g.tentacle.connect(g.console, g.options.api)
	if err != nil {
		return err
	}
	g.console.progress(askingText(server.URL(), 0))
	defer g.console.endProgress()
	var cluster string
	var found []octoapi.Registration
	var unread *octoapi.UnreadError
	err = server.within(ctx, func(ctx context.Context) error {
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() (err error) { cluster, err = server.Thumbprint(ctx); return err })
		both.Go(func() (err error) { found, unread, err = server.Registrations(ctx, own); return err })
		return both.Wait()
	})
	if err != nil {
		return err
	}
	g.out.Server = server.URL()
	switch {
	case len(found) > 0:
		return g.refuseFound(found, cluster)
	case unread != nil && !unread.Forbidden():
		return hint.With(fmt.Errorf("it is not known whether this Tentacle is registered: %w", unread), forceHint)
	case unread != nil && thumbprint.Contains(tentacleconfig.Thumbprints(g.tentacle.servers), cluster):
		return hint.With(errors.New("it is not known whether this Tentacle is registered: the account may not see all deployment targets and workers"),
			"use an account with the permissions MachineView and WorkerView in all spaces", forceHint)
	}
	return g.refuseTrust(cluster)
}

const forceHint = "or use --force: what is registered stays on the server, and gets no more work"

// refuseFound refuses because of registrations with this Tentacle's certificate, and says how to
// delete its own. Machines can share a certificate on purpose: where nothing tells which of several
// is this Tentacle's, no command that deletes one is shown.
func (g *generalizing) refuseFound(found []octoapi.Registration, cluster string) error {
	subscriptions := polledWith(g.tentacle.servers, cluster)
	own, _ := octoapi.Own(found, subscriptions)
	err := fmt.Errorf("this Tentacle is registered: %s", registrationTexts(own))
	if len(own) > 1 && !own[0].PolledWith(subscriptions) {
		return hint.With(err, "machines can share a certificate: if one of these is this Tentacle's, delete it first with deregister-from or deregister-worker, and --name", forceHint)
	}
	var commands []string
	for _, one := range own {
		options := append(g.options.api.suggestedOptions(), "--space="+one.Space.ID, "--name="+one.Machine.Name)
		commands = append(commands, g.tentacle.suggest().Command(suggest.Deregister(one.Kind), options...))
	}
	commands[len(commands)-1] += " --remove-trust"
	return hint.With(err, "deregister it first: "+strings.Join(commands, " && "), forceHint)
}

// refuseTrust refuses where this machine alone shows that the Tentacle may be registered with
// another server than the one that was asked ("" for none).
func (g *generalizing) refuseTrust(asked string) error {
	why := g.trustedBut(asked)
	if why == "" && asked == "" && g.tentacle.isRegistered() {
		why = "its configuration says so"
	}
	if why == "" {
		return nil
	}
	ask := "if it is not registered, give the address of that server and credentials, so that it can be asked"
	if g.options.asksAPI && asked == "" {
		ask = "without a certificate, it is not known by which thumbprint to ask the server"
	}
	return hint.With(errors.New("this Tentacle may be registered: "+why),
		"deregister it first: "+g.tentacle.suggest().Command("deregister-from", "--remove-trust", "--server=URL", "--apikey-file=FILE"),
		ask, forceHint)
}

// trustedBut names a trusted server other than the one asked, preferably one that is polled; "" for
// none.
func (g *generalizing) trustedBut(asked string) (trusted string) {
	for _, server := range g.tentacle.servers {
		switch {
		case asked != "" && thumbprint.Same(server.Thumbprint, asked):
		case server.Polls():
			return "it polls " + server.Address
		case trusted == "":
			trusted = "it trusts the Octopus Server with thumbprint " + server.Thumbprint
		}
	}
	return trusted
}
