package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/tentaclefile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// checkOptions are those of check.
type checkOptions struct {
	tentacle     tentacleOptions
	agents       agentOptions
	api          apiOptions
	allInstances bool
	strict       bool
	prove        bool
	quiet        bool
	require      cli.StringSlice
	format       string
	file         string

	asksAPI bool
	wish    *tentaclefile.File // of the file; nil without one
}

// checkFormats are those that only check has.
var checkFormats = []string{formatNagios, formatPrometheus}

// checkTimeout is how long check waits for the network by default: no response within it is a
// finding.
const checkTimeout = 15 * time.Second

func checkCommand(c *console) *cli.Command {
	o := checkOptions{api: apiOptions{timeout: checkTimeout}}
	return &cli.Command{
		Name:     "check",
		Category: "Polling",
		Usage:    "find what is wrong with this Tentacle and how to fix it",
		Description: `Checks the configuration, the certificate, the service and every polled port. With
the address of the Octopus Server and credentials, also checks the registration
and the nodes of the cluster. Changes nothing. Each finding says what is wrong,
why that matters and which command fixes it, or what was skipped and why. Prints
the findings to standard output and exits with 1 if there is a problem, and with
4 if it could not look.

Behind NAT, only a health check that a node runs proves that the node is polled.
With --prove, the server checks the health of this Tentacle again and again, until
each node that hands out work has run such a check: with three nodes, nine times at
most, since nobody can choose the node. The checks are tasks on the server. Each takes
some seconds, or minutes if it does not reach the Tentacle, whatever --timeout is.

  octo-tentacle check
  octo-tentacle check --server=https://octopus.example.com \
    --apikey-file=key.txt
  octo-tentacle check --server=https://octopus.example.com \
    --apikey-file=key.txt --prove
  octo-tentacle check --all-instances --strict --format=json
  octo-tentacle check --all-instances --quiet --require=service,ports

With --file, it also compares the Tentacle with the file that apply reads: each difference
is a problem, with its line and key. Comparing registrations takes credentials.

  octo-tentacle check --file=tentacle.yaml
  octo-tentacle check --file=tentacle.yaml --apikey-file=key.txt \
    --require=file

Of Kubernetes agents, it looks at the Helm release, the Deployment, the ConfigMap and
the log of the running agent, and writes to none of them:

  octo-tentacle check --namespace=octopus-agent \
    --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle check --all-agents --context=prod,test`,
		Flags: allFlags(o.api.flags(), o.tentacle.flags(), o.agents.flags(), []cli.Flag{
			allInstancesFlag(&o.allInstances),
			&cli.StringFlag{Name: "file", Category: whichTentacle, Destination: &o.file,
				Usage: "`FILE` (YAML or JSON) that says what the Tentacle should be, to compare it with; - for standard input"},
			&cli.BoolFlag{Name: "prove", Category: theServer, Destination: &o.prove, DisableDefaultText: true,
				Usage: "start health checks on the server, until each node is proved to be polled"},
			&cli.BoolFlag{Name: "strict", Category: theOutcome, Destination: &o.strict, DisableDefaultText: true,
				Usage: "exit with 1 also for warnings"},
			&cli.StringSliceFlag{Name: "require", Category: theOutcome, Destination: &o.require,
				Usage: "exit with 4 if one of these `AREAS` was not looked at: " + oneOf(check.Areas()) + "; repeatable, or with commas"},
			&cli.BoolFlag{Name: "quiet", Category: theOutcome, Destination: &o.quiet, DisableDefaultText: true,
				Usage: "print warnings and problems only, and what was required and skipped"},
			&cli.StringFlag{Name: "format", Category: theOutcome, Destination: &o.format, Value: "text",
				Usage: "output `FORMAT`: text for people, json for scripts, nagios (one line, with exit codes of its own) or prometheus (metrics for a textfile collector)"},
		}),
		Action: func(ctx *cli.Context) error { return checkTentacles(ctx.Context, c, o) },
	}
}

func checkTentacles(ctx context.Context, c *console, o checkOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	snapshots, err := o.look(ctx, c)
	if err != nil {
		return err
	}
	if err := o.ask(ctx, c, snapshots); err != nil {
		return err
	}
	if o.prove {
		if err := snapshots[0].prove(ctx, c); err != nil {
			return err
		}
	}
	report := checkReport{agents: o.agents.given(), required: o.required(), results: make([]checkResult, len(snapshots))}
	for i, s := range snapshots {
		report.results[i] = newCheckResult(&s.Snapshot, report.required)
	}
	if err := o.print(c, report); err != nil {
		return err
	}
	return o.verdict(report)
}

func (o *checkOptions) print(c *console, report checkReport) error {
	switch {
	case o.format == formatNagios:
		c.writeUTF8()
		c.printf("%s\n", report.nagios())
	case o.format == formatPrometheus:
		c.writeUTF8()
		c.printf("%s\n", c.lines(splitLines(report.prometheus())))
	case o.format == "json" && (o.allInstances || o.agents.severalPossible()):
		return c.printJSON(report.results)
	case o.format == "json":
		return c.printJSON(report.results[0])
	default:
		report.print(c, o.quiet)
	}
	return nil
}

