package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// createInstanceOptions are what create-instance can be told.
type createInstanceOptions struct {
	instance string
	config   string
	home     string
	change   changeOptions

	unnamed bool // --instance was given, and is empty
}

const theInstance = "The instance"

func createInstanceCommand(c *console) *cli.Command {
	var o createInstanceOptions
	return &cli.Command{
		Name:     "create-instance",
		Category: "Instances and certificates",
		Usage:    "make a new Tentacle instance, or give one another configuration file",
		Description: `Creates the configuration file if there is none, notes the instance in this
machine's index, and sets the home folder.

  octo-tentacle create-instance --instance=web --config=/etc/octopus/web/Tentacle.config

Without --instance and --config, ./Tentacle.config is created, and the index stays as it is.`,
		Flags: allFlags([]cli.Flag{
			&cli.StringFlag{Name: "instance", Category: theInstance, Destination: &o.instance,
				Usage: "`NAME` of the instance; left out: Tentacle"},
			&cli.StringFlag{Name: "config", Category: theInstance, Destination: &o.config,
				Usage: "configuration `FILE`; left out: Tentacle.config in the folder of --home, or else in this one"},
			&cli.StringFlag{Name: "home", Category: theInstance, Destination: &o.home,
				Usage: "home `FOLDER` of the Tentacle; left out: that of the configuration file"},
		}, o.change.flags()),
		Action: func(ctx *cli.Context) error {
			o.unnamed = ctx.IsSet("instance") && o.instance == ""
			return createInstance(ctx.Context, c, o)
		},
	}
}

// instanceReport is what the commands that create and delete instances tell.
type instanceReport struct {
	Instance      string         `json:"instance"`      // "" for a file that the index does not have
	Configuration string         `json:"configuration"` // the file
	Index         string         `json:"index"`         // the index file; "" where the index does not matter
	DryRun        bool           `json:"dryRun"`
	Changed       bool           `json:"changed"`
	Settings      []settingEntry `json:"settings"` // those that changed
	Service       serviceEntry   `json:"service"`

	configurationCreated, indexChanged bool
}

// newInstance is what create-instance is to make.
type newInstance struct {
	tentacleconfig.Instance        // Name "" leaves the index alone
	home                    string // the setting
	indexed                 bool   // the index has it so already
}

func createInstance(ctx context.Context, c *console, o createInstanceOptions) error {
	ctx = interruptible(ctx)
	n, err := o.read()
	if err != nil {
		return err
	}

	t, err := n.look(c, o.unnamed)
	if err != nil {
		return err
	}
	made := &instanceReport{Instance: n.Name, Configuration: n.ConfigPath, DryRun: o.change.dryRun, configurationCreated: t == nil, indexChanged: !n.indexed}
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
	if err != nil {
		return err
	}
	return made.print(c, o.change)
}

// read decides on names and folders. A relative --config is below a --home that
// is given, as the real one has it; else below the working folder. (The real one
// makes --config=a/b.config without --home a/a/b.config.)
func (o *createInstanceOptions) read() (n newInstance, err error) {
	if err := o.change.check(); err != nil {
		return n, err
	}
	if o.instance != "" || o.config != "" { // bare, the real one leaves the index alone too
		n.Name = cmp.Or(o.instance, tentacleconfig.DefaultInstance)
		if err := tentacleconfig.CheckInstanceName(n.Name); err != nil {
			return n, fmt.Errorf("--instance: %w", err)
		}
	}
	config := cmp.Or(o.config, "Tentacle.config")
	if o.home != "" && !filepath.IsAbs(config) {
		config = filepath.Join(o.home, config)
	}
	if n.ConfigPath, err = filepath.Abs(config); err != nil {
		return n, fmt.Errorf("--config %s: %w", config, err)
	}
	switch {
	case o.home != "":
		n.home, err = fullPath(o.home) // Tentacle would take a relative one from the configuration's folder on
	case o.config != "":
		n.home = filepath.Dir(n.ConfigPath)
	default:
		n.home = "." // from the configuration's folder on, so it can be moved
	}
	return n, err
}

