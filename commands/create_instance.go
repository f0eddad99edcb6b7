package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/steps"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// createInstanceOptions are those of create-instance.
type createInstanceOptions struct {
	instance string
	config   string
	home     string
	change   changeOptions
}

func createInstanceCommand(c *console) *cli.Command {
	var o createInstanceOptions
	return &cli.Command{
		Name:     "create-instance",
		Category: "Instances and certificates",
		Usage:    "create an instance, or give it another configuration",
		Description: `Creates the configuration file if it does not exist, adds the instance to this
machine's index, and sets the home folder.

  octo-tentacle create-instance --instance=web \
    --config=/etc/octopus/web/Tentacle.config

Without --instance and --config, creates ./Tentacle.config and leaves the index alone.
In the container of a Kubernetes agent, --instance means its ConfigMap, and no file.`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "instance", Category: theInstance, Destination: &o.instance,
				Usage: "`NAME` of the instance (default: Tentacle)"},
			&cli.StringFlag{Name: "config", Category: theInstance, Destination: &o.config,
				Usage: "configuration `FILE` (default: Tentacle.config in the --home folder, else in the current folder)"},
			&cli.StringFlag{Name: "home", Category: theInstance, Destination: &o.home,
				Usage: "home `FOLDER` of the Tentacle (default: the folder of the configuration file)"},
		}, o.change.flags()),
		Action: func(ctx *cli.Context) error { return createInstance(ctx.Context, c, o) },
	}
}

// newInstance is what create-instance creates.
type newInstance struct {
	tentacleconfig.Instance        // Name "" leaves the index alone
	home                    string // the setting
	indexed                 bool   // the index has it like that already

	agent *configMapPlace // instead of the file, in the container of an agent; else nil
}

// createInstance handles an index entry and a configuration file that may not exist yet. It changes
// an existing file in the usual way, and creates it otherwise.
func createInstance(ctx context.Context, c *console, o createInstanceOptions) error {
	n, err := o.complete()
	if err != nil {
		return err
	}
	t, err := n.look(ctx, c)
	if err != nil {
		return err
	}
	made := &instanceOutcome{
		Instance: n.Name, Configuration: n.place(), DryRun: o.change.dryRun,
		configurationCreated: t == nil, indexChanged: !n.indexed,
	}
	if n.Name != "" {
		made.Index = tentacleconfig.IndexFile(n.Name)
	}
	if t == nil {
		err = n.create(ctx, made)
	} else {
		err = n.change(ctx, c, t, o.change, made)
	}
	if t == nil && errors.Is(err, fs.ErrExist) {
		return createInstance(ctx, c, o) // another process was faster
	}
	if made.Result == "" {
		made.Result = resultOf(made.DryRun, made.Changed, err)
	}
	made.record(c, o.change.outcomeOptions, err)
	switch {
	case o.change.printsDespite(err):
		_ = c.printJSON(made) // that it is unfinished is the error that counts
		return err
	case err != nil:
		return err
	case o.change.json():
		return c.printJSON(made)
	}
	made.printCreated(c)
	return nil
}

// complete decides on names and folders. A relative --config is below --home if that is given, as
// for the Tentacle CLI; else below the current folder. (For --config=a/b.config without --home, the
// Tentacle CLI makes a/a/b.config.)
func (o *createInstanceOptions) complete() (n newInstance, err error) {
	if err := o.change.complete(); err != nil {
		return n, err
	}
	if o.instance != "" || o.config != "" { // without any, the Tentacle CLI leaves the index alone too
		n.Name = cmp.Or(o.instance, tentacleconfig.DefaultInstance)
		if err := tentacleconfig.CheckInstanceName(n.Name); err != nil {
			return n, fmt.Errorf("--instance: %w", err)
		}
		if err := tentacleconfig.CheckPath(tentacleconfig.MachineHome()); err != nil {
			return n, fmt.Errorf("the folder of the index: %w", err)
		}
	}
	if o.instance != "" {
		n.agent = agentPlace()
	}
	config := cmp.Or(o.config, "Tentacle.config")
	if o.home != "" && !filepath.IsAbs(config) {
		config = filepath.Join(o.home, config)
	}
	if n.ConfigPath, err = filepath.Abs(config); err != nil {
		return n, fmt.Errorf("--config %s: %w", config, err)
	}
	if err := tentacleconfig.CheckPath(n.ConfigPath); err != nil {
		return n, fmt.Errorf("--config: %w", err)
	}
	if err := atomicfile.CheckPath(n.ConfigPath); err != nil {
		return n, fmt.Errorf("--config %s: %w", config, err)
	}
	switch {
	case o.home != "":
		n.home, err = fullPath(o.home) // Tentacle takes a relative one as below the configuration's folder
	case o.config != "":
		n.home = filepath.Dir(n.ConfigPath)
	case n.agent != nil: // Tentacle takes ".", and refuses it at its next start
		return n, hint.New("the home of an agent is needed: its ConfigMap has no folder", "give it, like this: --home=/octopus")
	default:
		n.home = "." // the configuration's folder, which can be moved
	}
	return n, err
}

// place is where the settings are.
func (n *newInstance) place() string {
	if n.agent != nil {
		return n.agent.name()
	}
	return n.ConfigPath
}

