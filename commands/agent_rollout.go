package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// mostRounds is more than a change needs: three rollouts, one that was interrupted, and the
// ConfigMap.
const mostRounds = 8

// rollOut takes one step after the other until the agent is as the command decided. Each is chosen
// by what the cluster says at that moment, so a change that was interrupted goes on where it was.
func (p *outsidePlace) rollOut(ctx context.Context, c *console) error {
	defer c.endProgress()
	p.stages = len(p.plan.stages)
	for round := range mostRounds {
		if round > 0 {
			if err := p.readAgain(ctx); err != nil {
				return p.unfinished(err)
			}
			p.plan = p.lists.plan(p.wanted)
			if p.lists.lost() {
				c.warn("%s", p.saysLost())
			}
		}
		if p.plan.nothing() {
			return nil
		}
		err := p.step(ctx, c)
		switch {
		case errors.Is(err, kubernetes.ErrConflict) && !kubernetes.IsFieldConflict(err): // decide again
		case err != nil && p.stage > 0 && errors.As(err, new(undoneError)):
			return unfinishedError{done: fmt.Sprintf("of %d rollouts of the agent in namespace %s, %d went well, but then:", p.stages, p.agent.Namespace, p.stage), cause: err, finish: again}
		case err != nil:
			return err
		}
	}
	return unfinishedError{done: "the agent in namespace " + p.agent.Namespace + " was rolled out, but:",
		cause: hint.New("its ConfigMap is another one after its start than was wished: something else changes it at each start", "see what: "+p.tentacle.Command("list-servers"))}
}

// step takes the next step.
func (p *outsidePlace) step(ctx context.Context, c *console) error {
	interrupted, err := p.agent.Interrupted()
	if err != nil {
		return p.unfinished(err)
	}
	if interrupted != nil {
		c.warn("finishing a change that was interrupted: revision %d of the Helm release %s (%s)", interrupted.Release.Revision, interrupted.Release.Name, interrupted.Release.Description)
	}
	if len(p.plan.stages) > 0 || p.plan.restart {
		if _, err := p.save(ctx, p.plan.together); err != nil {
			return p.unfinished(err)
		}
	}
	switch {
	case interrupted != nil:
		return p.upgrade(ctx, c, interrupted, "")
	case len(p.plan.stages) > 0:
		list := p.plan.stages[0]
		of := ""
		if p.stages > 1 {
			of = fmt.Sprintf(" %d of %d", p.stage+1, p.stages)
		}
		u, err := p.agent.Upgrade(list, p.description(list, of))
		if err != nil {
			return p.unfinished(about(p.tentacle, err))
		}
		if err := p.upgrade(ctx, c, u, of); err != nil {
			return err
		}
		p.stage++
		return nil
	case p.plan.restart:
		return p.restart(ctx, c)
	}
	_, err = p.save(ctx, p.plan.servers)
	return p.unfinished(err)
}

// upgrade makes one revision of the release, with its rollout.
func (p *outsidePlace) upgrade(ctx context.Context, c *console, u *kubernetes.Upgrade, of string) error {
	if err := u.Begin(ctx); err != nil {
		if errors.Is(err, kubernetes.ErrExists) {
			err = fmt.Errorf("the release %s was changed by Helm at the same moment", u.Release.Name)
		}
		return p.unfinished(err)
	}
	if err := u.Deploy(ctx); err != nil {
		if isRefused(err) { // nothing is deployed
			err = errors.Join(err, u.Forget(ctx, err))
		}
		return p.unfinished(err)
	}
	err := p.healing(ctx, c, func() error { return u.Wait(ctx, p.options.rolloutTimeout, p.progress(c, "rollout"+of)) })
	if err != nil {
		if _, fails := kubernetes.AsRolloutError(err); fails {
			return p.undo(ctx, c, u, err)
		}
		return p.unfinished(err)
	}
	return p.unfinished(u.Finish(ctx))
}

