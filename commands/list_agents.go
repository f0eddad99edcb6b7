package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// agentList is the JSON of list-servers about a Kubernetes agent, from which its text is made.
type agentList struct {
	Context   string `json:"context"` // of the kubeconfig; "" in a pod
	Namespace string `json:"namespace"`
	serverList
	Release   *agentRelease `json:"release"` // null where Helm did not make it, or where it cannot be read
	Owner     string        `json:"owner"`   // what deploys it from a repository; "" if nothing does
	Places    places        `json:"places"`
	NextStart []string      `json:"nextStart"` // what the agent polls after it; null where that is not known
	Diagnosis []diagnosis   `json:"diagnosis"`
	Error     string        `json:"error"` // why there is nothing else; "" if there is

	state  string // of the Deployment, with the reason
	next   nextStart
	unread []error // why something is not known
}

// agentRelease is the newest revision of an agent's Helm release.
type agentRelease struct {
	Name         string `json:"name"`
	Revision     int    `json:"revision"`
	Status       string `json:"status"`
	Chart        string `json:"chart"`
	ChartVersion string `json:"chartVersion"`
}

func listAgents(ctx context.Context, c *console, o listServersOptions) error {
	agents, err := agentsOf(ctx, c, o.agents)
	if len(agents) == 0 && err != nil {
		return err
	}
	failures := joined(err)
	lists := make([]agentList, len(agents))
	errs := make([]error, len(agents))
	c.progress("reading the logs of the agents")
	eachAgent(len(agents), func(i int) { lists[i], errs[i] = agentListOf(ctx, agents[i], o.agents) })
	c.endProgress()
	if err := ctx.Err(); err != nil {
		return err
	}
	failures = slices.DeleteFunc(append(failures, errs...), func(err error) bool { return err == nil })
	warnOfUnread(c, lists)
	if o.format == "json" {
		err := printAgents(c, o.agents, lists, failures)
		return errors.Join(append([]error{err}, failures...)...)
	}
	readable := slices.DeleteFunc(lists, func(l agentList) bool { return l.Error != "" })
	for i, list := range readable {
		if i > 0 {
			c.printf("\n")
		}
		list.print(c)
	}
	if o.agents.severalPossible() {
		printAgentTable(c, readable, len(failures))
	}
	return errors.Join(failures...)
}

// printAgents prints JSON: those that could not be read have an error, and stand at the end.
func printAgents(c *console, o agentOptions, lists []agentList, failures []error) error {
	if !o.severalPossible() {
		if len(failures) > 0 {
			return nil
		}
		return c.printJSON(lists[0])
	}
	all := slices.DeleteFunc(lists, func(l agentList) bool { return l.Error != "" })
	for _, err := range failures {
		list := agentList{Error: err.Error(), Diagnosis: []diagnosis{}}
		list.Servers, list.Service.Overridden = []serverEntry{}, []override{}
		if failure, is := errors.AsType[agentFailure](err); is {
			list.Context, list.Namespace = failure.context, failure.namespace
		}
		all = append(all, list)
	}
	return c.printJSON(all)
}

// agentListOf looks at one agent, with its log.
func agentListOf(ctx context.Context, a *kubernetes.Agent, o agentOptions) (agentList, error) {
	t, err := lookAtAgent(ctx, a, o)
	if err != nil {
		err = about(o.named(a.Namespace, a.Cluster.Context), agentFailure{a.Cluster.Context, a.Namespace, len(o.contexts) > 1, err})
		return agentList{Error: err.Error()}, err
	}
	l := agentList{Context: a.Cluster.Context, Namespace: a.Namespace, Owner: a.Owner}
	l.Configuration = t.instance.ConfigPath
	l.Servers = serverEntries(t.servers)
	l.polls, l.listens = tentacleconfig.Polling(t.servers), t.document.Listens()
	if l.Thumbprint, err = t.document.Thumbprint(); err != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate) {
		l.unreadable = true
		l.unread = append(l.unread, about(t.suggest(), err))
	}
	l.renewals = renewalLines(t)
	l.setPlaces(ctx, t)
	return l, nil
}