// look finds what is there: the Tentacle that has the configuration file, or nil
// if there is none yet. An empty variable of a script, for which the default
// instance stands in, must not take that from its configuration.
func (n *newInstance) look(c *console, unnamed bool) (*tentacle, error) {
	n.indexed = n.Name == ""
	if !n.indexed {
		now, err := tentacleconfig.Registered(n.Name)
		if err != nil {
			return nil, err
		}
		if now.Name != "" {
			n.Name = now.Name // as the index spells it
			n.indexed = now.ConfigPath == n.ConfigPath
			if !n.indexed && unnamed {
				return nil, fmt.Errorf("--instance is empty (an empty variable of a script?), which means %s, and that has another configuration: %s\n"+
					"give the name; with --instance=%[1]s, it gets this one", now.Name, now.ConfigPath)
			}
			if !n.indexed {
				c.warn("the instance %s had the configuration %s until now; that file stays, but no longer belongs to it", now.Name, now.ConfigPath)
			}
		}
	}
	if _, err := os.Lstat(n.ConfigPath); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return lookAtInstance(n.Instance, "")
}

func (n *newInstance) settings() []tentacleconfig.Setting {
	return []tentacleconfig.Setting{{Key: tentacleconfig.KeyHome, Value: n.home}}
}

// create makes the configuration file, then the entry of the index: with the
// first alone nothing is harmed, and to run it again completes it.
func (n *newInstance) create(ctx context.Context, made *instanceReport) error {
	made.Changed = true
	made.Settings = settingsChanged(nil, n.settings())
	status, _ := lookAtService(ctx, serviceOf(n.Instance, "")) // of no weight here
	made.Service = serviceEntry{Name: status.Name, State: status.State}
	if made.DryRun {
		return nil
	}
	if err := tentacleconfig.Create(n.ConfigPath, n.settings()...); err != nil {
		return err
	}
	if err := n.register(); err != nil {
		return unfinishedError{done: n.ConfigPath + " is created; run this again when the index can be written", cause: err}
	}
	return nil
}

// change sets the home folder in a file that was there.
func (n *newInstance) change(ctx context.Context, c *console, t *tentacle, o changeOptions, made *instanceReport) error {
	if !o.dryRun {
		if err := n.register(); err != nil { // before the service may be restarted: it looks there
			return err
		}
	}
	r := newReport(t)
	if err := apply(ctx, c, t, o, change{settings: setAll(n.settings())}, r); err != nil {
		if !o.dryRun && !n.indexed {
			err = unfinishedError{done: fmt.Sprintf("the instance %s now has the configuration %s in the index; but:", n.Name, n.ConfigPath), cause: err}
		}
		return err
	}
	made.Changed = r.Changed || !n.indexed
	made.Settings, made.Service = r.Settings, r.Service
	return nil
}

func (n *newInstance) register() error {
	if n.indexed {
		return nil
	}
	_, err := tentacleconfig.Register(n.Instance)
	return err
}

func (r *instanceReport) print(c *console, o changeOptions) error {
	if o.format == "json" {
		return c.printJSON(r)
	}
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
	switch {
	case r.DryRun && r.Changed:
		c.printf("Dry run: nothing was changed.\n")
	case r.DryRun:
		c.printf("Dry run: nothing would change.\n")
	case !r.Changed:
		c.printf("Nothing to change.\n")
	case r.configurationCreated:
		c.printf("Created. It has no certificate yet: octo-tentacle new-certificate%s\n", r.option())
	case r.Service.Restarted:
		c.printf("Saved; service %s was restarted.\n", r.Service.Name)
	default:
		c.printf("Saved.\n")
	}
	return nil
}

// option is how the instance is named on a command line, with a space before it.
func (r *instanceReport) option() string {
	if r.Instance == "" {
		return " --config=" + shellQuote(runtime.GOOS, r.Configuration)
	}
	return " --instance=" + shellQuote(runtime.GOOS, r.Instance)
}
