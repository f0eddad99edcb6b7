package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// decision is the desired list of trusted servers.
type decision struct {
	servers      []tentacleconfig.TrustedServer
	thumbprint   string   // of the cluster it concerns; "" for none in particular
	cluster      []string // its thumbprints, where it may have several
	listens      bool     // the Tentacle polls nothing of it, since it listens
	subscription string   // that a registration uses; "" for other decisions
}

// decide makes a decision from the present trusted servers. It is a pure function: it runs first
// without the lock, and again on the content of the locked file.
type decide func(now []tentacleconfig.TrustedServer) (decision, error)

// change describes what a command changes in a Tentacle. Every part may be nil.
type change struct {
	servers decide
	// settings sets other settings. Like decide, it runs more than once.
	settings func(*tentacleconfig.Document) error
	// settingsAbout are the keys of what the command is there to set, for a warning where a
	// variable of the service overrides it; not needed for trusted servers of one cluster.
	settingsAbout []string
	// restore replaces the whole file, instead of the two above. The file may be damaged.
	restore *tentacleconfig.Document
	// verify runs after the decision and before anything is saved, also in a dry run, and may
	// refuse the change. It may ask the network: it runs first without the lock, and then asks
	// only what it does not know yet.
	verify func(before, after *tentacleconfig.Document) error
	// before runs after the decision, when only the replacement of the file remains. It sends
	// requests that must not be sent if the file cannot be saved.
	before func(decision) error
	// afterBefore replaces servers after before has run: its decision includes what was sent.
	afterBefore func(sent decision) decide
	// failed adds information specific to the command to an error of applying the change.
	failed func(error) error
	// applied runs when the outcome is known, also in a dry run.
	applied func()
	// after runs when the file has been saved or needed no change, but not in a dry run.
	after func() error
}

// about are the settings that a change is about, whether it changes something or not. One that a
// registration sets by the way is not among them.
func (ch change) about(out *outcome) []string {
	settings := slices.Clone(ch.settingsAbout)
	if out.concernsServers() {
		settings = append(settings, tentacleconfig.KeyTrustedServers)
	}
	if ch.restore != nil {
		for _, setting := range out.Settings {
			settings = append(settings, setting.Key)
		}
	}
	return settings
}

// nothing is the change of a command that has nothing to do for the cluster with that thumbprint.
func nothing(thumbprint string) change {
	return change{servers: func(now []tentacleconfig.TrustedServer) (decision, error) {
		return decision{servers: now, thumbprint: thumbprint, cluster: tentacleconfig.ClusterOf(now, thumbprint)}, nil
	}}
}

// changeThis is changeTentacle for a Tentacle that has been looked at.
func changeThis(ctx context.Context, c *console, t *tentacle, o changeOptions, prepare func(*tentacle, *outcome) (change, error)) error {
	out, err := outcomeOf(ctx, c, t, o, prepare)
	switch {
	case err == nil:
		return out.print(c, o)
	case o.printsDespite(err):
		_ = c.printJSON(out) // that the change is unfinished is the error that counts
	}
	return err
}

// outcomeOf is changeThis without printing the outcome.
func outcomeOf(ctx context.Context, c *console, t *tentacle, o changeOptions, prepare func(*tentacle, *outcome) (change, error)) (*outcome, error) {
	out := newOutcome(t.suggest(), o.dryRun)
	ch, err := prepare(t, out)
	if err != nil {
		return out, about(t.suggest(), err)
	}
	if p, is := t.place.(interface{ surviving(decide) decide }); is {
		ch.servers = p.surviving(ch.servers)
	}
	err = apply(ctx, c, t, o, ch, out)
	if err == nil {
		out.Overridden = warnOfOverrides(ctx, c, t.suggest(), t.place, ch.about(out))
	}
	if err == nil && ch.applied != nil {
		ch.applied()
	}
	if err == nil && ch.after != nil && !o.dryRun {
		err = ch.after()
	}
	out.conclude(err)
	recordOutcome(c, t, o, out, err)
	if out.agentOutcome != nil && err != nil {
		out.Error = err.Error()
	}
	return out, err
}

// apply makes a change or, for --dry-run, rehearses it, and records the result in out.
func apply(ctx context.Context, c *console, t *tentacle, o changeOptions, ch change, out *outcome) error {
	if o.dryRun {
		err := rehearse(ctx, c, t, o, ch, out)
		out.Service.started = out.Service.interrupted && !o.noRestart
		return err
	}
	a := applying{change: ch, out: out, tentacle: t.suggest()}
	if err := a.refuseUseless(ctx, t, o); err != nil {
		return a.failed(err)
	}
	settings := tentacleconfig.Change{
		Edit:    a.edit,
		Damaged: ch.restore != nil,
		Waiting: func() { c.progress("another octo-tentacle is changing " + t.instance.ConfigPath) },
		Linked: func(names int) {
			c.warn("%s was a hard link: %s the old content", t.instance.ConfigPath, otherNames(names, "keeps", "keep"))
		},
	}
	if ch.before != nil {
		settings.Before = a.before
	}
	if !o.noBackup {
		settings.Backup = func(path string) { out.Backup = path }
	}
	changed, err := t.place.update(ctx, settings)
	c.endProgress()
	if err == nil && ch.before != nil && !a.beforeRan {
		err = a.before() // the file was right already
	}
	if err != nil && !changed {
		return a.failed(err)
	}
	a.note()
	t.place.note(c)
	out.saved = changed
	restarting := t.place.use(ctx, c, saved{former: a.former, looked: t.document}, o, out)
	switch {
	case err != nil:
		return a.failed(out.afterwards(errors.Join(restarting, err)))
	case restarting != nil:
		return a.failed(restarting)
	}
	return nil
}

