package commands

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"github.com/urfave/cli/v2"
)

// What the hook of the chart makes before the agent is installed (helm-charts, kubernetes-agent,
// pre-install).
const (
	preinstalledConfigMap = "tentacle-config-pre"
	preinstalledSecret    = "tentacle-secret-pre"
)

// migrateOptions are those of migrate-preinstalled-k8s-config.
type migrateOptions struct {
	from, to agentLocation
	outcome  outcomeOptions
}

func migratePreinstalledCommand(c *console) *cli.Command {
	var o migrateOptions
	name := func(option string, destination *string, usage string) cli.Flag {
		return &cli.StringFlag{Name: option, Category: whichTentacle, Destination: destination, Usage: usage}
	}
	return &cli.Command{
		Name:     "migrate-preinstalled-k8s-config",
		Category: "Registration",
		Usage:    "take over what the hook of the Helm chart registered",
		Description: `The chart's hook registers an agent before Helm makes the objects that the agent uses,
so it keeps settings and keys in a ConfigMap and a Secret of its own. This moves them to
those of the agent: the Secret first, so that whatever is interrupted can be repeated.
If there is nothing to move, or the agent is registered already, nothing changes.

It works in the container of an agent, whose start script runs it.

  octo-tentacle migrate-preinstalled-k8s-config`,
		Flags: allFlags([]cli.Flag{
			name("source-config-map-name", &o.from.configMap, "`NAME` of the ConfigMap that the hook made (default: "+preinstalledConfigMap+")"),
			name("source-secret-name", &o.from.secret, "`NAME` of the Secret that the hook made (default: "+preinstalledSecret+")"),
			name("destination-config-map-name", &o.to.configMap, "`NAME` of the agent's ConfigMap (default: "+kubernetes.ConfigMapName+")"),
			name("destination-secret-name", &o.to.secret, "`NAME` of the agent's Secret (default: "+kubernetes.SecretName+")"),
			name("namespace", &o.to.namespace, "`NAMESPACE` of all of them (default: the agent's)"),
		}, o.outcome.flags()),
		Action: func(ctx *cli.Context) error { return migratePreinstalled(ctx.Context, c, o) },
	}
}

// migratePreinstalled moves objects whole, whatever the settings in them are, so it does not use
// changeTentacle.
func migratePreinstalled(ctx context.Context, c *console, o migrateOptions) error {
	if err := o.complete(); err != nil {
		return err
	}
	cluster, err := kubernetes.ConnectInPod(userAgent())
	if err != nil {
		return err
	}
	m := &migration{cluster: cluster, options: o, console: c}
	err = m.run(ctx)
	r := m.outcome(err)
	if isRecorded(r.DryRun, r.Changed, err) {
		record(c, tentacleconfig.Instance{ConfigPath: o.to.name()}, o.outcome, history.Entry{Done: m.done}, r.Result, err)
	}
	switch {
	case err == nil && !o.outcome.json():
		m.print(r)
	case err == nil:
		return c.printJSON(r)
	case o.outcome.printsDespite(err):
		_ = c.printJSON(r) // that the migration is unfinished is the error that counts
	}
	return err
}

func (o *migrateOptions) complete() error {
	if err := o.outcome.complete(); err != nil {
		return err
	}
	usual, inside := agentContainer()
	if !inside {
		return fmt.Errorf("this command is for the container of a Kubernetes agent only: %s is not set here", kubernetes.VariableNamespace)
	}
	o.to = o.to.or(usual)
	o.from = o.from.or(agentLocation{o.to.namespace, preinstalledConfigMap, preinstalledSecret})
	for _, same := range [][2]string{{o.from.configMap, o.to.configMap}, {o.from.secret, o.to.secret}} {
		if same[0] == same[1] {
			return fmt.Errorf("%s cannot be moved to itself: give different names", same[0])
		}
	}
	return nil
}

// or are the names that are given, and for those that are not the usual ones.
func (n agentLocation) or(usual agentLocation) agentLocation {
	return agentLocation{cmp.Or(n.namespace, usual.namespace), cmp.Or(n.configMap, usual.configMap), cmp.Or(n.secret, usual.secret)}
}

// migration is the move of an agent's objects.
type migration struct {
	cluster *kubernetes.Cluster
	options migrateOptions
	console *console

	plan migrationPlan
	done []string // what was changed so far
}

