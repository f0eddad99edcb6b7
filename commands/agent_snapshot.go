package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// lookAtAgents takes snapshots of the agents that the options choose. If several may be meant, one
// that cannot be looked at must not hide the others: it has a snapshot that says why.
func lookAtAgents(ctx context.Context, c *console, o agentOptions) ([]*snapshot, error) {
	agents, err := agentsOf(ctx, c, o)
	if err != nil && (len(agents) == 0 || !o.severalPossible()) {
		return nil, err
	}
	snapshots := make([]*snapshot, len(agents))
	c.progress("reading the logs of the agents")
	defer c.endProgress()
	eachAgent(len(agents), func(i int) { snapshots[i] = takeAgentSnapshot(ctx, agents[i], o, time.Now()) })
	if err := ctx.Err(); errors.Is(err, context.Canceled) { // what took too long says so
		return nil, err
	}
	for _, failure := range joined(err) {
		snapshots = append(snapshots, unseenAgent(failure, o, time.Now()))
	}
	return snapshots, nil
}

// unseenAgent is the snapshot of an agent, or of the agents of a cluster, that cannot be looked at.
func unseenAgent(failure error, o agentOptions, now time.Time) *snapshot {
	s := &snapshot{}
	s.Now, s.UnseenErr = now, withHints(failure)
	s.Kubernetes = &check.Agent{}
	if of, is := errors.AsType[agentFailure](failure); is {
		s.Kubernetes.Context, s.Kubernetes.Namespace = of.context, of.namespace
		s.Tentacle = o.named(of.namespace, of.context)
	}
	if namespace := s.Kubernetes.Namespace; namespace != "" {
		s.Tentacle.Instance.ConfigPath = agentLocation{namespace: namespace, configMap: kubernetes.ConfigMapName}.name()
	}
	return s
}

// takeAgentSnapshot reads what the cluster of an agent says about it, all at the same time, and
// records what cannot be read.
func takeAgentSnapshot(ctx context.Context, a *kubernetes.Agent, o agentOptions, now time.Time) *snapshot {
	p := agentPlaceOf(a)
	s := &snapshot{place: p}
	s.Tentacle = o.named(a.Namespace, a.Cluster.Context)
	s.Tentacle.Instance.ConfigPath = p.name()
	s.Tentacle.Service = a.Deployment.Meta.Name
	s.Now = now
	s.NewSubscription = tentacleconfig.NewSubscriptionID()
	s.Kubernetes = agentFacts(a)
	var all sync.WaitGroup
	all.Go(func() {
		s.readSettings(&tentacle{instance: s.Tentacle.Instance, place: p}, p.document(ctx, &a.ConfigMap))
	})
	all.Go(func() { s.readAgentLog(ctx, a) })
	all.Go(func() { s.readScriptPods(ctx, a) })
	all.Wait()
	if refusal, is := errors.AsType[*kubernetes.APIError](s.CertificateErr); is {
		s.Kubernetes.SecretErr = refusal
	} else if unreachable, is := errors.AsType[*kubernetes.UnreachableError](s.CertificateErr); is {
		s.Kubernetes.SecretErr = unreachable
	}
	hintErrors(s.Kubernetes)
	s.Kubernetes.LeftProxy = proxyHostOf(s.document)
	s.File.Modified = s.Kubernetes.Changed
	s.Service = service.Status{Name: s.Tentacle.Service, State: s.Kubernetes.State()}
	if running := a.Running(); running != nil {
		s.Service.Started = running.ContainerStatus(a.Container).Started()
	}
	return s
}

// hintErrors says what to do about what could not be read. One role allows all that was refused.
func hintErrors(a *check.Agent) {
	all := []*error{&a.ReleaseErr, &a.PodsErr, &a.Log.Err, &a.SecretErr}
	var refused []error
	for _, err := range all {
		if errors.Is(*err, kubernetes.ErrForbidden) {
			refused = append(refused, *err)
		}
	}
	for _, err := range all {
		if errors.Is(*err, kubernetes.ErrForbidden) {
			*err = hint.With(*err, hintsFor(notAllowedError{refused})...)
		} else {
			*err = withHints(*err)
		}
	}
}

// agentFacts are what was read of an agent when it was found.
func agentFacts(a *kubernetes.Agent) *check.Agent {
	facts := &check.Agent{
		Context: a.Cluster.Context, Namespace: a.Namespace, ConfigMap: a.ConfigMap.Meta.Name,
		Owner: a.Owner, ReleaseErr: a.ReleaseErr,
		Deployment: deploymentFacts(&a.Deployment), Environment: startList(a.Environment()),
		PodsErr: a.PodsErr, Changed: a.ConfigMap.Changed(), ChangedElse: a.ConfigMap.Changed(tentacleconfig.KeyTrustedServers),
	}
	for _, variable := range variablesOf(a) {
		facts.Variables = append(facts.Variables, service.Variable{Name: variable.Name, Value: variable.Value})
		if variable.Name == "TentaclePollingProxyHost" {
			facts.ProxyHost = variable.Value
		}
	}
	if r := a.Release; r != nil {
		lasting := r // what helm upgrade goes on with
		if a.Deployed != nil {
			lasting = a.Deployed
		}
		list := startList(lasting.Addresses())
		facts.Release = &check.Release{Name: r.Name, Revision: r.Revision, Status: r.Status, Description: r.Description,
			Chart: r.Chart, ChartVersion: r.ChartVersion, List: &list,
			KeepsList: !honoursList(a), ListIsNewer: helmIsNewer(a), Own: r.IsOurs(), Wanted: startList(r.Addresses())}
		if len(list.All()) == 0 { // as where the chart is part of another one
			facts.Release.List = nil
		}
		if former := a.Previous; former != nil {
			facts.Release.Former = &check.Former{Revision: former.Revision, List: startList(former.Addresses())}
		}
	}
	for i := range a.Pods {
		facts.Pods = append(facts.Pods, podFacts(&a.Pods[i], a.Container))
	}
	return facts
}

