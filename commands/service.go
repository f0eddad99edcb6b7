package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// serviceOptions are what service can be told.
type serviceOptions struct {
	tentacle     tentacleOptions
	wish         serviceWish
	program      string
	username     string
	password     string
	passwordFile string
	dependOn     cli.StringSlice
	outcome      serviceOutcome
}

// serviceOutcome is what service and checkservices have in common.
type serviceOutcome struct {
	dryRun bool
	format string
}

func (o *serviceOutcome) flags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Category: theOutcome, Destination: &o.dryRun, DisableDefaultText: true,
			Usage: "check everything and show what would be done, but do nothing"},
		formatFlag(&o.format),
	}
}

// serviceWish is what is to be done to a service. Several are done in the order
// of the real Tentacle: restart, stop, uninstall, install, reconfigure, start
// (Startup/LinuxServiceConfigurator.cs and WindowsServiceConfigurator.cs).
type serviceWish struct {
	restart, stop, uninstall, install, reconfigure, start bool

	noRestart   bool // leave a service that runs with its old definition
	newPassword bool // Windows keeps the old one to itself: it cannot be compared
	ifInstalled bool // nothing to start is no failure (checkservices)
}

func (w serviceWish) nothing() bool {
	return !(w.restart || w.stop || w.uninstall || w.install || w.reconfigure || w.start)
}

// defines says whether it matters what the service is to be.
func (w serviceWish) defines() bool { return w.install || w.reconfigure }

const (
	theDeed       = "What to do, in this order when several are given"
	theDefinition = "With --install and --reconfigure"
)

func serviceCommand(c *console) *cli.Command {
	var o serviceOptions
	do := func(name string, destination *bool, usage string) cli.Flag {
		return &cli.BoolFlag{Name: name, Category: theDeed, Destination: destination, DisableDefaultText: true, Usage: usage}
	}
	return &cli.Command{
		Name:     "service",
		Category: "Service",
		Usage:    "install, start, stop and configure the Tentacle's service",
		Description: `Drives the service manager of this machine: systemd or, on Windows, the service
control manager. The service runs the real Tentacle. What is done already is not
done again, and is no failure. A definition that differs is shown as a difference
and replaced; one that a person changed, with --reconfigure only.

  octo-tentacle service --install --start
  octo-tentacle service --instance=web --stop --uninstall
  octo-tentacle service --instance="*" --restart
  octo-tentacle service --reconfigure --username=octopus --dry-run`,
		Flags: allFlags([]cli.Flag{
			do("restart", &o.wish.restart, "restart the service"),
			do("stop", &o.wish.stop, "stop the service, and wait until it has stopped"),
			do("uninstall", &o.wish.uninstall, "stop the service and remove it"),
			do("install", &o.wish.install, "install the service, to start with the machine; restarts nothing"),
			do("reconfigure", &o.wish.reconfigure, "install the service in the place of one that differs, and restart it if it runs"),
			do("start", &o.wish.start, "start the service, and wait whether it stays up"),
			&cli.StringFlag{Name: "tentacle", Category: theDefinition, Destination: &o.program,
				Usage: "`FILE` of the real Tentacle's program; left out: where its package puts it, else Tentacle on the PATH"},
			&cli.StringFlag{Name: "username", Aliases: []string{"user"}, Category: theDefinition, Destination: &o.username,
				Usage: "`ACCOUNT` to run as, on Windows DOMAIN\\user; left out: root or LocalSystem ($OCTOPUS_SERVICE_USERNAME)"},
			&cli.StringFlag{Name: "password", Category: theDefinition, Destination: &o.password,
				Usage: "`PASSWORD` of that account, on Windows; safer out of sight: --password-file, or $OCTOPUS_SERVICE_PASSWORD"},
			&cli.StringFlag{Name: "password-file", Category: theDefinition, Destination: &o.passwordFile,
				Usage: "`FILE` that holds the password; - is standard input"},
			&cli.StringSliceFlag{Name: "dependOn", Category: theDefinition, Destination: &o.dependOn,
				Usage: "`SERVICE` that has to start before; several times, or several with commas"},
			&cli.BoolFlag{Name: "no-restart", Category: theDefinition, Destination: &o.wish.noRestart, DisableDefaultText: true,
				Usage: "with --reconfigure, leave a service that runs alone: it has its new definition from its next start on"},
		}, o.tentacle.flags(), o.outcome.flags()),
		Action: func(ctx *cli.Context) error {
			if o.wish.uninstall {
				if err := refuseEmpty(ctx, "instance", "config", "service"); err != nil {
					return err
				}
			}
			return runService(ctx.Context, c, o)
		},
	}
}

func runService(ctx context.Context, c *console, o serviceOptions) error {
	ctx = interruptible(ctx)
	if err := o.read(c); err != nil {
		return err
	}
	if !o.outcome.dryRun {
		if err := service.Ready(); err != nil {
			return err
		}
	}
	all := o.tentacle.instance == "*"
	targets, err := o.targets(ctx, all)
	if err != nil {
		return err
	}
	if o.wish.defines() {
		warnOfAccount(c, targets[0])
	}
	return applyServices(ctx, c, targets, o.wish, o.outcome, all)
}

