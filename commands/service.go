package commands

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// serviceOptions are those of service.
type serviceOptions struct {
	tentacle  tentacleOptions
	request   service.Request
	program   string
	username  string
	password  secretOption
	dependsOn cli.StringSlice
	outcome   outcomeOptions
}

// The categories of the options of service.
const (
	serviceActions    = "Actions, in the order in which they are done"
	serviceDefinition = "With --install and --reconfigure"
)

func serviceCommand(c *console) *cli.Command {
	o := serviceOptions{password: newSecretOption("password")}
	action := func(name string, destination *bool, usage string) cli.Flag {
		return &cli.BoolFlag{Name: name, Category: serviceActions, Destination: destination, DisableDefaultText: true, Usage: usage}
	}
	return &cli.Command{
		Name:     "service",
		Category: "Service",
		Usage:    "install, start, stop and configure the service",
		Description: `Controls the Tentacle's service through systemd or, on Windows, the service control
manager. The service runs Octopus's own Tentacle program. Steps that are already
done are skipped. If the installed definition differs, shows the difference and
replaces it; what was changed by hand is replaced only by --reconfigure. A service
that runs no Tentacle is left alone.

  octo-tentacle service --install --start
  octo-tentacle service --instance=web --stop --uninstall
  octo-tentacle service --instance="*" --restart
  octo-tentacle service --reconfigure --username=octopus --dry-run`,
		Flags: allFlags([]cli.Flag{
			action("restart", &o.request.Restart, "restart the service"),
			action("stop", &o.request.Stop, "stop the service, and wait until it has stopped"),
			action("uninstall", &o.request.Uninstall, "stop the service and remove it"),
			action("install", &o.request.Install, "install the service, to start at boot; do not restart it"),
			action("reconfigure", &o.request.Reconfigure, "install the service or replace its definition, and restart it if it is running"),
			action("start", &o.request.Start, "start the service, and wait until it has stayed up"),
			&cli.StringFlag{Name: "tentacle", Category: serviceDefinition, Destination: &o.program,
				Usage: "`FILE` of the Tentacle program (default: its usual location, else Tentacle on the PATH)"},
			&cli.StringFlag{Name: "username", Aliases: []string{"user"}, Category: serviceDefinition, Destination: &o.username,
				Usage: "`ACCOUNT` to run as, on Windows DOMAIN\\user (default: $OCTOPUS_SERVICE_USERNAME, else root or LocalSystem)"},
		}, o.password.passwordFlags(serviceDefinition, "of that account, on Windows (default: $OCTOPUS_SERVICE_PASSWORD)"), []cli.Flag{
			&cli.StringSliceFlag{Name: "dependOn", Category: serviceDefinition, Destination: &o.dependsOn,
				Usage: "`SERVICE` that must start first; repeatable, or with commas"},
			&cli.BoolFlag{Name: "no-restart", Category: serviceDefinition, Destination: &o.request.NoRestart, DisableDefaultText: true,
				Usage: "with --reconfigure, do not restart a running service; its next start uses the new definition"},
		}, o.tentacle.flags(), o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return runService(ctx.Context, c, o) },
	}
}

// runService changes the service and no configuration, so it does not go the way of changeTentacle.
func runService(ctx context.Context, c *console, o serviceOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	if !o.outcome.dryRun {
		if err := service.CheckPrivileges(); err != nil {
			return err
		}
	}
	if o.allInstances() {
		return o.runForAll(ctx, c)
	}
	target, err := o.target(ctx)
	if err != nil {
		return err
	}
	if o.request.Defines() {
		warnOfUnreadable(c, target)
	}
	run := serviceRun{request: o.request, outcome: o.outcome}
	return run.apply(ctx, c, []serviceTarget{target})
}

func (o *serviceOptions) runForAll(ctx context.Context, c *console) error {
	instances, damage := allInstances(c)
	if _, err := indexErrors(damage); err != nil {
		return err
	}
	targets, err := queryServices(ctx, instances)
	if err != nil {
		return err
	}
	run := serviceRun{request: o.request, outcome: o.outcome, list: true, damage: damage}
	return run.apply(ctx, c, targets)
}

