package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What service and checkservices have in common: carrying out a request for services.

// serviceTarget is the service of one instance: as it is, and as it should be.
type serviceTarget struct {
	instance tentacleconfig.Instance
	found    service.Installation
	wanted   service.Definition // only where the request defines the service
	given    bool               // its name, by an option: it is not just the usual one
}

func (t serviceTarget) suggest() suggest.Tentacle {
	return suggest.Tentacle{Instance: t.instance, Service: t.found.Name}
}

// serviceReport is the JSON of service and checkservices, and the source of their text.
type serviceReport struct {
	Instance      string           `json:"instance"`      // "" for a file that no instance names
	Configuration string           `json:"configuration"` // the file; "" when the instance is gone
	DryRun        bool             `json:"dryRun"`
	Changed       bool             `json:"changed"`
	Result        result           `json:"outcome"`
	Actions       []service.Action `json:"actions"`    // what was done (in a dry run: would be), in that order
	Difference    string           `json:"difference"` // from what was installed; "" for none
	Kept          []string         `json:"kept"`       // what was changed by hand and stays (Windows)
	Service       serviceState     `json:"service"`

	lines  []string // what was done or left alone, for people
	done   []string // those of them that were done, for the history
	status service.Status
}

// serviceRun carries out one request for the services of one or more instances.
type serviceRun struct {
	request service.Request
	outcome outcomeOptions
	list    bool // the JSON is a list of reports, not one report

	damage error // of index files: the services of their instances, which are not known, are left out
}

// apply makes a plan for each service and carries the plans out at the same time: stopping a
// service can take a minute. A failure of one does not stop the others.
func (s serviceRun) apply(ctx context.Context, c *console, targets []serviceTarget) error {
	reports, failures := make([]*serviceReport, len(targets)), make([]error, len(targets))
	var wait sync.WaitGroup
	for i, target := range targets {
		wait.Go(func() { reports[i], failures[i] = s.applyTo(ctx, c, target) })
	}
	wait.Wait()
	c.endProgress()

	failed := errors.Join(failures...)
	changed := slices.ContainsFunc(reports, func(r *serviceReport) bool { return r.Changed && !r.DryRun })
	complete := failed == nil
	failed = errors.Join(append(joined(s.damage), joined(failed)...)...)
	if failed != nil && changed && !errors.As(failed, new(unfinishedError)) {
		failed = unfinishedError{done: "not everything was done", cause: failed}
	}
	if s.outcome.json() {
		if complete || s.outcome.printsDespite(failed) {
			failed = cmp.Or(failed, s.printJSON(c, reports))
		}
		return failed
	}
	if len(targets) == 0 && failed == nil {
		c.printf("There is no Tentacle instance on this machine.\n")
	}
	for i, r := range reports {
		if failures[i] == nil {
			r.print(c)
		}
	}
	return failed
}

// applyTo carries out the request for one service. The report is complete even if it fails.
func (s serviceRun) applyTo(ctx context.Context, c *console, t serviceTarget) (*serviceReport, error) {
	r := &serviceReport{
		Instance: t.instance.Name, Configuration: t.instance.ConfigPath,
		DryRun: s.outcome.dryRun, Actions: []service.Action{}, Kept: []string{}, // an empty list is [], not null
		status: t.found.Status,
	}
	err := s.carryOut(ctx, c, t, r)
	if !r.DryRun && (r.Changed || errors.As(err, new(unfinishedError))) {
		now, unknown := lookAtService(context.WithoutCancel(ctx), t.found.Name)
		if r.status = now; unknown != nil {
			c.warnOf(unknown)
		}
	}
	if err == nil && !r.DryRun {
		warnOfTrouble(ctx, c, t.suggest(), nil, r.status)
	}
	r.Service = serviceState{Name: t.found.Name, State: r.status.State}
	r.Result = resultOf(r.DryRun, r.Changed, err)
	if isRecorded(r.DryRun, r.Changed, err) {
		record(c, t.instance, s.outcome, history.Entry{Done: r.done}, r.Result, err)
	}
	return r, err
}

func (s serviceRun) carryOut(ctx context.Context, c *console, t serviceTarget, r *serviceReport) error {
	plan, err := s.plan(c, t, r)
	if err != nil {
		return err
	}
	if (s.request.Stop || s.request.Uninstall) && !r.DryRun {
		t.clearMark() // somebody wants it to be stopped
	}
	return s.carryOutSteps(ctx, c, t, r, plan.Steps)
}