// otherNames are the names of a configuration that are not that of the Tentacle any more once it is
// changed, and what they do.
func otherNames(names int, does, do string) string {
	if names > 1 {
		return fmt.Sprintf("its %d other names %s", names, do)
	}
	return "its other name " + does
}

// applying is a change on its way into the file.
type applying struct {
	change    change
	out       *outcome
	tentacle  suggest.Tentacle
	last      decision
	beforeRan bool

	former     *tentacleconfig.Document // as it was before the change
	difference tentacleconfig.Difference
}

// note notes the last decision and its difference, once it is final.
func (a *applying) note() {
	a.out.Thumbprint, a.out.cluster = a.last.thumbprint, a.last.cluster
	a.out.setDifference(a.difference)
}

// edit makes the change in a document, unless what it leads to is refused.
func (a *applying) edit(document *tentacleconfig.Document) error {
	a.former = document.Clone()
	if err := a.rewrite(document); err != nil || a.change.verify == nil {
		return err
	}
	return a.change.verify(a.former, document)
}

// rewrite makes the change in a document, and notes the difference.
func (a *applying) rewrite(document *tentacleconfig.Document) error {
	if a.change.restore != nil {
		return a.restore(document)
	}
	settings := document.Settings()
	if a.change.servers != nil {
		now, err := document.TrustedServers()
		if err != nil {
			return err
		}
		if a.last, err = a.change.servers(now); err != nil {
			return err
		}
		if a.last.servers, err = usable(now, a.last.servers, a.tentacle); err != nil {
			return err
		}
		a.out.notStarting = startable(a.last.servers, a.tentacle)
		document.SetTrustedServers(a.last.servers)
		a.difference = tentacleconfig.Diff(now, a.last.servers)
	}
	if a.change.settings != nil {
		if err := a.change.settings(document); err != nil {
			return err
		}
	}
	a.out.Settings = settingsChanged(settings, document.Settings())
	return nil
}

// usable repairs the entries of a list that a change makes, and refuses a list with which the
// Tentacle does not start, unless the change repairs one of several entries that keep it from that.
// A list that stays as it is stays in every byte.
func usable(now, after []tentacleconfig.TrustedServer, tentacle suggest.Tentacle) ([]tentacleconfig.TrustedServer, error) {
	if slices.EqualFunc(now, after, tentacleconfig.TrustedServer.Equal) {
		return after, nil
	}
	after = tentacleconfig.Repair(after)
	if wrong(after) < wrong(tentacleconfig.Repair(now)) {
		return after, nil
	}
	return after, startable(after, tentacle)
}

// wrong is how many entries keep the Tentacle from starting.
func wrong(servers []tentacleconfig.TrustedServer) (n int) {
	for _, s := range servers {
		if s.AddressPreventsStart() || s.SubscriptionPreventsStart() {
			n++
		}
	}
	return n
}

func (a *applying) before() error {
	a.beforeRan = true
	if err := a.change.before(a.last); err != nil {
		return err
	}
	if a.change.afterBefore != nil {
		a.change.servers = a.change.afterBefore(a.last)
	}
	return nil
}

func (a *applying) failed(err error) error {
	if a.change.failed != nil {
		return a.change.failed(err)
	}
	return err
}

// refuseUseless refuses a change, before anything is done, that could not be taken into use.
func (a *applying) refuseUseless(ctx context.Context, t *tentacle, o changeOptions) error {
	document := t.document.Clone()
	document.Secrets = rehearsedSecrets{document.Secrets}
	if err := a.edit(document); err != nil || bytes.Equal(document.Bytes(), t.document.Bytes()) {
		return err
	}
	return t.place.refuseUseless(ctx, o)
}

// restore replaces the document.
func (a *applying) restore(document *tentacleconfig.Document) error {
	by := a.change.restore
	after, err := by.TrustedServers()
	if err != nil {
		return err
	}
	now, err := document.TrustedServers()
	if err != nil {
		now = nil // damaged: everything is new
	}
	a.difference = tentacleconfig.Diff(now, after)
	a.out.Settings = settingsChanged(document.Settings(), by.Settings())
	document.Replace(by)
	return nil
}

// rehearse makes the change in a copy of the document.
func rehearse(ctx context.Context, c *console, t *tentacle, o changeOptions, ch change, out *outcome) error {
	document := t.document.Clone()
	document.Secrets = rehearsedSecrets{document.Secrets}
	a := applying{change: ch, out: out, tentacle: t.suggest()}
	if err := a.edit(document); err != nil {
		return a.failed(err)
	}
	a.note()
	out.saved = !bytes.Equal(document.Bytes(), t.document.Bytes())
	if err := t.place.look(ctx, document, out); err != nil {
		return a.failed(err)
	}
	if out.saved && isKeptInFile(t.instance) {
		if names := tentacleconfig.OtherNames(t.instance.ConfigPath); names > 0 {
			c.warn("%s is a hard link: %s the old content", t.instance.ConfigPath, otherNames(names, "would keep", "would keep"))
		}
	}
	if out.saved { // not an error: an account that may only read can see what would change
		err := t.place.mayUpdate(ctx)
		if err == nil {
			err = t.place.refuseUseless(ctx, o)
		}
		if err != nil {
			c.warn("without --dry-run this would fail: %s", c.errorText(err))
		}
	}
	return nil
}