// verdict is the exit code for what was found, as an error.
func (o *checkOptions) verdict(report checkReport) error {
	code := exitDone
	switch worst := report.worst(); {
	case o.format == formatPrometheus: // the answer is complete, whatever it says
	case o.format == formatNagios:
		code = report.nagiosCode()
	case worst == check.Problem || worst == check.Warning && o.strict:
		code = exitFailed
	case len(report.missing()) > 0 || report.unseen():
		code = exitNotChecked
	}
	if code == exitDone {
		return nil
	}
	return verdictError{code}
}

// complete also finds out whether there is a server to ask: without one, check reports what can be
// seen on this machine.
func (o *checkOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.completeAll(o.allInstances), o.agents.complete(o.tentacle, o.allInstances), completeFormat(&o.format, checkFormats...), o.checkRequired()); err != nil {
		return err
	}
	if o.api.timeout <= 0 {
		return fmt.Errorf("--timeout %v is too short: give a duration like %v", o.api.timeout, checkTimeout)
	}
	if err := o.completeFile(c); err != nil {
		return err
	}
	if o.prove && o.allInstances {
		return hint.New("--prove and --all-instances cannot be combined", "prove one Tentacle after the other, with --instance")
	}
	if o.prove && o.agents.severalPossible() {
		return hint.New("--prove proves one agent after the other", "give the --namespace of one, and one --context")
	}
	var err error
	if o.asksAPI, err = o.api.completeIfGiven(c); err == nil && o.prove && !o.asksAPI {
		err = hint.New("--prove needs an Octopus Server to ask", "give "+o.api.missing())
	}
	return err
}

// required are the areas that have to be looked at.
func (o *checkOptions) required() []string {
	return commaSeparated([]string{strings.ToLower(strings.Join(o.require.Value(), ","))})
}

func (o *checkOptions) checkRequired() error {
	for _, area := range o.required() {
		if !slices.Contains(check.Areas(), area) {
			return fmt.Errorf("--require %q is not known: use %s", area, oneOf(check.Areas()))
		}
	}
	return nil
}

// look takes snapshots of the chosen Tentacles on this machine, or of the chosen agents. If all are
// chosen, a broken one must not hide the others.
func (o *checkOptions) look(ctx context.Context, c *console) (snapshots []*snapshot, err error) {
	if o.agents.given() {
		ctx, cancel := context.WithTimeout(ctx, o.api.timeout)
		defer cancel()
		return lookAtAgents(ctx, c, o.agents)
	}
	if o.wish != nil {
		s, err := o.lookAtWished(ctx, c)
		return []*snapshot{s}, err
	}
	if !o.allInstances {
		t, err := locate(ctx, o.tentacle)
		if err != nil {
			return nil, err
		}
		s := takeSnapshot(ctx, t, time.Now())
		s.Alone = isAlone(t.instance)
		return []*snapshot{s}, nil
	}
	instances, damage := allInstances(c)
	brokenFiles, err := indexErrors(damage)
	if err != nil {
		return nil, err
	}
	for _, broken := range brokenFiles {
		damaged := &snapshot{}
		damaged.Now = time.Now()
		damaged.Tentacle.Instance.ConfigPath, damaged.IndexErr = broken.Path, withHints(broken)
		snapshots = append(snapshots, damaged)
	}
	var all []*check.Snapshot
	for _, instance := range instances {
		s := takeSnapshot(ctx, inFile(instance, ""), time.Now())
		s.Alone = len(instances) == 1 && damage == nil
		snapshots, all = append(snapshots, s), append(all, &s.Snapshot)
	}
	check.OnOneMachine(all, tentacleconfig.SharedFiles(instances))
	return snapshots, nil
}

// isAlone says whether there certainly is no other instance on this machine.
func isAlone(instance tentacleconfig.Instance) bool {
	instances, err := tentacleconfig.Instances()
	return err == nil && !slices.ContainsFunc(instances, func(i tentacleconfig.Instance) bool { return i.Name != instance.Name })
}

// ask completes the snapshots with what the service manager, the ports and the API say.
func (o *checkOptions) ask(ctx context.Context, c *console, snapshots []*snapshot) (err error) {
	ports, url := 0, ""
	for _, s := range snapshots {
		ports += len(s.Ports)
		if !o.asksAPI || s.unseen() || s.ProxyErr != nil && s.Kubernetes == nil {
			continue
		}
		if s.server, err = connect(c, o.api, s.apiProxy()); err != nil {
			return err
		}
		s.ServerOptions = o.api.suggestedOptions()
		url = s.server.URL()
	}
	ctx, cancel := context.WithTimeout(ctx, o.api.timeout)
	defer cancel()
	defer c.endProgress()
	askAll(ctx, snapshots, portProgress(c, url, ports))
	return nil
}
