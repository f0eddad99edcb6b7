package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plural"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// checkOptions are those of check.
type checkOptions struct {
	tentacle     tentacleOptions
	api          apiOptions
	allInstances bool
	strict       bool
	prove        bool
	format       string

	asksAPI bool
}

// checkTimeout is how long check waits for the network by default: no response within it is a
// finding.
const checkTimeout = 15 * time.Second

func checkCommand(c *console) *cli.Command {
	o := checkOptions{api: apiOptions{timeout: checkTimeout}}
	return &cli.Command{
		Name:     "check",
		Category: "Polling",
		Usage:    "check whether this Tentacle is set up correctly for high availability",
		Description: `Checks the configuration, the certificate, the service and every polled port. With
the address of the Octopus Server and credentials, also checks the registration
and the nodes of the cluster. Changes nothing. Each finding says what is wrong,
why that matters and which command fixes it. Prints the findings to standard
output and exits with 1 if there is a problem.

Behind NAT only a health check that a node runs proves that the node is polled.
With --prove, health checks of this Tentacle are started one after the other, until
each node that hands out work has run one: three for each such node at most, since
nobody can choose the node. They are tasks on the server, and take seconds each, or
minutes where the Tentacle is not reached, whatever --timeout is.

  octo-tentacle check
  octo-tentacle check --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle check --server=https://octopus.example.com --apikey-file=key.txt --prove
  octo-tentacle check --all-instances --strict --format=json`,
		Flags: allFlags(o.api.flags(), o.tentacle.flags(), []cli.Flag{
			allInstancesFlag(&o.allInstances),
			&cli.BoolFlag{Name: "prove", Category: theServer, Destination: &o.prove, DisableDefaultText: true,
				Usage: "start health checks on the server, until each node is proved to be polled"},
			&cli.BoolFlag{Name: "strict", Category: theOutcome, Destination: &o.strict, DisableDefaultText: true,
				Usage: "exit with 1 also for warnings"},
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error { return checkTentacles(ctx.Context, c, o) },
	}
}

func checkTentacles(ctx context.Context, c *console, o checkOptions) error {
	if err := o.complete(c); err != nil {
		return err
	}
	snapshots, err := o.look()
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
	results := make([]checkResult, len(snapshots))
	worst := check.OK
	for i, s := range snapshots {
		results[i] = newCheckResult(&s.Snapshot)
		worst = max(worst, results[i].worst)
	}
	if err := o.print(c, results); err != nil {
		return err
	}
	if worst == check.Problem || worst == check.Warning && o.strict {
		return verdictError{}
	}
	return nil
}

// complete also finds out whether there is a server to ask: without one, check reports what can be
// seen on this machine.
func (o *checkOptions) complete(c *console) error {
	if err := errors.Join(o.tentacle.completeAll(o.allInstances), completeFormat(&o.format)); err != nil {
		return err
	}
	if o.api.timeout <= 0 {
		return fmt.Errorf("--timeout %v is too short: give a duration like %v", o.api.timeout, checkTimeout)
	}
	if o.prove && o.allInstances {
		return hint.New("--prove and --all-instances cannot be combined", "prove one Tentacle after the other, with --instance")
	}
	var err error
	if o.asksAPI, err = o.api.completeIfGiven(c); err == nil && o.prove && !o.asksAPI {
		err = hint.New("--prove needs an Octopus Server to ask", "give "+o.api.missing())
	}
	return err
}

// look takes snapshots of the chosen Tentacles on this machine. If all are chosen, a broken one
// must not hide the others.
func (o *checkOptions) look() (snapshots []*snapshot, err error) {
	if !o.allInstances {
		instance, err := find(o.tentacle)
		if err != nil {
			return nil, err
		}
		noteUse(instance)
		return []*snapshot{takeSnapshot(instance, o.tentacle.service, time.Now())}, nil
	}
	instances, err := tentacleconfig.Instances()
	for _, damage := range joined(err) {
		broken, is := errors.AsType[*tentacleconfig.IndexError](damage)
		if !is {
			return nil, err
		}
		damaged := &snapshot{}
		damaged.Tentacle.Instance.ConfigPath, damaged.IndexErr = broken.Path, withHints(broken)
		snapshots = append(snapshots, damaged)
	}
	for _, instance := range instances {
		s := takeSnapshot(instance, "", time.Now())
		for _, sharing := range instance.SharingFile(instances) {
			s.SharingFile = append(s.SharingFile, sharing.Name)
		}
		snapshots = append(snapshots, s)
	}
	for _, s := range snapshots {
		s.Others = others(s, snapshots)
	}
	return snapshots, nil
}

// others are the snapshots of the other Tentacles on this machine that could be found.
func others(s *snapshot, snapshots []*snapshot) (list []*check.Snapshot) {
	for _, other := range snapshots {
		if other != s && other.IndexErr == nil {
			list = append(list, &other.Snapshot)
		}
	}
	return list
}

// joined are the errors of errors.Join.
func joined(err error) []error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		return several.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// ask completes the snapshots with what the service manager, the ports and the API say.
func (o *checkOptions) ask(ctx context.Context, c *console, snapshots []*snapshot) (err error) {
	ports, url := 0, ""
	for _, s := range snapshots {
		ports += len(s.Ports)
		if !o.asksAPI || s.IndexErr != nil || s.ProxyErr != nil {
			continue
		}
		if s.server, err = connect(c, o.api, s.proxy); err != nil {
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

// checkResult is the JSON of check for one Tentacle, from which the text is made.
type checkResult struct {
	Instance      string          `json:"instance"`
	Configuration string          `json:"configuration"`
	Server        string          `json:"server"` // the address of the API; "" when it was not asked
	Service       checkedService  `json:"service"`
	Findings      []check.Finding `json:"findings"`
	Summary       checkSummary    `json:"summary"`

	worst check.Level
}

type checkedService struct {
	Name    string        `json:"name"`
	State   service.State `json:"state"`
	Started string        `json:"started"` // RFC 3339; "" when it is not known, or nothing runs
}

type checkSummary struct {
	OK       int `json:"ok"`
	Skipped  int `json:"skipped"`
	Warnings int `json:"warnings"`
	Problems int `json:"problems"`
}

func newCheckResult(s *check.Snapshot) checkResult {
	r := checkResult{
		Instance: s.Tentacle.Instance.Name, Configuration: s.Tentacle.Instance.ConfigPath,
		Service:  checkedService{Name: s.Service.Name, State: s.Service.State},
		Server:   s.Server,
		Findings: s.Findings(),
	}
	if !s.Service.Started.IsZero() && s.Service.State == service.Running {
		r.Service.Started = s.Service.Started.UTC().Format(time.RFC3339)
	}
	for _, found := range r.Findings {
		r.worst = max(r.worst, found.Level)
		switch found.Level {
		case check.OK:
			r.Summary.OK++
		case check.Skipped:
			r.Summary.Skipped++
		case check.Warning:
			r.Summary.Warnings++
		case check.Problem:
			r.Summary.Problems++
		}
	}
	return r
}

func (o *checkOptions) print(c *console, results []checkResult) error {
	switch {
	case o.format == "json" && o.allInstances:
		return c.printJSON(results)
	case o.format == "json":
		return c.printJSON(results[0])
	case len(results) == 0:
		printNoInstance(c)
	}
	for i, result := range results {
		if i > 0 {
			c.printf("\n")
		}
		result.print(c)
	}
	return nil
}

func (r checkResult) print(c *console) {
	c.printf("%s\n", c.bold(title(r.Instance, r.Configuration)))
	for _, found := range r.Findings {
		printFinding(c, found)
	}
	c.printf("%d ok, %s, %s\n", r.Summary.OK,
		plural.Of(r.Summary.Warnings, "warning", "warnings"), plural.Of(r.Summary.Problems, "problem", "problems"))
}

// printFinding prints a good finding in one line, and any other with its reason and its fix.
func printFinding(c *console, f check.Finding) {
	paint := [...]paint{c.green, c.yellow, c.yellow, c.red}[f.Level]
	c.printf("  %s  %s\n", paint(fmt.Sprintf("%-7s", f.Level)), f.What)
	if f.Level == check.OK {
		return
	}
	for line := range strings.Lines(f.Why) {
		c.printf("           %s\n", strings.TrimSpace(line))
	}
	switch {
	case f.Fix == "":
	case f.Complete:
		c.printf("           fix: %s\n", c.bold(f.Fix))
	default:
		c.printf("           fix (%s): %s\n", f.Open, c.bold(f.Fix))
	}
}
