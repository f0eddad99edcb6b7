package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// checkOptions are what check can be told.
type checkOptions struct {
	tentacle     tentacleOptions
	api          apiOptions
	allInstances bool
	strict       bool
	format       string
}

// checkTimeout is how long check waits for the network unless told otherwise:
// what does not answer within it is a finding.
const checkTimeout = 15 * time.Second

func checkCommand(c *console) *cli.Command {
	o := checkOptions{api: apiOptions{timeout: checkTimeout}}
	return &cli.Command{
		Name:     "check",
		Category: "Polling",
		Usage:    "find out whether this Tentacle is right for high availability",
		Description: `Looks at the configuration, the certificate, the service and every polled port;
with the address of the Octopus Server and credentials also at the registration
and at the nodes of the cluster. Nothing is changed. Each finding says what is
wrong, why it matters and which command mends it. A problem makes the exit code
1: the findings are the answer, and stand on standard output all the same.

  octo-tentacle check
  octo-tentacle check --server=https://octopus.example.com --apikey-file=key.txt
  octo-tentacle check --all-instances --strict --format=json`,
		Flags: allFlags(o.api.flags(), o.tentacle.flags(), []cli.Flag{
			allInstancesFlag(&o.allInstances),
			&cli.BoolFlag{Name: "strict", Category: theOutcome, Destination: &o.strict, DisableDefaultText: true,
				Usage: "let a warning make the exit code 1, too"},
			formatFlag(&o.format),
		}),
		Action: func(ctx *cli.Context) error { return check(ctx.Context, c, o) },
	}
}

// verdictError makes the exit code 1 where the command did what it should and
// the answer, which stands on standard output, is bad. It is not shown.
type verdictError struct{}

func (verdictError) Error() string { return "there are problems" }

func check(ctx context.Context, c *console, o checkOptions) error {
	asksAPI, err := o.read(c)
	if err != nil {
		return err
	}
	all, err := o.look()
	if err != nil {
		return err
	}
	for _, f := range all {
		if !asksAPI || f.indexErr != nil || f.proxyErr != nil {
			continue
		}
		if f.client, err = connect(c, o.api, f.proxy); err != nil {
			return err
		}
		f.serverOptions = o.serverOptions()
	}
	gatherAll(ctx, c, all, o.api.timeout)

	results := make([]checkResult, len(all))
	worst := levelOK
	for i, f := range all {
		results[i] = newCheckResult(f)
		worst = max(worst, results[i].worst)
	}
	if err := o.print(c, results); err != nil {
		return err
	}
	if worst == levelProblem || worst == levelWarning && o.strict {
		return verdictError{}
	}
	return nil
}

// read checks the arguments, and says whether there is a server to ask: without
// one, check tells what can be seen from this machine.
func (o *checkOptions) read(c *console) (asksAPI bool, err error) {
	if err := errors.Join(o.tentacle.checkAll(o.allInstances), checkFormat(&o.format)); err != nil {
		return false, err
	}
	if o.api.timeout <= 0 {
		return false, fmt.Errorf("--timeout %v leaves no time: give something like %v", o.api.timeout, checkTimeout)
	}
	if !o.api.given() && os.Getenv("OCTOPUS_URL") == "" {
		return false, nil
	}
	return true, o.api.check(c)
}

// serverOptions are the options that reach the server again, for a command that
// mends something. A secret is not among them.
func (o *checkOptions) serverOptions() []string {
	options := []string{"--server=" + o.api.server}
	if o.api.apiKeyFile != "" && o.api.apiKeyFile != "-" {
		options = append(options, "--apikey-file="+o.api.apiKeyFile)
	}
	if o.api.passwordFile != "" && o.api.passwordFile != "-" {
		options = append(options, "--username="+o.api.username, "--password-file="+o.api.passwordFile)
	}
	if o.api.caFile != "" {
		options = append(options, "--ca-file="+o.api.caFile)
	}
	if o.api.ignoreSSLErrors {
		options = append(options, "--ignoreSslErrors")
	}
	return options
}

