package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// serviceWish is what a file asks of the service, and what that means for the one there is.
type serviceWish struct {
	run    serviceRun
	target serviceTarget
	report *serviceReport
	steps  []service.Step
}

// planService plans what the options ask for, and refuses what cannot be done. given says that the
// name of the service is not just the usual one.
func planService(ctx context.Context, c *console, instance tentacleconfig.Instance, given bool, o serviceOptions) (*serviceWish, error) {
	found, err := service.Installed(ctx, o.tentacle.service)
	if err != nil {
		return nil, err
	}
	w := &serviceWish{
		run:    serviceRun{request: o.request, outcome: o.outcome},
		target: serviceTarget{instance: instance, found: found, given: given},
		report: &serviceReport{DryRun: o.outcome.dryRun, status: found.Status},
	}
	if o.request.Install {
		if w.target.wanted, err = o.define(w.target); err != nil {
			return nil, err
		}
	}
	plan, err := w.run.plan(c, w.target, w.report)
	if err != nil {
		return nil, err
	}
	w.steps = plan.Steps
	return w, nil
}

// isStart says whether a step is the one that comes after the restart.
func isStart(s service.Step) bool { return s.Action == service.ActionStart }

// define installs the service, or gives it another definition, which a service that runs uses from
// its restart on.
func (w *serviceWish) define(ctx context.Context, c *console, out *outcome) error {
	return w.carryOut(ctx, c, out, func(s service.Step) bool { return !isStart(s) && s.Action != "" })
}

// start starts the service, unless a restart has done that.
func (w *serviceWish) start(ctx context.Context, c *console, out *outcome) error {
	if out.Service.Restarted {
		return nil
	}
	err := w.carryOut(ctx, c, out, isStart)
	if now, unknown := lookAtService(context.WithoutCancel(ctx), w.target.found.Name); unknown == nil {
		out.Service.State = now.State
	}
	return err
}

func (w *serviceWish) carryOut(ctx context.Context, c *console, out *outcome, which func(service.Step) bool) error {
	defer c.endProgress()
	if slices.ContainsFunc(w.steps, which) && w.target.wanted.Name != "" {
		warnOfUnreadable(c, w.target)
	}
	before := len(w.report.done)
	err := w.run.carryOutSteps(ctx, c, w.target, w.report, slices.DeleteFunc(slices.Clone(w.steps), func(s service.Step) bool { return !which(s) }))
	w.note(out, w.report.done[before:])
	return err
}

// unfinished is the error for a service that is not as the file says. The configuration is.
func (w *serviceWish) unfinished(out *outcome, err error) error {
	if err == nil || errors.As(err, new(unfinishedError)) {
		return err
	}
	return unfinishedError{done: out.Configuration + " is as the file says, but its service is not:", cause: err, finish: again}
}

// rehearse notes what would be done.
func (w *serviceWish) rehearse(out *outcome) {
	for _, step := range w.steps {
		if step.Action != "" {
			w.report.add(w.target.found.Name, step)
		}
	}
	w.note(out, w.report.done)
}

func (w *serviceWish) note(out *outcome, done []string) {
	out.Difference = w.report.Difference
	out.Actions = w.report.Actions
	out.done = append(out.done, done...)
	out.redefined = slices.ContainsFunc(w.steps, func(s service.Step) bool { return s.OldDefinition })
}