// setPlaces reads what the four places have, and compares them.
func (l *agentList) setPlaces(ctx context.Context, t *tentacle) {
	a := t.agent
	l.Places = places{Environment: eachStored(a.Environment().List()), ConfigMap: known(polledAddresses(t.servers))}
	if r := a.Release; r != nil {
		l.Release = &agentRelease{r.Name, r.Revision, r.Status, r.Chart, r.ChartVersion}
		l.Places.Helm = eachStored(r.Addresses().List())
	}
	l.unread = append(l.unread, a.ReleaseErr, a.PodsErr)
	l.next = startOf(a.Environment(), t.servers, t.isRegistered())
	l.NextStart = l.next.polls

	state, reason := deploymentState(a)
	log, err := currentLog(ctx, a)
	l.unread = append(l.unread, err)
	if log != nil && a.Running() != nil && log.Started {
		l.Places.Running = known(polledIn(log))
	}
	l.Diagnosis = l.Places.diagnose(l.next, l.Configuration, t.suggest())
	if log != nil && a.Running() == nil && log.LastLine != "" {
		reason = strings.TrimPrefix(reason+", last words: "+log.LastLine, ", ")
	}
	l.state = string(state)
	if reason != "" {
		l.state += " (" + reason + ")"
	}
	pending := l.Places.Running != nil && !sameAddresses(l.Places.Running, l.Places.ConfigMap)
	l.Service = listedService{serviceState{a.Deployment.Meta.Name, state}, pending, []override{}}
}