// agentObjects are those that an agent keeps its settings in; nil for one that does not exist.
type agentObjects struct {
	configMap *kubernetes.ConfigMap
	secret    *kubernetes.Secret
}

// migrationPlan says what is left to do; nothing, and why.
type migrationPlan struct {
	secret, configMap bool // is overwritten
	deleted           agentObjects
	reason            string
}

// steps says what a plan changes.
func (p migrationPlan) steps(o migrateOptions) (steps []string) {
	if p.secret {
		steps = append(steps, fmt.Sprintf("%s gets the keys of %s", o.to.secretName(), o.from.secret))
	}
	if p.configMap {
		steps = append(steps, fmt.Sprintf("%s gets the settings of %s", o.to.name(), o.from.configMap))
	}
	if p.deleted.configMap != nil {
		steps = append(steps, o.from.name()+" is deleted")
	}
	if p.deleted.secret != nil {
		steps = append(steps, o.from.secretName()+" is deleted")
	}
	return steps
}

// secretName is what messages call the Secret.
func (n agentLocation) secretName() string { return "secret/" + n.namespace + "/" + n.secret }

// migrateAtMost is how often a change starts over because somebody else changes the same objects.
const migrateAtMost = 5

// run looks, decides and applies, again if somebody changed the objects in between.
func (m *migration) run(ctx context.Context) (err error) {
	for range migrateAtMost {
		var from, to agentObjects
		if from, to, err = m.look(ctx); err != nil {
			return m.unfinished(err)
		}
		if m.plan, err = m.options.plan(from, to); err != nil || m.options.outcome.dryRun {
			return m.unfinished(err)
		}
		if err = m.apply(ctx, from, to); !errors.Is(err, kubernetes.ErrConflict) {
			break
		}
	}
	return m.unfinished(err)
}

func (m *migration) unfinished(err error) error {
	if err == nil || len(m.done) == 0 {
		return err
	}
	return unfinishedError{done: strings.Join(m.done, "; "), cause: err, finish: "run the same command again"}
}

// look reads all four objects at the same time.
func (m *migration) look(ctx context.Context) (from, to agentObjects, err error) {
	o := &m.options
	configMap := func(name string, to **kubernetes.ConfigMap) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*to, err = found(m.cluster.ConfigMap(ctx, o.to.namespace, name))
			return err
		}
	}
	secret := func(name string, to **kubernetes.Secret) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*to, err = found(m.cluster.Secret(ctx, o.to.namespace, name))
			return err
		}
	}
	err = allOf(ctx, configMap(o.from.configMap, &from.configMap), secret(o.from.secret, &from.secret),
		configMap(o.to.configMap, &to.configMap), secret(o.to.secret, &to.secret))
	return from, to, err
}

// found makes an object that does not exist nil.
func found[T any](object *T, err error) (*T, error) {
	if errors.Is(err, kubernetes.ErrNotFound) {
		return nil, nil
	}
	return object, err
}

// plan decides what to do. An agent that is registered keeps its settings; if it is the one of the
// hook, an earlier migration was interrupted, and the rest of it is done.
func (o *migrateOptions) plan(from, to agentObjects) (p migrationPlan, err error) {
	switch {
	case from.configMap == nil && from.secret == nil:
		p.reason = fmt.Sprintf("there is no %s: nothing is to be migrated", o.from.name())
		return p, nil
	case to.configMap == nil:
		return p, missingObject(o.to.name())
	case to.secret == nil:
		return p, missingObject(o.to.secretName())
	case from.configMap == nil && !sameKeys(from.secret, to.secret):
		p.reason = fmt.Sprintf("there is no %s: nothing is to be migrated, and %s stays", o.from.name(), o.from.secretName())
		return p, nil
	case from.configMap == nil:
		p.deleted.secret = from.secret
		return p, nil
	}
	certificate := from.configMap.Data[tentacleconfig.KeyCertificate]
	registered := isTrue(to.configMap.Data[tentacleconfig.KeyIsRegistered])
	switch {
	case registered && (certificate == "" || certificate != to.configMap.Data[tentacleconfig.KeyCertificate]):
		p.reason = fmt.Sprintf("the agent is registered already: %s stays as it is, and so does %s", o.to.name(), o.from.name())
		return p, nil
	case from.secret == nil && registered:
		p.deleted.configMap = from.configMap
		return p, nil
	case from.secret == nil:
		return p, o.unreadable("does not exist")
	case certificate != "" && len(from.secret.Data[machineKey]) == 0:
		return p, o.unreadable("has no " + machineKey)
	}
	p.secret = !sameKeys(from.secret, to.secret)
	p.configMap = !registered && !maps.Equal(from.configMap.Data, to.configMap.Data)
	p.deleted = from
	return p, nil
}

