package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/internal/plural"
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

	// What is not known, and not just not there.
	helmUnknown, runningUnknown bool

	state  string // of the Deployment, with the reason
	next   nextStart
	isNew  bool    // it is not registered yet
	unread []error // why something is not known
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
	eachAgent(len(agents), func(i int) {
		t, err := lookAtAgent(ctx, agents[i], o.agents)
		if errs[i] = err; err == nil {
			lists[i] = agentListOf(ctx, t)
		}
	})
	c.endProgress()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, err := range errs {
		if err != nil {
			failures = append(failures, err)
			lists[i].Error = err.Error()
		}
	}
	lists = append(slices.DeleteFunc(lists, func(l agentList) bool { return l.Error != "" }), failedLists(failures)...)
	warnOfUnread(c, lists)
	switch {
	case o.format == "json" && o.agents.severalPossible():
		err = c.printJSON(lists)
	case o.format == "json" && len(failures) == 0:
		err = c.printJSON(lists[0])
	case o.format == "json":
		err = nil // the one that was to be shown could not be read
	default:
		err = nil
		printAgents(c, lists, o.agents.severalPossible())
	}
	return errors.Join(append([]error{err}, failures...)...)
}

func printAgents(c *console, lists []agentList, several bool) {
	for i, list := range lists {
		if list.Error != "" {
			continue // the errors are printed at the end
		}
		if i > 0 {
			c.printf("\n")
		}
		list.print(c)
	}
	if several {
		printAgentTable(c, lists)
	}
}

// failedLists are those of agents that could not be looked at.
func failedLists(failures []error) (lists []agentList) {
	for _, err := range failures {
		list := agentList{Error: err.Error(), Diagnosis: []diagnosis{}}
		list.Servers, list.Service.Overridden = []serverEntry{}, []override{}
		if failure, is := errors.AsType[agentFailure](err); is {
			list.Context, list.Namespace = failure.context, failure.namespace
		}
		lists = append(lists, list)
	}
	return lists
}

// agentListOf is what list-servers says about an agent, whose log is read for it.
func agentListOf(ctx context.Context, t *tentacle) agentList {
	a := t.agent
	l := agentList{Context: a.Cluster.Context, Namespace: a.Namespace, Owner: a.Owner}
	l.Configuration = t.instance.ConfigPath
	l.Servers = serverEntries(t.servers)
	var err error
	if l.Thumbprint, err = t.document.Thumbprint(); err != nil && !errors.Is(err, tentacleconfig.ErrNoCertificate) {
		l.unreadable = true
		l.unread = append(l.unread, about(t.suggest(), err))
	}
	l.renewals = renewalsOf(t)
	l.setPlaces(ctx, t)
	return l
}

// setPlaces reads what the four places have, and compares them.
func (l *agentList) setPlaces(ctx context.Context, t *tentacle) {
	a := t.agent
	l.Places = places{Environment: eachStored(a.Environment().List()), ConfigMap: known(polledAddresses(t.servers))}
	if r := a.Release; r != nil {
		l.Release = &agentRelease{r.Name, r.Revision, r.Status, r.Chart, r.ChartVersion}
		if a.Deployed != nil { // whose values helm upgrade goes on with
			r = a.Deployed
		}
		l.Places.Helm = eachStored(r.Addresses().List())
	}
	l.unread = append(l.unread, a.ReleaseErr, a.PodsErr)
	l.next = startOf(a.Environment(), t.servers, t.isRegistered())
	l.NextStart, l.isNew = l.next.polls, !t.isRegistered()

	state, reason := deploymentState(a)
	log, err := currentLog(ctx, a)
	l.unread = append(l.unread, err)
	switch running := a.Running(); {
	case log == nil || running == nil:
	case log.Started:
		l.Places.Running = known(polledIn(log))
	case state == service.Running:
		l.unread = append(l.unread, fmt.Errorf("what the agent in namespace %s polls is not known: the log of pod %s does not go back to its start", a.Namespace, running.Meta.Name))
	}
	l.helmUnknown = a.ReleaseErr != nil
	l.runningUnknown = l.Places.Running == nil && (a.Running() != nil || a.PodsErr != nil)
	l.Diagnosis = l.Places.diagnose(l.next, !l.isNew, t.suggest(), l.Places.sync(a, t.suggest()))
	if log != nil && a.Running() == nil {
		reason += lastWords(log)
	}
	if stuck, err := stuckPod(ctx, a); stuck != "" || err != nil {
		l.unread = append(l.unread, err)
		l.Diagnosis = append(l.Diagnosis, diagnosis{Text: stuck})
	}
	l.state = string(state)
	if reason != "" {
		l.state += " (" + reason + ")"
	}
	pending := l.Places.Running != nil && !sameAddresses(l.Places.Running, l.Places.ConfigMap)
	l.Service = listedService{serviceState{a.Deployment.Meta.Name, state}, pending, []override{}}
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
	for _, r := range l.renewals {
		r.print(c)
	}
	for _, d := range l.Diagnosis {
		c.printf("\n%s\n", d.Text)
		switch {
		case d.Command == "":
		case d.Open != "":
			c.printf("  (%s)\n  %s\n", d.Open, d.Command)
		default:
			c.printf("  %s\n", d.Command)
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
	unknown := []bool{l.helmUnknown, false, false, l.runningUnknown}
	for _, address := range eachStored(slices.Concat(p.Environment, p.Helm, p.ConfigMap, p.Running)) {
		row := placeRow{address: address}
		for i, list := range lists {
			switch {
			case list == nil && unknown[i]:
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
	{"STATE", func(l agentList) string { return string(l.Service.State) }},
	{"POLLS", agentList.polled},
	{"PLACES", agentList.verdict},
}

// polled is how many addresses the running agent polls.
func (l agentList) polled() string {
	switch {
	case l.Places.Running != nil:
		return plural.Of(len(l.Places.Running), "address", "addresses")
	case l.runningUnknown:
		return "?"
	}
	return ""
}

// verdict is the diagnosis in a word.
func (l agentList) verdict() string {
	switch {
	case l.Error != "":
		return "could not be looked at"
	case l.isNew:
		return "not registered"
	case l.next.end == startEndsTrust && len(l.Places.ConfigMap) == 0:
		return "no entry is left"
	case l.next.end == startEndsTrust:
		return "the next start ends all trust"
	case l.next.end == startFails:
		return "the next start fails"
	case len(l.Diagnosis) > 0:
		return "differ"
	}
	return "agree"
}

// printAgentTable says in one line for each agent how it is.
func printAgentTable(c *console, lists []agentList) {
	switch len(lists) {
	case 0:
		printNoAgent(c)
	case 1:
	default:
		c.printf("\n")
		printTable(c, withContexts(agentColumns, lists, func(l agentList) string { return l.Context }), lists)
	}
}