// eachStored is a list as the start of an agent stores it, each address once.
func eachStored(list []string) []string {
	all := []string{}
	for _, text := range list {
		if address := stored(text); !tentacleconfig.ContainsAddress(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// polledIn are the addresses that an agent polls, as its log says.
func polledIn(log *kubernetes.Log) (addresses []string) {
	for _, p := range log.Polls {
		addresses = append(addresses, p.Address)
	}
	return eachStored(addresses)
}

// currentLog is the log of the pod that runs, else of the newest one; nil if there is none.
func currentLog(ctx context.Context, a *kubernetes.Agent) (*kubernetes.Log, error) {
	pod := a.Running()
	if pod == nil && len(a.Pods) > 0 {
		pod = &a.Pods[0]
	}
	if pod == nil || pod.ContainerStatus(a.Container) == nil {
		return nil, nil
	}
	return a.Log(ctx, pod)
}

// deploymentState is what the Deployment of an agent is doing, in the words for services, with the
// reason where it does not run.
func deploymentState(a *kubernetes.Agent) (state service.State, reason string) {
	running := a.Running()
	switch {
	case a.Deployment.Spec.Replicas == 0:
		return service.Stopped, "it has no replicas"
	case a.PodsErr != nil:
		return stateUnknown, ""
	case running != nil && running.ContainerStatus(a.Container).Ready:
		return service.Running, ""
	case running != nil:
		return service.Starting, "pod " + running.Meta.Name + " is not ready"
	case len(a.Pods) == 0:
		return service.Failed, cmp.Or(replicaFailure(a.Deployment), "it has no pod")
	}
	status := a.Pods[0].ContainerStatus(a.Container)
	switch {
	case status == nil || status.State.Waiting == nil:
		return service.Starting, ""
	case status.State.Waiting.Reason == "CrashLoopBackOff":
		return service.Crashing, status.State.Waiting.Reason
	case slices.Contains([]string{"ContainerCreating", "PodInitializing"}, status.State.Waiting.Reason):
		return service.Starting, ""
	}
	return service.Failed, status.State.Waiting.Reason
}

// replicaFailure is why the Deployment gets no pod, such as a quota; "" if that is not it.
func replicaFailure(d kubernetes.Deployment) string {
	for _, condition := range d.Status.Conditions {
		if condition.Type == "ReplicaFailure" && condition.Status == "True" {
			return condition.Message
		}
	}
	return ""
}

// warnOfUnread warns of what could not be read of agents: of a right that is wanting in many
// namespaces once.
func warnOfUnread(c *console, lists []agentList) {
	var forbidden []error
	said := map[string]bool{}
	for _, l := range lists {
		for _, err := range l.unread {
			switch {
			case err == nil:
			case errors.Is(err, kubernetes.ErrForbidden):
				forbidden = append(forbidden, err)
			case !said[err.Error()]:
				said[err.Error()] = true
				c.warnOf(err)
			}
		}
	}
	if len(forbidden) > 0 {
		c.warnOf(notAllowedError{forbidden})
	}
}

func (l agentList) print(c *console) {
	line := func(name, format string, args ...any) { c.printf("%-15s%s\n", name+":", fmt.Sprintf(format, args...)) }
	if l.Context != "" {
		line("Context", "%s", l.Context)
	}
	line("Namespace", "%s", l.Namespace)
	line("Configuration", "%s", l.Configuration)
	missing := "(no certificate yet)"
	if l.unreadable {
		missing = "(unknown)"
	}
	line("Thumbprint", "%s", cmp.Or(l.Thumbprint, missing))
	line("Deployment", "%s, %s", l.Service.Name, l.state)
	if r := l.Release; r != nil {
		line("Helm release", "%s, revision %d, %s, chart %s %s", r.Name, r.Revision, r.Status, r.Chart, r.ChartVersion)
	}
	if l.Owner != "" {
		line("Deployed by", "%s", l.Owner)
	}
	if server, one := l.oneServer(); one {
		line("Server", "%s", server)
	}
	c.printf("\n")
	l.printPlaces(c)
	if _, one := l.oneServer(); !one && len(l.Servers) > 0 {
		c.printf("\n")
		printTable(c, serverColumns, l.Servers)
	}
	for _, renewal := range l.renewals {
		c.printf("\n%s\n", renewal)
	}
	for _, d := range l.Diagnosis {
		c.printf("\n%s\n", d.Text)
		if d.Fix != "" {
			c.printf("  %s\n", d.Fix)
		}
	}
}

// oneServer is the thumbprint and the subscription of all entries, where they have one.
func (l agentList) oneServer() (text string, one bool) {
	for i, e := range l.Servers {
		if !e.polls || i > 0 && (!thumbprint.Same(e.Thumbprint, l.Servers[0].Thumbprint) || e.SubscriptionID != l.Servers[0].SubscriptionID) {
			return "", false
		}
	}
	if len(l.Servers) == 0 {
		return "", false
	}
	return l.Servers[0].Thumbprint + ", subscription " + l.Servers[0].pollsUnder, true
}

// placeRow is an address with the places that have it.
type placeRow struct {
	address string
	cells   [5]string
}

func (l agentList) printPlaces(c *console) {
	rows := l.rows()
	if len(rows) == 0 {
		c.printf("It polls no Octopus Server.\n")
		return
	}
	columns := []column[placeRow]{{"ADDRESS", func(r placeRow) string { return r.address }}}
	for i, title := range []string{"HELM", "ENVIRONMENT", "CONFIGMAP", "RUNNING", "NEXT START"} {
		columns = append(columns, column[placeRow]{title, func(r placeRow) string { return r.cells[i] }})
	}
	printTable(c, columns, rows)
	if len(l.Diagnosis) == 0 {
		c.printf("\n%s\n", l.Places.agreement())
	}
}

func (l agentList) rows() (rows []placeRow) {
	p := l.Places
	lists := [][]string{p.Helm, p.Environment, p.ConfigMap, p.Running}
	for _, address := range eachStored(slices.Concat(p.Environment, p.Helm, p.ConfigMap, p.Running)) {
		row := placeRow{address: address}
		for i, list := range lists {
			switch {
			case list == nil:
				row.cells[i] = "?"
			case tentacleconfig.ContainsAddress(list, address):
				row.cells[i] = "yes"
			}
		}
		has, will := tentacleconfig.ContainsAddress(p.ConfigMap, address), tentacleconfig.ContainsAddress(l.NextStart, address)
		switch {
		case l.NextStart == nil:
			row.cells[4] = "?"
		case has && will:
			row.cells[4] = "kept"
		case will:
			row.cells[4] = "added"
		case has && l.next.end != startFails:
			row.cells[4] = "dropped"
		}
		rows = append(rows, row)
	}
	return rows
}

// agentColumns define the table of several agents.
var agentColumns = []column[agentList]{
	{"NAMESPACE", func(l agentList) string { return l.Namespace }},
	{"CONTEXT", func(l agentList) string { return l.Context }},
	{"STATE", func(l agentList) string { return string(l.Service.State) }},
	{"POLLS", func(l agentList) string {
		if l.Places.Running == nil {
			return "?"
		}
		return fmt.Sprint(len(l.Places.Running))
	}},
	{"PLACES", func(l agentList) string {
		switch {
		case l.next.end == startEndsTrust:
			return "next start ends all trust"
		case l.next.end == startFails:
			return "next start fails"
		case len(l.Diagnosis) > 0:
			return "differ"
		}
		return "agree"
	}},
}

// printAgentTable says in one line for each agent how it is.
func printAgentTable(c *console, lists []agentList, failures int) {
	switch {
	case len(lists)+failures == 0:
		c.printf("There is no Kubernetes agent that this account can see.\n")
	case len(lists) > 1 || failures > 0:
		c.printf("\n")
		printTable(c, agentColumns, lists)
	}
	if failures > 0 {
		c.printf("\n%d could not be looked at.\n", failures)
	}
}