// look reads what is on this machine of the Tentacles that are meant. With all
// of them, one that is broken must not hide the others.
func (o *checkOptions) look() (all []*facts, err error) {
	var instances []tentacleconfig.Instance
	if o.allInstances {
		instances, err = tentacleconfig.Instances()
		for _, damage := range joined(err) {
			broken, is := errors.AsType[*tentacleconfig.IndexError](damage)
			if !is {
				return nil, err
			}
			all = append(all, &facts{instance: tentacleconfig.Instance{ConfigPath: broken.Path}, indexErr: broken})
		}
	} else {
		instances = make([]tentacleconfig.Instance, 1)
		if instances[0], err = find(o.tentacle); err != nil {
			return nil, err
		}
		noteUse(instances[0])
	}
	for _, instance := range instances {
		all = append(all, lookAtFacts(instance, o.tentacle.service, time.Now()))
	}
	return all, nil
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

// gatherAll asks the service manager, the ports and the API for all instances at
// the same time.
func gatherAll(ctx context.Context, c *console, all []*facts, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ports, url := 0, ""
	for _, f := range all {
		ports += len(f.ports)
		if f.client != nil {
			url = f.client.URL()
		}
	}
	progress := newPortProgress(c, url, ports)
	defer c.endProgress()
	var wait sync.WaitGroup
	for _, f := range all {
		wait.Go(func() { f.gather(ctx, progress) })
	}
	wait.Wait()
}

// newPortProgress shows what is asked, and returns what to call when a port has
// answered.
func newPortProgress(c *console, url string, ports int) (answered func(octoapi.Port)) {
	text := askingText(url, ports)
	if url == "" {
		text = "trying " + plural(ports, "polling port", "polling ports")
	}
	c.progress(text)
	var mu sync.Mutex
	done := 0
	return func(octoapi.Port) {
		mu.Lock()
		defer mu.Unlock()
		done++
		c.progress(fmt.Sprintf("%s, %d answered", text, done))
	}
}

// checkResult is what check tells of one Tentacle: the JSON, and what the text
// is made from.
type checkResult struct {
	Instance      string         `json:"instance"`
	Configuration string         `json:"configuration"`
	Server        string         `json:"server"` // the API's address; "" when it was not asked
	Service       checkedService `json:"service"`
	Findings      []finding      `json:"findings"`
	Summary       checkSummary   `json:"summary"`

	worst level
}

type checkedService struct {
	Name    string        `json:"name"`
	State   service.State `json:"state"`
	Started string        `json:"started"` // RFC 3339; "" when that is not known, or nothing runs
}

type checkSummary struct {
	OK       int `json:"ok"`
	Warnings int `json:"warnings"`
	Problems int `json:"problems"`
}

func newCheckResult(f *facts) checkResult {
	r := checkResult{
		Instance: f.instance.Name, Configuration: f.instance.ConfigPath,
		Service:  checkedService{Name: f.status.Name, State: f.status.State},
		Server:   f.url,
		Findings: f.findings(),
	}
	if !f.status.Started.IsZero() && f.status.State == service.Running {
		r.Service.Started = f.status.Started.UTC().Format(time.RFC3339)
	}
	for _, found := range r.Findings {
		r.worst = max(r.worst, found.Level)
		switch found.Level {
		case levelOK:
			r.Summary.OK++
		case levelWarning:
			r.Summary.Warnings++
		case levelProblem:
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
		c.printNoInstance()
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
	title := report{Instance: r.Instance, Configuration: r.Configuration}
	c.printf("%s\n", c.bold(title.title()))
	for _, found := range r.Findings {
		found.print(c)
	}
	c.printf("%d ok, %s, %s\n", r.Summary.OK, plural(r.Summary.Warnings, "warning", "warnings"), plural(r.Summary.Problems, "problem", "problems"))
}