// warnOfAccount: a new configuration is readable by its owner alone, which is
// root as a rule. The real one's is readable by all.
func warnOfAccount(c *console, t serviceTarget) {
	account, config := t.wanted.Account, t.instance.ConfigPath
	if closed := service.Unreadable(account, config); closed != "" {
		c.warn("the account %s may not read %s (see: ls -ld %s), so the Tentacle cannot start\n"+
			"give it what is the Tentacle's, like: chown -R %s %s", account, config, shellQuote(runtime.GOOS, closed), shellQuote(runtime.GOOS, account), shellQuote(runtime.GOOS, filepath.Dir(config)))
	}
}

// read checks the arguments, and takes from the environment what is not there.
func (o *serviceOptions) read(c *console) (err error) {
	if err := errors.Join(o.tentacle.check(), checkFormat(&o.outcome.format)); err != nil {
		return err
	}
	w := &o.wish
	all := o.tentacle.instance == "*"
	switch {
	case w.nothing():
		return errors.New("what is to be done with the service? Give one or more of --install, --uninstall, --reconfigure, --start, --stop, --restart, like: octo-tentacle service --install --start")
	case all && (w.defines() || w.uninstall):
		return errors.New("--instance=* is for --start, --stop and --restart: name one instance to install, reconfigure or uninstall its service")
	case all && o.tentacle.service != "":
		return errors.New("--instance=* means the services of all instances: leave out --service")
	case w.noRestart && w.restart:
		return errors.New("--restart and --no-restart exclude each other: give one of them")
	}
	if o.password, err = secretOf(c, "password", o.password, o.passwordFile); err != nil {
		return err
	}
	o.username = cmp.Or(o.username, os.Getenv("OCTOPUS_SERVICE_USERNAME"))
	o.password = cmp.Or(o.password, os.Getenv("OCTOPUS_SERVICE_PASSWORD"))
	c.keepSecret(o.password)
	w.newPassword = runtime.GOOS == "windows" && o.password != ""
	return nil
}

// serviceTarget is the service of one instance: as it is, and as it should be.
type serviceTarget struct {
	instance tentacleconfig.Instance
	found    service.Installation
	wanted   service.Definition // only where something is to be defined
}

func (o *serviceOptions) targets(ctx context.Context, all bool) ([]serviceTarget, error) {
	if all {
		instances, err := tentacleconfig.Instances()
		if err != nil {
			return nil, err
		}
		return lookAtServices(ctx, instances)
	}
	target, err := o.find(ctx)
	if err == nil && !o.outcome.dryRun {
		noteUse(target.instance)
	}
	if err != nil || !o.wish.defines() {
		return []serviceTarget{target}, err
	}
	target.wanted, err = o.define(target)
	return []serviceTarget{target}, err
}

func lookAtServices(ctx context.Context, instances []tentacleconfig.Instance) ([]serviceTarget, error) {
	targets := make([]serviceTarget, 0, len(instances))
	for _, instance := range instances {
		found, err := lookAtInstallation(ctx, serviceOf(instance, ""))
		if err != nil {
			return nil, err
		}
		targets = append(targets, serviceTarget{instance: instance, found: found})
	}
	return targets, nil
}

func lookAtInstallation(ctx context.Context, name string) (service.Installation, error) {
	ctx, cancel := context.WithTimeout(ctx, serviceLookTime)
	defer cancel()
	return service.Installed(ctx, name)
}

// find finds the service that is meant. One whose instance is gone can still be
// stopped and removed, by that instance's name or by its own.
func (o *serviceOptions) find(ctx context.Context) (serviceTarget, error) {
	instance, err := find(o.tentacle)
	orphan := err != nil
	if orphan && (o.wish.defines() || o.tentacle.instance == "" && o.tentacle.service == "") {
		return serviceTarget{}, err
	}
	if orphan {
		instance = tentacleconfig.Instance{Name: o.tentacle.instance}
	}
	found, errLook := lookAtInstallation(ctx, serviceOf(instance, o.tentacle.service))
	if orphan && !found.Exists {
		return serviceTarget{}, err // which says what instances there are
	}
	return serviceTarget{instance: instance, found: found}, errLook
}

// define makes the definition that the options ask for, and checks all that can
// be checked before anything is done.
func (o *serviceOptions) define(t serviceTarget) (service.Definition, error) {
	program, err := service.FindTentacle(o.program)
	if err != nil {
		return service.Definition{}, err
	}
	wanted := service.Definition{
		Name:      t.found.Name,
		Program:   program,
		Instance:  t.instance.Name,
		Account:   cmp.Or(o.username, t.found.Account),
		Password:  o.password,
		DependsOn: commaSeparated(o.dependOn.Value()),
	}
	if wanted.Instance == "" {
		wanted.Config = t.instance.ConfigPath
	}
	if o.outcome.dryRun {
		return wanted, wanted.Check(runtime.GOOS)
	}
	return wanted, service.Ready(wanted)
}