// plan decides what the request means for a service, and refuses what this account may not do.
func (s serviceRun) plan(c *console, t serviceTarget, r *serviceReport) (*service.Plan, error) {
	request := s.request
	if request.Kept = t.wanted.Kept(); len(request.Kept) > 0 {
		r.Kept = request.Kept
	}
	request.Interrupted = interruptedRestart(t.instance.ConfigPath, t.found.Status) != nil
	plan, err := service.MakePlan(request, t.found, t.wanted.Text(runtime.GOOS), runtime.GOOS)
	if err != nil {
		return nil, err
	}
	if err := refuseForeign(t.found.Status, t.given); err != nil {
		if !request.OnlyIfInstalled {
			return nil, err
		}
		plan = &service.Plan{Steps: []service.Step{{Note: "is not this Tentacle's: it runs " + t.found.ForeignCommand}}}
	}
	r.Difference = plan.Difference
	if actions := plan.Actions(); len(actions) > 0 {
		err := service.CheckRights(t.found.Name, actions...)
		switch {
		case err != nil && !r.DryRun:
			return nil, err
		case err != nil: // an account that may only look can see what would be done
			c.warn("without --dry-run this would fail: %s", c.errorText(err))
		}
	}
	return plan, nil
}

func (s serviceRun) carryOutSteps(ctx context.Context, c *console, t serviceTarget, r *serviceReport, steps []service.Step) error {
	for _, step := range steps {
		if step.Action != "" && !r.DryRun {
			if err := t.do(ctx, c, step.Action); err != nil {
				return r.unfinished(ctx, explainStart(ctx, t.suggest(), err))
			}
		}
		r.add(t.found.Name, step)
	}
	return nil
}

func (s serviceRun) printJSON(c *console, reports []*serviceReport) error {
	if s.list {
		return c.printJSON(reports)
	}
	return c.printJSON(reports[0])
}

// do carries out one action.
func (t serviceTarget) do(ctx context.Context, c *console, action service.Action) (err error) {
	name := t.found.Name
	unlock, err := service.Lock(ctx, name, func() { c.progress("another octo-tentacle is restarting service " + name) })
	if err != nil {
		return err
	}
	defer unlock()
	if action == service.ActionRestart {
		_, err = neededRestart{service: name, config: t.instance.ConfigPath}.carryOut(ctx, c, t.found.Status)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, restartTime)
	defer cancel()
	switch action {
	case service.ActionStart:
		_, err = service.Start(ctx, name, c.progress)
	case service.ActionStop:
		_, err = service.Stop(ctx, name, c.progress)
	case service.ActionDisable:
		err = service.Disable(ctx, name)
	case service.ActionUninstall:
		err = service.Uninstall(ctx, name, c.progress)
	case service.ActionInstall, service.ActionReconfigure, service.ActionEnable:
		return service.Install(ctx, t.wanted)
	}
	if err == nil {
		t.clearMark() // it is as somebody wants it
	}
	return err
}

// clearMark removes the mark of a restart that came to no end. One that stays is tried again later.
func (t serviceTarget) clearMark() {
	if t.instance.ConfigPath != "" {
		_ = tentacleconfig.ClearRestartMark(t.instance.ConfigPath)
	}
}

// add records a step that was done or, in a dry run, would be.
func (r *serviceReport) add(name string, step service.Step) {
	verb := ""
	switch {
	case step.Action != "" && r.DryRun:
		verb = "would be "
	case step.Action != "":
		verb = "was "
	}
	done := fmt.Sprintf("service %s %s%s", name, verb, step.Note)
	line := done
	if step.OldDefinition {
		line += ": " + suggest.Tentacle{Service: name}.Restart()
	}
	if step.Kept {
		line += " (--reconfigure replaces it)"
	}
	r.lines = append(r.lines, line)
	if step.Action != "" {
		r.Actions, r.Changed = append(r.Actions, step.Action), true
		r.done = append(r.done, done)
	}
}

// unfinished is the error for a step that failed: it says what was done before.
func (r *serviceReport) unfinished(ctx context.Context, err error) error {
	switch {
	case len(r.Actions) > 0:
		return unfinishedError{done: "not everything was done; done so far: " + strings.Join(r.lines, "; "), cause: err}
	case ctx.Err() != nil:
		return unfinishedError{done: "not everything was done", cause: err}
	}
	return err
}

func (r *serviceReport) print(c *console) {
	name := title(r.Instance, r.Configuration)
	if r.Configuration == "" {
		name = cmp.Or(r.Instance, r.Service.Name)
	}
	c.printf("%s\n", name)
	printServiceDifference(c, r.Difference)
	for _, line := range r.lines {
		c.printf("  %s\n", line)
	}
	state := fmt.Sprintf("Service %s is %s.", r.Service.Name, r.status)
	if !r.Changed && !r.DryRun {
		state = unchangedLine + " " + state
	}
	c.printf("%s\n", resultLine(r.DryRun, r.Changed || !r.DryRun, state))
}

// queryServices finds the services of these instances.
func queryServices(ctx context.Context, instances []tentacleconfig.Instance) ([]serviceTarget, error) {
	targets := make([]serviceTarget, 0, len(instances))
	for _, instance := range instances {
		found, err := service.Installed(ctx, serviceOf(instance, ""))
		if err != nil {
			return nil, err
		}
		targets = append(targets, serviceTarget{instance: instance, found: found})
	}
	return targets, nil
}
