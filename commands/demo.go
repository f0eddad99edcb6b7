package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/machinefiles"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// demoInstance is a name that no installed Tentacle has, so that no installed service is mistaken
// for the demo's.
const demoInstance = "octo-tentacle-demo"

func demoCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:     "demo",
		Category: "Help",
		Usage:    "try the main commands on a simulated cluster",
		Description: `Starts a cluster of three nodes inside this process, creates a throw-away Tentacle
in a temporary folder, and runs register-with, poll-server, list-servers and
list-nodes on them. Touches nothing else on this machine and leaves nothing behind.

  octo-tentacle demo`,
		Action: func(ctx *cli.Context) error { return demo(ctx.Context, c) },
	}
}

func demo(ctx context.Context, c *console) (err error) {
	cluster, err := octotest.Start(octotest.Options{})
	if err != nil {
		return fmt.Errorf("cannot start the demo's cluster: %w", err)
	}
	defer cluster.Close()
	folder, err := os.MkdirTemp("", "octo-tentacle-demo-")
	if err != nil {
		return fmt.Errorf("cannot create a temporary folder for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	c.systemLog = nil // nothing of this machine changes
	d := &demonstration{c: c, ctx: ctx, cluster: cluster, config: filepath.Join(folder, "Tentacle.config")}
	defer d.setEnvironment(folder)()
	if err := d.makeTentacle(folder); err != nil {
		return err
	}
	if err := d.show(); err != nil {
		return err
	}
	c.printf("\n%s\n", c.bold("The cluster ends here, and the temporary folder is removed. What next: octo-tentacle help"))
	return nil
}

// demonstration runs commands as a user would, and shows what they do.
type demonstration struct {
	c       *console
	ctx     context.Context
	cluster *octotest.Cluster
	config  string // the throw-away Tentacle.config
}

func (d *demonstration) show() error {
	nodes := d.cluster.Addresses()
	d.say("A cluster of three nodes now runs inside this program, with one database. Any node may have work\n"+
		"for a polling Tentacle, so the Tentacle must poll every node.\n"+
		"  web and API    %s\n  polling ports  %s", d.cluster.URL(), strings.Join(nodes, "  "))
	d.say("A new Tentacle is in %s. It trusts no Octopus Server yet.\n"+
		"The API key comes from the environment, where process lists and logs do not show it:\n"+
		"  export OCTOPUS_URL=%s OCTOPUS_API_KEY=API-…", filepath.Dir(d.config), d.cluster.URL())

	const instance = "--instance=" + demoInstance // never the Tentacle.config in the current folder
	steps := []struct {
		why       string
		arguments []string
	}{
		{"First, register the Tentacle in the usual way. It polls one node, and work on the others waits forever.",
			[]string{"register-with", instance, "--comms-style=TentacleActive", "--environment=Development", "--role=web-server", "--name=demo",
				"--server-comms-address=" + nodes[0]}},
		{"Now the main job: one command adds the other nodes. Every port is tried and its certificate compared with the\n" +
			"cluster's before anything is written; the nodes are added together or not at all.",
			[]string{"poll-server", instance, "--server-comms-address=" + strings.Join(nodes, ",")}},
		{"Running it again changes nothing, so it is safe in a script that runs every night.",
			[]string{"poll-server", instance, "--server-comms-address=" + strings.Join(nodes, ",")}},
		{"This is what the Tentacle trusts and polls now.",
			[]string{"list-servers", instance}},
		{"And these are the nodes: where each of them is polled, and what proves that.",
			[]string{"list-nodes", instance}},
	}
	for _, step := range steps {
		d.say("%s", d.c.lines(strings.Split(step.why, "\n")))
		if d.c.out.failure != nil {
			return d.c.out.failure // nobody sees the rest
		}
		if err := d.run(step.arguments); err != nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) say(format string, a ...any) {
	d.c.printf("\n%s\n", d.c.bold(d.c.textf(format, a...)))
}

// run shows a command line, runs it in this process, and shows what it changed in the file.
func (d *demonstration) run(arguments []string) error {
	before, err := os.ReadFile(d.config)
	if err != nil {
		return err
	}
	d.c.printf("\n%s\n", d.c.green("$ octo-tentacle "+strings.Join(arguments, " ")))
	if code := run(d.ctx, d.c, arguments); code != exitDone {
		return cmp.Or(d.c.out.failure, fmt.Errorf("the demo stopped: %s failed", arguments[0]))
	}
	after, err := os.ReadFile(d.config)
	if err != nil {
		return err
	}
	d.showDifference(strings.Split(string(before), "\n"), strings.Split(string(after), "\n"))
	return nil
}

// showDifference prints the removed and the added lines. The array of trusted servers is one line
// in the file; here each entry has its own.
func (d *demonstration) showDifference(before, after []string) {
	show := func(mark string, paint paint, lines, other []string) {
		for _, line := range lines {
			if !slices.Contains(other, line) {
				entries := strings.ReplaceAll(strings.TrimSpace(line), "},{", "},\n"+mark+"     {")
				d.c.printf("%s\n", paint(d.c.lines(strings.Split(mark+" "+entries, "\n"))))
			}
		}
	}
	if slices.Equal(before, after) {
		return
	}
	d.c.printf("\n%s\n", d.c.faint("in Tentacle.config:"))
	show("-", d.c.red, before, after)
	show("+", d.c.green, after, before)
}

// makeTentacle writes the files of a new instance as create-instance and new-certificate leave
// them.
func (d *demonstration) makeTentacle(folder string) error {
	var home strings.Builder
	if err := xml.EscapeText(&home, []byte(folder)); err != nil {
		return err
	}
	config := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?>
<octopus-settings xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <set key="Octopus.Home">%s</set>
  <set key="Tentacle.Services.NoListen">true</set>
</octopus-settings>`, home.String())
	document, err := tentacleconfig.Parse(d.config, []byte("\ufeff"+config))
	if err != nil {
		return err
	}
	certificate, err := tentacleconfig.NewCertificate(time.Now())
	if err != nil {
		return err
	}
	if err := document.SetCertificate(certificate); err != nil {
		return err
	}
	index := filepath.Join(folder, "home", "Tentacle", "Instances", demoInstance+".config")
	entry, err := json.Marshal(map[string]string{"Name": demoInstance, "ConfigurationFilePath": d.config})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(d.config, document.Bytes(), 0o600),
		os.MkdirAll(filepath.Dir(index), 0o700),
		os.WriteFile(index, entry, 0o600),
	)
}

// setEnvironment points this process at the demo's Tentacle, keys and cluster instead of the
// user's; the function it returns restores everything.
func (d *demonstration) setEnvironment(folder string) (restore func()) {
	restoreKeys := machinefiles.Use(filepath.Join(folder, "machine-id"), filepath.Join(folder, "machinekey"))
	ours := map[string]string{
		"TentacleMachineConfigurationHomeDirectory": filepath.Join(folder, "home"),
		"OCTOPUS_URL":          d.cluster.URL(),
		"OCTOPUS_API_KEY":      octotest.APIKey,
		"OCTOPUS_ACCESS_TOKEN": "",
		"OCTOPUS_SPACE":        "",
	}
	restores := make([]func(), 0, len(ours))
	for name, value := range ours {
		before, was := os.LookupEnv(name)
		os.Setenv(name, value)
		restores = append(restores, func() {
			if was {
				os.Setenv(name, before)
			} else {
				os.Unsetenv(name)
			}
		})
	}
	return func() {
		restoreKeys()
		for _, restore := range restores {
			restore()
		}
	}
}