// serviceReport is the JSON of service and checkservices, and what their text
// is made from.
type serviceReport struct {
	Instance      string       `json:"instance"`      // "" for a file that no instance names
	Configuration string       `json:"configuration"` // the file; "" when the instance is gone
	DryRun        bool         `json:"dryRun"`
	Changed       bool         `json:"changed"`
	Actions       []string     `json:"actions"`    // what was done (in a dry run: would be), in that order
	Difference    string       `json:"difference"` // from what was installed; "" for none
	Service       serviceState `json:"service"`

	lines  []string
	status service.Status
}

// applyServices decides for each service by itself, and does it for all at the
// same time: stopping one can take a minute. One that fails keeps none of the
// others from being done.
func applyServices(ctx context.Context, c *console, targets []serviceTarget, w serviceWish, o serviceOutcome, list bool) error {
	reports, failures := make([]*serviceReport, len(targets)), make([]error, len(targets))
	var wait sync.WaitGroup
	for i, target := range targets {
		wait.Go(func() { reports[i], failures[i] = target.apply(ctx, c, w, o) })
	}
	wait.Wait()
	c.endProgress()

	failed := errors.Join(failures...)
	switch {
	case o.format == "json" && failed != nil:
		return failed
	case o.format == "json" && list:
		return c.printJSON(reports)
	case o.format == "json":
		return c.printJSON(reports[0])
	}
	if len(targets) == 0 {
		c.printf("There is no Tentacle instance to do that for.\n")
	}
	for i, r := range reports {
		if failures[i] == nil {
			r.print(c)
		}
	}
	return failed
}

func (t serviceTarget) apply(ctx context.Context, c *console, w serviceWish, o serviceOutcome) (*serviceReport, error) {
	r := &serviceReport{
		Instance: t.instance.Name, Configuration: t.instance.ConfigPath,
		DryRun: o.dryRun, Actions: []string{}, // an empty list is [], not null
		status: t.found.Status,
	}
	plan, err := planService(w, t.found, t.wanted.Text(runtime.GOOS), runtime.GOOS)
	if err != nil {
		return nil, err
	}
	r.Difference = plan.difference
	for _, step := range plan.steps {
		if step.action != "" && !o.dryRun {
			if err := t.do(ctx, c, step.action); err != nil {
				return nil, r.unfinished(ctx, err)
			}
		}
		r.tell(t.found.Name, step)
	}
	if r.Changed && !o.dryRun {
		if r.status, err = lookAtService(ctx, t.found.Name); err != nil {
			c.warn("%v", err)
		}
	}
	r.Service = serviceState{Name: t.found.Name, State: r.status.State}
	return r, nil
}

// do carries one step out.
func (t serviceTarget) do(ctx context.Context, c *console, action string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	name, progress := t.found.Name, c.progress
	switch action {
	case "restart":
		_, err = service.Restart(ctx, name, progress)
	case "start":
		_, err = service.Start(ctx, name, progress)
	case "stop":
		_, err = service.Stop(ctx, name, progress)
	case "uninstall":
		err = service.Uninstall(ctx, name, progress)
	case "install", "enable", "reconfigure":
		err = service.Install(ctx, t.wanted)
	}
	return err
}

// tell notes a step, after it was done.
func (r *serviceReport) tell(name string, step serviceStep) {
	text := fmt.Sprintf("service %s %s", name, step.done)
	if step.action != "" {
		be := "was"
		if r.DryRun {
			be = "would be"
		}
		text = fmt.Sprintf("service %s %s %s", name, be, step.done)
		r.Actions, r.Changed = append(r.Actions, step.action), true
	}
	r.lines = append(r.lines, text)
}

// unfinished says what had been done by the time a step failed.
func (r *serviceReport) unfinished(ctx context.Context, err error) error {
	switch {
	case len(r.Actions) > 0:
		return unfinishedError{done: "not everything was done, but this: " + strings.Join(r.lines, "; "), cause: err}
	case ctx.Err() != nil:
		return unfinishedError{done: "not everything was done", cause: err}
	}
	return err
}

func (r *serviceReport) print(c *console) {
	title := report{Instance: r.Instance, Configuration: r.Configuration}
	if r.Configuration == "" {
		title = report{Configuration: cmp.Or(r.Instance, r.Service.Name)}
	}
	c.printf("%s\n", title.title())
	for line := range strings.Lines(r.Difference) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "+"):
			line = c.green(line)
		case strings.HasPrefix(line, "-"):
			line = c.red(line)
		}
		c.printf("  %s\n", line)
	}
	for _, line := range r.lines {
		c.printf("  %s\n", line)
	}
	switch {
	case r.DryRun && r.Changed:
		c.printf("Dry run: nothing was changed.\n")
	case r.DryRun:
		c.printf("Dry run: nothing would change.\n")
	case !r.Changed:
		c.printf("Nothing to change; service %s is %s.\n", r.Service.Name, r.status)
	default:
		c.printf("Service %s is %s.\n", r.Service.Name, r.status)
	}
}
