package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/urfave/cli/v2"
)

func demoCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:     "demo",
		Category: "Help",
		Usage:    "try the main commands on a simulated cluster",
		Description: `Starts a cluster of three nodes inside this process, and a throw-away Tentacle in a
temporary folder. Makes it poll every node, adds a node, and renews the cluster's
certificate, while the Tentacle does what is queued on each node. Takes a few seconds,
touches nothing else on this machine and leaves nothing behind.

  octo-tentacle demo`,
		Action: func(ctx *cli.Context) error { return demo(ctx.Context, c) },
	}
}

func demo(ctx context.Context, c *console) (err error) {
	d, end, err := newDemonstration(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	return d.show()
}

// demonstration runs commands as a user would, and shows what they do.
type demonstration struct {
	c        *console
	ctx      context.Context
	cluster  *octotest.Cluster
	tentacle demoTentacle

	steps  int                     // shown so far
	queued map[int]<-chan struct{} // the work at each node, from 1; closed when it is done
	done   int                     // how many pieces of work were done
	limit  time.Duration           // for work at a node that is polled
}

// newDemonstration starts a cluster and makes a Tentacle, to which this process belongs until end.
func newDemonstration(ctx context.Context, c *console) (d *demonstration, end func() error, err error) {
	cluster, err := octotest.Start(octotest.Options{HandsOutWork: true})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot start the demo's cluster: %w", err)
	}
	folder, err := os.MkdirTemp("", "octo-tentacle-demo-")
	if err != nil {
		cluster.Close()
		return nil, nil, fmt.Errorf("cannot create a temporary folder for the demo: %w", err)
	}
	c.systemLog = nil // nothing of this machine changes
	restore := setDemoEnvironment(folder, cluster)
	d = &demonstration{c: c, cluster: cluster, tentacle: demoTentacle{folder: folder}, queued: map[int]<-chan struct{}{}, limit: 10 * time.Second}
	d.ctx = withSimulatedService(ctx, &simulatedService{started: time.Now(), restart: d.tentacle.restart})
	end = func() error {
		d.tentacle.polling.Stop()
		cluster.Close()
		restore()
		return os.RemoveAll(folder)
	}
	if err := d.tentacle.make(); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return d, end, nil
}

// show tells the story: each chapter begins where the one before has ended.
func (d *demonstration) show() error {
	d.c.printf("%s\n", d.c.bold("A cluster of three nodes and a Tentacle with its service now run inside this program."))
	d.c.printf("  web and API    %s\n", d.cluster.URL())
	label := "polling ports"
	for _, address := range d.cluster.Addresses() {
		d.c.printf("  %-13s  %s\n", label, address)
		label = ""
	}
	d.c.printf("%s\n", d.c.faint("OCTOPUS_URL and OCTOPUS_API_KEY are set, so that no command has to name them."))
	for _, chapter := range []func() error{d.pollOneNode, d.pollEveryNode, d.addNode, d.renewCertificate} {
		if err := chapter(); err != nil {
			return err
		}
	}
	d.say("%s of work done, none lost. The cluster ends here, and the temporary\nfolder is removed. What next: octo-tentacle help",
		plural.Of(d.done, "piece", "pieces"))
	return nil
}

const demoOption = "--instance=" + demoInstance // never the Tentacle.config in the current folder

func (d *demonstration) pollOneNode() error {
	d.step("Register the Tentacle in the usual way. It polls one node.")
	if err := d.run(exitDone, "register-with", demoOption, "--comms-style=TentacleActive", "--environment=Development", "--role=web-server",
		"--name=demo", "--server-comms-address="+d.cluster.Addresses()[0]); err != nil {
		return err
	}
	d.step("Each node queues work. Where the Tentacle does not poll, the work waits.")
	d.queue(1, 2, 3)
	return d.showWork(1)
}

func (d *demonstration) pollEveryNode() error {
	everyNode := []string{"poll-server", demoOption, "--server-comms-address=" + strings.Join(d.cluster.Addresses(), ",")}
	d.step("The main job: one command adds the other nodes, all or none. Every new port\n" +
		"has to present the certificate that the API names.")
	if err := d.run(exitDone, everyNode...); err != nil {
		return err
	}
	if err := d.showWork(2, 3); err != nil {
		return err
	}
	d.step("A script may do that every night: there is nothing left to do.")
	if err := d.run(exitDone, everyNode...); err != nil {
		return err
	}
	host := func(address string) string { return address[:strings.LastIndex(address, ":")] }
	if all := d.cluster.Addresses(); host(all[0]) == host(all[1]) { // as on macOS
		d.step("Where is each node polled, and what proves it? Here all nodes share one IP\n" +
			"address, as behind NAT, and only a task tells them apart: check --prove.")
	} else {
		d.step("Where is each node polled, and what proves it?")
	}
	return d.run(exitDone, "list-nodes", demoOption)
}

func (d *demonstration) addNode() error {
	d.step("A node is added to the cluster, and the Tentacle knows nothing of it.")
	if _, err := d.cluster.AddNode(); err != nil {
		return fmt.Errorf("cannot add a node to the demo's cluster: %w", err)
	}
	d.queue(4)
	if err := d.showWork(); err != nil {
		return err
	}
	d.step("check names the node, and what to do.")
	if err := d.run(exitFailed, "check", demoOption, "--quiet"); err != nil {
		return err
	}
	d.step("A runbook does it on every machine, with one list and without an API key: the\n" +
		"new port has to present the certificate that this Tentacle trusts already.")
	os.Setenv("OCTOPUS_API_KEY", "")
	if err := d.run(exitDone, "sync-servers", demoOption, "--server-comms-address="+strings.Join(d.cluster.Addresses(), ",")); err != nil {
		return err
	}
	return d.showWork(4)
}