// variablesOf are the variables of the agent's container.
func variablesOf(a *kubernetes.Agent) []kubernetes.EnvVar {
	for _, c := range a.Deployment.Spec.Template.Spec.Containers {
		if c.Name == a.Container {
			return c.Env
		}
	}
	return nil
}

func startList(a kubernetes.Addresses) check.StartList {
	list := check.StartList{Single: strings.TrimSpace(a.One)}
	for _, address := range a.Many {
		list.Many = append(list.Many, strings.TrimSpace(address))
	}
	return list
}

func deploymentFacts(d *kubernetes.Deployment) check.Deployment {
	facts := check.Deployment{
		Name: d.Meta.Name, Desired: d.Spec.Replicas,
		Updated: d.Status.ObservedGeneration >= d.Meta.Generation && d.Status.UpdatedReplicas == d.Status.Replicas,
	}
	for _, c := range d.Status.Conditions {
		if c.Message != "" && (c.Type == "ReplicaFailure" && c.Status == "True" || c.Type == "Progressing" && c.Status == "False") {
			facts.Troubles = append(facts.Troubles, c.Message)
		}
	}
	return facts
}

func podFacts(p *kubernetes.Pod, container string) check.Pod {
	facts := check.Pod{Name: p.Meta.Name}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			facts.Waiting, facts.Message = c.Reason, c.Message
		}
	}
	status := p.ContainerStatus(container)
	if status == nil {
		return facts
	}
	facts.Started, facts.Ready, facts.Restarts = status.Started(), status.Ready, status.RestartCount
	facts.Running = !facts.Started.IsZero()
	switch state := status.State; {
	case state.Waiting != nil:
		facts.Waiting, facts.Message = state.Waiting.Reason, state.Waiting.Message
	case state.Terminated != nil:
		facts.Waiting, facts.Message = cmp.Or(state.Terminated.Reason, "Terminated"), fmt.Sprintf("exit code %d", state.Terminated.ExitCode)
	}
	return facts
}

// readAgentLog reads what the running agent says, and what one that does not stay up said last.
func (s *snapshot) readAgentLog(ctx context.Context, a *kubernetes.Agent) {
	log := &s.Kubernetes.Log
	if running := a.Running(); running != nil {
		said, err := a.Log(ctx, running)
		if err != nil {
			log.Err = err
		} else {
			*log = logFacts(said, s.Now)
		}
	}
	i := slices.IndexFunc(s.Kubernetes.Pods, func(p check.Pod) bool { return !p.Ready })
	if i < 0 {
		return
	}
	// The one before it failed, if this one was started again.
	read, p := a.Log, &s.Kubernetes.Pods[i]
	if p.Running && p.Restarts > 0 {
		read = a.PreviousLog
	}
	if said, err := read(ctx, &a.Pods[i]); err == nil && said.LastLine != "" {
		p.Words = []string{said.LastLine}
	}
}

// failsAgain is how soon an agent that does not reach an address says so again, at most: it tries
// every two minutes, and a try takes a minute.
const failsAgain = 15 * time.Minute

// logFacts are what a log says about polling. A failure that was not repeated is over.
func logFacts(said *kubernetes.Log, now time.Time) check.AgentLog {
	facts := check.AgentLog{Complete: said.Started, ReadAt: said.Read}
	for _, p := range said.Polls {
		facts.Polls = append(facts.Polls, check.Polled{Address: p.Address, Subscription: p.Subscription, Thumbprint: p.Thumbprint})
	}
	for _, n := range said.Nodes {
		if n.Failing() && now.Sub(n.Failed) < failsAgain {
			facts.Failures = append(facts.Failures, check.LogFailure{Address: n.Address, Cause: n.Error, At: n.Failed,
				Silent: n.Presented == "" && nothingResponds().MatchString(n.Error)})
		}
	}
	return facts
}

// nothingResponds matches what Halibut says of a node that is down or out of reach, in the words of
// .NET and of its own (Halibut, TcpClientExtensions.cs).
var nothingResponds = lazyregexp.New(`(?i)refused|timed out|within|unreachable|no route|not known|no such host|resolve`)

func (s *snapshot) readScriptPods(ctx context.Context, a *kubernetes.Agent) {
	pods, _ := a.ScriptPods(ctx) // they are for information
	for _, p := range pods {
		s.Kubernetes.ScriptPods = append(s.Kubernetes.ScriptPods, p.Meta.Name)
	}
	slices.Sort(s.Kubernetes.ScriptPods)
}

// proxyHostOf is the host and port of the polling proxy that the settings name, whether or not its
// password can be read.
func proxyHostOf(d *tentacleconfig.Document) string {
	host, _ := d.Get(tentacleconfig.KeyProxyHost)
	useDefault, _ := d.Get(tentacleconfig.KeyUseDefaultProxy)
	if host = strings.TrimSpace(host); host == "" || !strings.EqualFold(strings.TrimSpace(useDefault), "false") {
		return ""
	}
	port, _ := d.Get(tentacleconfig.KeyProxyPort)
	return host + ":" + cmp.Or(strings.TrimSpace(port), "80")
}
