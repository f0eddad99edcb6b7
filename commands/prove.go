package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
)

// check --prove starts health checks of this Tentacle, one after the other, until every node that
// hands out work has run one. Nobody can choose the node that runs a task.

const (
	// checksPerNode is how many health checks are started for each node that hands out work, at
	// most.
	checksPerNode = 3
	// proveTime is for all of them together. One that reaches no Tentacle takes as long as a
	// request may lie in a queue: two minutes, unless the machine policy says otherwise.
	proveTime = time.Hour
)

// prove starts health checks where they prove something. What they find is in the snapshot. An
// error is that the account may not start them, or that the command was interrupted.
func (s *snapshot) prove(ctx context.Context, c *console) error {
	p := &check.Proving{}
	s.Proving = p
	var of octoapi.Registration
	if p.Nodes, of, p.Err = s.ToProve(); p.Err != nil || len(p.Nodes) == 0 {
		return nil
	}
	ctx = interruptible(ctx)
	limited, cancel := context.WithTimeout(ctx, proveTime)
	defer cancel()
	defer c.endProgress()
	task, err := s.checkUntilProved(limited, of)
	switch {
	case ctx.Err() != nil && task.ID != "":
		return unfinishedError{done: fmt.Sprintf("the health check %s was started, and goes on without this command", task.ID), cause: ctx.Err()}
	case ctx.Err() != nil, errors.Is(err, octoapi.ErrForbidden):
		return err
	}
	p.Err = err
	return nil
}

// checkUntilProved runs health checks until every node has run one, or the limit is reached. With
// an error, it returns the task that is not known to have ended.
func (s *snapshot) checkUntilProved(ctx context.Context, of octoapi.Registration) (octoapi.Task, error) {
	space, err := s.server.Space(ctx, of.Space.ID)
	if err != nil {
		return octoapi.Task{}, err
	}
	p, cover := s.Proving, s.Coverage()
	left, most := slices.Clone(p.Nodes), checksPerNode*len(cover.Working())
	for len(left) > 0 && len(p.Checks) < most && !hopeless(p.Checks) {
		one, cancel := context.WithTimeout(ctx, healthTime)
		task, err := s.server.checkHealth(one, space, []octoapi.Registration{of},
			fmt.Sprintf(" (%d of at most %d, to prove %s)", len(p.Checks)+1, most, strings.Join(left, ", ")))
		cancel()
		if task.ID != "" && errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("the health check %s did not end in time", task.ID)
		}
		if err != nil {
			return task, err
		}
		machine, err := space.Machines(of.Kind).ByID(ctx, of.Machine.ID)
		if err != nil {
			return octoapi.Task{}, err
		}
		done := check.HealthCheck{Task: task, Health: machine.HealthStatus, Log: s.server.logOf(task, space)}
		p.Checks = append(p.Checks, done)
		if done.Reached() {
			s.API.HealthChecks = append(s.API.HealthChecks, task)
		}
		for i, r := range s.API.Registrations {
			if r.Space.ID == of.Space.ID && r.Machine.ID == of.Machine.ID {
				s.API.Registrations[i].Machine.HealthStatus = machine.HealthStatus
			}
		}
		if node := cover.NodeCalled(task.ServerNode); node != nil {
			left = slices.DeleteFunc(left, func(name string) bool { return name == node.Name })
		}
	}
	return octoapi.Task{}, nil
}

// hopeless says whether the last two health checks did not reach this Tentacle, and none before: it
// seems not to run, and each further one would take minutes.
func hopeless(checks []check.HealthCheck) bool {
	return len(checks) >= 2 && !slices.ContainsFunc(checks, func(c check.HealthCheck) bool { return !c.Missed() })
}