func (d *demonstration) renewCertificate() error {
	d.step("The cluster gets a new certificate. First, the Tentacle trusts both. Then one\n" +
		"node after the other restarts, while all of them queue work.")
	old := d.cluster.Thumbprint()
	if err := d.cluster.Renew(); err != nil {
		return fmt.Errorf("cannot renew the certificate of the demo's cluster: %w", err)
	}
	if err := d.run(exitDone, "update-trust", demoOption, "--keep-old", "--oldThumbprint="+old, "--newThumbprint="+d.cluster.Thumbprint()); err != nil {
		return err
	}
	if err := d.restartNodes(); err != nil {
		return err
	}
	d.step("Every node presents the new certificate, so that the old one can be retired.")
	if err := d.run(exitDone, "update-trust", demoOption, "--retire"); err != nil {
		return err
	}
	d.queue(1, 2, 3, 4)
	return d.showWork(1, 2, 3, 4)
}

// restartNodes restarts one node after the other. Meanwhile the others queue work, and it does so
// as soon as it is back.
func (d *demonstration) restartNodes() error {
	for n := 1; n <= 4; n++ {
		restarted := make(chan struct{})
		go func() {
			defer close(restarted)
			d.cluster.Restart(n, 100*time.Millisecond)
		}()
		for other := 1; other <= 4; other++ {
			if other != n {
				d.queue(other)
			}
		}
		<-restarted
		d.queue(n)
		d.c.printf("  node%d restarts,", n)
		if err := d.showWork(1, 2, 3, 4); err != nil {
			return err
		}
	}
	d.c.printf("%s\n", d.c.faint("  (This Tentacle tries again at once; others may take up to two minutes.)"))
	return nil
}

// step begins the next step of the story.
func (d *demonstration) step(why string) {
	d.steps++
	d.say("%d. %s", d.steps, d.c.lines(strings.Split(why, "\n")))
}

func (d *demonstration) say(format string, a ...any) {
	d.c.printf("\n%s\n", d.c.bold(d.c.textf(format, a...)))
}

// readable is how long a reader on a terminal gets before each command.
const readable = 600 * time.Millisecond

// run shows a command line, and runs it in this process.
func (d *demonstration) run(code int, arguments ...string) error {
	if d.c.out.terminal {
		select {
		case <-d.ctx.Done():
		case <-time.After(readable):
		}
	}
	if err := cmp.Or(d.ctx.Err(), d.c.out.failure); err != nil {
		return err // nobody sees the rest
	}
	d.c.printf("%s\n", d.c.green(d.c.lines(commandLines(arguments))))
	if got := run(d.ctx, d.c, arguments); got != code {
		if d.ctx.Err() != nil || d.c.out.failure != nil && hasNoReader(d.c.out.failure) {
			return verdictError{} // the command has said it, or nobody reads it
		}
		return fmt.Errorf("the demo stopped: %s ended with exit code %d", arguments[0], got)
	}
	return nil
}

// commandLines are a command line as it is typed, at most as wide as most terminals where the shell
// has \ for that.
func commandLines(arguments []string) []string {
	const width = 78
	lines := []string{"$ octo-tentacle " + arguments[0]}
	for _, argument := range arguments[1:] {
		last := len(lines) - 1
		if runtime.GOOS != "windows" && utf8.RuneCountInString(lines[last]+" "+argument) > width {
			lines[last] += " \\"
			lines = append(lines, "    "+argument)
			continue
		}
		lines[last] += " " + argument
	}
	return lines
}

// queue queues a piece of work for the Tentacle at each of these nodes, from 1.
func (d *demonstration) queue(nodes ...int) {
	subscription := d.cluster.Registrations()[0].URI
	for _, n := range nodes {
		d.queued[n] = d.cluster.Queue(n, subscription)
	}
}

// showWork shows what becomes of the work that is queued. It is an error if the Tentacle does not
// do what these nodes have, or does what others have.
func (d *demonstration) showWork(polled ...int) error {
	d.c.printf("  work:")
	defer d.c.printf("\n")
	limit := time.After(d.limit)
	for _, n := range polled {
		select {
		case <-d.queued[n]:
			d.done++
			delete(d.queued, n)
			d.c.printf("  node%d %s", n, d.c.green("done"))
		case <-d.ctx.Done():
			return d.ctx.Err()
		case <-limit:
			d.c.printf("  node%d %s", n, d.c.red("waits"))
			return fmt.Errorf("the demo stopped: work waits at node%d, which is polled", n)
		}
	}
	if len(d.queued) > 0 {
		time.Sleep(50 * time.Millisecond) // in which it could be done
	}
	for _, n := range slices.Sorted(maps.Keys(d.queued)) {
		select {
		case <-d.queued[n]:
			d.c.printf("  node%d %s", n, d.c.red("done"))
			return fmt.Errorf("the demo stopped: the work at node%d is done, which is not polled", n)
		default:
			d.c.printf("  node%d %s", n, d.c.yellow("waits"))
		}
	}
	return nil
}