// undo puts back what was before a rollout that fails.
func (p *outsidePlace) undo(ctx context.Context, c *console, u *kubernetes.Upgrade, failure error) error {
	err := p.healing(ctx, c, func() error {
		return u.Undo(ctx, failure, p.options.rolloutTimeout, p.progress(c, "putting back the former addresses"))
	})
	if err != nil {
		return unfinishedError{
			done:  failure.Error() + "; and the former addresses could not be put back; the ConfigMap has old and new together, so the agent keeps its identity:",
			cause: err, finish: again + ", or " + helmAbout(p.tentacle, u.Release, "rollback"),
		}
	}
	if err := p.restore(ctx, c, u.Former); err != nil {
		c.warnOf(fmt.Errorf("%s has old and new addresses together until the next start of the agent: %w", p.name(), err))
	}
	return undoneError{cause: failure}
}

// restore takes the new entries out of the ConfigMap, when only pods with the former addresses are
// left.
func (p *outsidePlace) restore(ctx context.Context, c *console, former *kubernetes.Release) error {
	if err := p.readAgain(ctx); err != nil {
		return err
	}
	addresses := eachStored(former.Addresses().List())
	servers := slices.DeleteFunc(slices.Clone(p.lists.remembering(p.wanted).servers()), func(s tentacleconfig.TrustedServer) bool { return !s.IsAt(addresses) })
	if len(servers) == 0 {
		return nil
	}
	lost := p.lists.lost()
	if lost {
		c.warn("%s", p.saysLost())
	}
	if _, err := p.save(ctx, servers); err != nil || !lost || polledAs(p.lists.polls, servers) {
		return err
	}
	return p.restart(ctx, c) // it polls nobody
}

// restart restarts the agent's pod.
func (p *outsidePlace) restart(ctx context.Context, c *console) error {
	if err := p.agent.Restart(ctx); err != nil {
		return p.unfinished(err)
	}
	return p.unfinished(p.healing(ctx, c, func() error { return p.agent.Wait(ctx, p.options.rolloutTimeout, p.progress(c, "restart")) }))
}

// healing waits for a rollout. If the ConfigMap has lost its entries meanwhile, no pod comes up: it
// gets them back, and a new pod starts.
func (p *outsidePlace) healing(ctx context.Context, c *console, wait func() error) error {
	for again := 0; ; again++ {
		err := wait()
		if _, fails := kubernetes.AsRolloutError(err); !fails || again == mostStarts {
			return err
		}
		healed, healErr := p.heal(ctx, c)
		switch {
		case healErr != nil:
			return errors.Join(err, healErr)
		case !healed:
			return err
		}
	}
}

// heal gives the ConfigMap old and new entries back, if it has lost them, and restarts the pod.
func (p *outsidePlace) heal(ctx context.Context, c *console) (healed bool, err error) {
	for range mostStarts {
		if err = p.readAgain(ctx); err != nil || !p.lists.lost() {
			return false, err
		}
		if _, err = p.save(ctx, p.lists.plan(p.wanted).together); !errors.Is(err, kubernetes.ErrConflict) {
			break
		}
	}
	if err != nil {
		return false, err
	}
	c.warn("%s", p.saysLost())
	return true, p.agent.Restart(ctx)
}

// saysLost: the start of an agent empties its list and fills it again, in two writes
// (OctopusTentacle, Commands/ClearTrustedServersCommand.cs).
func (p *outsidePlace) saysLost() string {
	return p.name() + " had lost its entries, as when a start of the agent ends between the two writes in which it empties and fills its list: they are written again"
}

// progress shows how far a rollout is.
func (p *outsidePlace) progress(c *console, what string) func(kubernetes.Rollout) {
	shown := ""
	return func(r kubernetes.Rollout) {
		text := fmt.Sprintf("%s: %d of %d new pods ready", what, r.Available, r.Wanted)
		if r.Waiting != "" {
			text += " (" + r.Waiting + ")"
		}
		if text != shown {
			c.progress(text)
			shown = text
		}
	}
}

// unfinished is a failure while the ConfigMap has old and new together.
func (p *outsidePlace) unfinished(err error) error {
	if err == nil || errors.Is(err, kubernetes.ErrConflict) && !kubernetes.IsFieldConflict(err) {
		return err
	}
	return finishedBySame(p.name()+" has old and new addresses together, so the agent keeps its identity; the change is not finished", err)
}

// finishedBySame is a failure after which the same command finishes the change.
func finishedBySame(done string, err error) error {
	if errors.Is(err, context.Canceled) { // by Ctrl-C, say: that needs no cause
		return unfinishedError{done: done, cause: context.Canceled, finish: again}
	}
	return unfinishedError{done: done + ":", cause: err, finish: again}
}