// look finds the Tentacle that has the configuration file; nil if there is none yet.
func (n *newInstance) look(ctx context.Context, c *console) (*tentacle, error) {
	n.indexed = n.Name == ""
	if !n.indexed {
		registered, err := tentacleconfig.Registered(n.Name)
		if err != nil {
			return nil, err
		}
		if registered.Name != "" {
			n.Name = registered.Name // as the index spells it
			n.indexed = registered.ConfigPath == n.ConfigPath
			if n.agent == nil && tentacleconfig.SamePath(registered.ConfigPath, n.ConfigPath) {
				n.indexed, n.ConfigPath = true, registered.ConfigPath // as the index spells it
			}
			if !n.indexed && n.agent == nil {
				c.warn("the instance %s had the configuration %s until now; that file is kept, but the instance no longer uses it", n.Name, registered.ConfigPath)
			}
		}
	}
	if n.agent != nil {
		return n.lookAtAgent(ctx)
	}
	n.warnOfSharing(c)
	if _, err := os.Lstat(n.ConfigPath); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return lookAtInstance(ctx, n.Instance, "")
}

// lookAtAgent reads the ConfigMap, whatever home it has: that is what is set here.
func (n *newInstance) lookAtAgent(ctx context.Context) (t *tentacle, err error) {
	t = inConfigMap(n.agent, n.Name)
	_, t.document, err = n.agent.readAny(ctx)
	return t, err
}

// warnOfSharing warns of a configuration that another instance has. Those whose index files are
// damaged do not matter here.
func (n *newInstance) warnOfSharing(c *console) {
	if n.Name == "" {
		return
	}
	instances, _ := tentacleconfig.Instances()
	for _, other := range n.SharingFile(instances) {
		c.warnOf(hint.With(fmt.Errorf("%s is also the configuration of the instance %s: they are one Tentacle, with one certificate and subscription", n.ConfigPath, other.Name),
			"give this instance a file of its own with --config"))
	}
}

func (n *newInstance) settings() []tentacleconfig.Setting {
	return []tentacleconfig.Setting{{Key: tentacleconfig.KeyHome, Value: n.home}}
}

// create creates the configuration file, then the index entry. A file without an entry does no
// harm, and running the command again completes it.
func (n *newInstance) create(ctx context.Context, made *instanceOutcome) error {
	made.Changed = true
	made.Settings = settingsChanged(nil, n.settings())
	status, _ := lookAtService(ctx, serviceOf(n.Instance, "")) // the state is informational
	status = ownService(status, false)
	made.Service = serviceEntry{Name: status.Name, State: status.State}
	files := []string{n.ConfigPath}
	if !n.indexed {
		files = append(files, made.Index)
	}
	if err := tentacleconfig.CheckCreatable(files...); err != nil || made.DryRun {
		return err
	}
	if err := tentacleconfig.Create(n.ConfigPath, n.settings()...); err != nil {
		return err
	}
	steps.Log(ctx, "write "+n.ConfigPath)
	if err := n.register(ctx); err != nil {
		return unfinishedError{done: n.ConfigPath + " was created", cause: err, finish: "run the same command again once the index can be written"}
	}
	return nil
}

// change sets the home folder in a file that exists.
func (n *newInstance) change(ctx context.Context, c *console, t *tentacle, o changeOptions, made *instanceOutcome) error {
	if !o.dryRun {
		if err := n.register(ctx); err != nil { // before the service may be restarted: it looks there
			return err
		}
	}
	if home, _ := t.document.Get(tentacleconfig.KeyHome); filepath.IsAbs(home) && filepath.IsAbs(n.home) && tentacleconfig.SamePath(home, n.home) {
		n.home = home // it may be spelled otherwise
	}
	out := newOutcome(t.suggest(), o.dryRun)
	err := apply(ctx, c, t, o, change{settings: setAll(n.settings())}, out)
	if err == nil {
		warnOfOverrides(ctx, c, t.suggest(), t.place, keysOf(n.settings()))
	}
	if err != nil && !o.dryRun && !n.indexed {
		err = unfinishedError{done: fmt.Sprintf("the index now has the configuration %s for the instance %s, but:", n.ConfigPath, n.Name), cause: err}
	}
	made.Changed = out.saved || !n.indexed
	made.Settings, made.Service, made.backup, made.restart = out.Settings, out.Service, out.Backup, out.recordedRestart(o.noRestart)
	made.Result = resultOf(o.dryRun, made.Changed, err)
	if err != nil && out.pending {
		made.Result = resultRestartPending
	}
	return err
}

func (n *newInstance) register(ctx context.Context) error {
	if n.indexed {
		return nil
	}
	changed, err := tentacleconfig.Register(n.Instance)
	steps.Log(ctx, "write "+tentacleconfig.IndexFile(n.Name), "saved", changed, "error", err)
	return err
}

func (r *instanceOutcome) printCreated(c *console) {
	c.printf("%s\n", cmp.Or(r.Instance, r.Configuration))
	if r.configurationCreated {
		c.printf("  %s\n", c.green("+ configuration "+r.Configuration))
	}
	if r.indexChanged {
		c.printf("  %s\n", c.green("+ index file "+r.Index))
	}
	for _, setting := range r.Settings {
		c.printf("  %s\n", c.yellow("~ "+setting.line()))
	}
	done := "Saved."
	switch {
	case r.configurationCreated:
		tentacle := suggest.Tentacle{Instance: tentacleconfig.Instance{Name: r.Instance, ConfigPath: r.Configuration}, Service: r.Service.Name}
		done = "Created. It has no certificate yet: " + tentacle.Command("new-certificate", "--if-blank")
	case r.Service.Restarted:
		done = fmt.Sprintf("Saved; service %s was restarted.", r.Service.Name)
	}
	c.printf("%s\n", resultLine(r.DryRun, r.Changed, done))
}