func (o *serviceOptions) allInstances() bool { return o.tentacle.instance == "*" }

// warnOfUnreadable warns where the service's account may not read the configuration. A new one is
// readable by its owner alone, usually root; Tentacle makes it readable for everybody.
func warnOfUnreadable(c *console, t serviceTarget) {
	account, config := t.wanted.Account, t.instance.ConfigPath
	path := service.Unreadable(account, config)
	if path == "" {
		return
	}
	c.warnOf(hint.Errorf("give it the Tentacle's files, like: "+shellCommand("chown", "-R", account, filepath.Dir(config)),
		"the account %s may not read %s (see: %s), so the Tentacle cannot start", account, config, shellCommand("ls", "-ld", path)))
}

// complete also reads missing values from the environment.
func (o *serviceOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.complete(), o.outcome.complete()); err != nil {
		return err
	}
	switch r := o.request; {
	case r.Empty():
		return hint.New("no action on the service is given", "give one or more of --install, --uninstall, --reconfigure, --start, --stop, --restart, like --install --start")
	case o.allInstances() && (r.Defines() || r.Uninstall):
		return errors.New("--instance=* works only with --start, --stop and --restart: name one instance to install, reconfigure or uninstall its service")
	case o.allInstances() && o.tentacle.service != "":
		return errors.New("--instance=* and --service cannot be combined: * means the services of all instances")
	case r.NoRestart && r.Restart:
		return errors.New("--restart and --no-restart cannot be combined: give one of them")
	}
	if err := o.password.complete(c); err != nil {
		return err
	}
	o.username = cmp.Or(o.username, os.Getenv("OCTOPUS_SERVICE_USERNAME"))
	if o.password.value == "" {
		var err error
		o.password.value, err = secretVariable("OCTOPUS_SERVICE_PASSWORD")
		c.keepSecret(o.password.value)
		if err != nil {
			return err
		}
	}
	o.request.NewPassword = runtime.GOOS == "windows" && o.password.value != ""
	return nil
}

// target finds the one chosen service, and what it is to be.
func (o *serviceOptions) target(ctx context.Context) (serviceTarget, error) {
	target, err := o.find(ctx)
	if err != nil {
		return serviceTarget{}, err
	}
	if !o.outcome.dryRun {
		noteUse(target.instance)
	}
	if o.request.Defines() {
		target.wanted, err = o.define(target)
	}
	return target, err
}

// find finds the one chosen service. A service whose instance is gone can still be stopped and
// removed, by the name of that instance or by its own.
func (o *serviceOptions) find(ctx context.Context) (serviceTarget, error) {
	instance, errInstance := find(ctx, o.tentacle)
	if errInstance != nil {
		if o.request.Defines() || o.tentacle.instance == "" && o.tentacle.service == "" {
			return serviceTarget{}, errInstance
		}
		instance = tentacleconfig.Instance{Name: o.tentacle.instance}
	}
	found, err := service.Installed(ctx, serviceOf(instance, o.tentacle.service))
	if errInstance != nil && !found.Exists {
		return serviceTarget{}, errInstance // which says what instances there are
	}
	return serviceTarget{instance: instance, found: found, given: o.tentacle.service != ""}, err
}

// define makes the definition that the options ask for, and checks all that can be checked before
// anything is done.
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
		Password:  o.password.value,
		DependsOn: commaSeparated(o.dependsOn.Value()),
	}
	if wanted.Instance == "" {
		wanted.Config = t.instance.ConfigPath
	}
	wanted = wanted.Over(t.found, o.request.Reconfigure || o.request.Uninstall)
	if o.outcome.dryRun { // which works without the rights to look at everything
		return wanted, wanted.Check(runtime.GOOS)
	}
	return wanted, service.CheckInstall(wanted)
}