// unreadable is the error of settings whose keys are gone.
func (o *migrateOptions) unreadable(why string) error {
	return hint.Errorf("delete "+o.from.name()+", and the agent is registered as a new one at its next start",
		"%s %s: nobody can read the secrets in %s", o.from.secretName(), why, o.from.name())
}

func missingObject(name string) error {
	return hint.Errorf("the Helm chart makes it: check the name, and that the installation is complete", "%s does not exist", name)
}

func sameKeys(a, b *kubernetes.Secret) bool { return maps.EqualFunc(a.Data, b.Data, bytes.Equal) }

// isTrue is how the Tentacle reads IsRegistered here (MigratePreInstalledKubernetesDataCommand.cs).
func isTrue(value string) bool { return strings.EqualFold(strings.TrimSpace(value), "true") }

// apply writes the Secret first: settings without their keys are of no use, keys alone do no harm.
// What was moved is deleted last, the settings before their keys.
func (m *migration) apply(ctx context.Context, from, to agentObjects) error {
	p, steps := m.plan, m.plan.steps(m.options)
	for _, step := range []struct {
		wanted bool
		do     func() error
	}{
		{p.secret, func() error {
			_, err := m.cluster.PatchSecret(ctx, to.secret, whole(from.secret.Data, to.secret.Data, bytes.Equal, func(v []byte) []byte { return v }))
			return err
		}},
		{p.configMap, func() error {
			_, err := m.cluster.PatchConfigMap(ctx, to.configMap, whole(from.configMap.Data, to.configMap.Data,
				func(a, b string) bool { return a == b }, func(v string) *string { return &v }))
			return err
		}},
		{p.deleted.configMap != nil, func() error { return m.cluster.DeleteConfigMap(ctx, p.deleted.configMap) }},
		{p.deleted.secret != nil, func() error { return m.cluster.DeleteSecret(ctx, p.deleted.secret) }},
	} {
		if !step.wanted {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
		m.done, steps = append(m.done, steps[0]), steps[1:]
	}
	return nil
}

// whole are the changes that make the data of an object that of another one.
func whole[V, C any](wanted, now map[string]V, same func(V, V) bool, change func(V) C) map[string]C {
	changes := map[string]C{}
	for key := range now {
		if _, kept := wanted[key]; !kept {
			var removed C
			changes[key] = removed
		}
	}
	for key, value := range wanted {
		if is, there := now[key]; !there || !same(is, value) {
			changes[key] = change(value)
		}
	}
	return changes
}

// migrationOutcome is the JSON of migrate-preinstalled-k8s-config, from which its text is made.
type migrationOutcome struct {
	Configuration string   `json:"configuration"` // the agent's ConfigMap
	DryRun        bool     `json:"dryRun"`
	Changed       bool     `json:"changed"`
	Result        result   `json:"outcome"`
	Steps         []string `json:"steps"` // that were done, or would be
}

func (m *migration) outcome(err error) migrationOutcome {
	o := &m.options
	r := migrationOutcome{Configuration: o.to.name(), DryRun: o.outcome.dryRun, Steps: m.done}
	if r.DryRun {
		r.Steps = m.plan.steps(*o)
	}
	if r.Changed = len(r.Steps) > 0; !r.Changed {
		r.Steps = []string{} // an empty list is [], not null
	}
	r.Result = resultOf(r.DryRun, r.Changed, err)
	return r
}

func (m *migration) print(r migrationOutcome) {
	c := m.console
	for _, step := range r.Steps {
		c.printf("  %s\n", step)
	}
	switch {
	case !r.Changed && r.DryRun:
		c.printf("  %s\n%s\n", m.plan.reason, dryRunUnchangedLine)
	case !r.Changed:
		c.printf("  %s\n%s\n", m.plan.reason, unchangedLine)
	case r.DryRun:
		c.printf("%s\n", dryRunLine)
	default:
		c.printf("Migrated to %s.\n", r.Configuration)
	}
}
