package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// atATime is how many agents are read at the same time: the API server slows down an account that
// asks more (API priority and fairness).
const atATime = 8

// Agent finds the agent in a namespace.
func (c *Cluster) Agent(ctx context.Context, namespace string) (*Agent, error) {
	deployments, err := listObjects[Deployment](ctx, c, deploymentsIn(namespace), nil)
	if err != nil {
		return nil, err
	}
	agents, err := c.agentsOf(ctx, deployments, nil)
	switch {
	case err != nil:
		return nil, err
	case len(agents) > 0:
		return agents[0], nil
	}
	var left ConfigMap
	err = c.call(ctx, request{method: http.MethodGet, path: configMapAt(namespace, ConfigMapName)}, &left)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, &AgentError{Namespace: namespace, Problem: NoAgent}
	case err != nil:
		return nil, err
	}
	return nil, &AgentError{Namespace: namespace, Problem: DeploymentGone, ConfigMap: ConfigMapName}
}

// Agents finds all agents that this account can see, sorted by namespace. What goes wrong with one
// of them is joined in the error, and there are the others all the same; there is none where the
// objects of all namespaces cannot be listed.
func (c *Cluster) Agents(ctx context.Context) ([]*Agent, error) {
	var configMaps []ConfigMap
	var deployments []Deployment
	errs := make([]error, 2)
	atOnce(2, func(i int) {
		switch i {
		case 0:
			configMaps, errs[i] = listObjects[ConfigMap](ctx, c, "/api/v1/configmaps", url.Values{"fieldSelector": {"metadata.name=" + ConfigMapName}})
		case 1:
			deployments, errs[i] = listObjects[Deployment](ctx, c, "/apis/apps/v1/deployments", nil)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c.agentsOf(ctx, deployments, configMaps)
}

// agentsOf reads the agents among the Deployments. A ConfigMap that is not among those already read
// is read; one that no Deployment uses is an error.
func (c *Cluster) agentsOf(ctx context.Context, deployments []Deployment, configMaps []ConfigMap) ([]*Agent, error) {
	running := map[string][]Deployment{} // by namespace
	for _, d := range deployments {
		if agentContainer(&d) != nil {
			running[d.Meta.Namespace] = append(running[d.Meta.Namespace], d)
		}
	}
	read := map[string]ConfigMap{} // by namespace
	for _, m := range configMaps {
		read[m.Meta.Namespace] = m
	}
	namespaces := slices.Collect(maps.Keys(running))
	for namespace := range read {
		if _, runs := running[namespace]; !runs {
			namespaces = append(namespaces, namespace)
		}
	}
	slices.Sort(namespaces)

	found := make([]*Agent, len(namespaces))
	failed := make([]error, len(namespaces))
	atOnce(len(namespaces), func(i int) {
		namespace := namespaces[i]
		switch runs := running[namespace]; len(runs) {
		case 0:
			failed[i] = &AgentError{Namespace: namespace, Problem: DeploymentGone, ConfigMap: read[namespace].Meta.Name}
		case 1:
			found[i], failed[i] = c.agentOf(ctx, runs[0], read[namespace])
		default:
			failed[i] = severalAgents(runs)
		}
	})
	agents := slices.DeleteFunc(found, func(a *Agent) bool { return a == nil })
	c.readPods(ctx, agents)
	return agents, errors.Join(failed...)
}

func severalAgents(deployments []Deployment) error {
	e := &AgentError{Namespace: deployments[0].Meta.Namespace, Problem: SeveralAgents}
	for _, d := range deployments {
		e.Deployments = append(e.Deployments, d.Meta.Name)
	}
	slices.Sort(e.Deployments)
	return e
}

// agentOf is the agent that a Deployment runs, without its pods.
func (c *Cluster) agentOf(ctx context.Context, d Deployment, m ConfigMap) (*Agent, error) {
	a := &Agent{Cluster: c, Namespace: d.Meta.Namespace, Deployment: d, Container: agentContainer(&d).Name}
	if name := configMapName(&d); m.Meta.Name != name {
		m = ConfigMap{}
		err := c.call(ctx, request{method: http.MethodGet, path: configMapAt(a.Namespace, name)}, &m)
		if errors.Is(err, ErrNotFound) {
			return nil, &AgentError{Namespace: a.Namespace, Problem: ConfigMapGone, ConfigMap: name, Deployments: []string{d.Meta.Name}}
		}
		if err != nil {
			return nil, err
		}
	}
	a.ConfigMap = m
	a.Owner = ownerOf(d.Meta, m.Meta)
	a.Release, a.Previous, a.ReleaseErr = c.newestRevisions(ctx, a)
	return a, nil
}

// readPods reads the pods of agents, with one request.
func (c *Cluster) readPods(ctx context.Context, agents []*Agent) {
	if len(agents) == 0 {
		return
	}
	path := "/api/v1/pods"
	if one := agents[0].Namespace; len(agents) == 1 {
		path = "/api/v1/namespaces/" + url.PathEscape(one) + "/pods"
	}
	pods, err := listObjects[Pod](ctx, c, path, podSelector(agents))
	for _, a := range agents {
		a.PodsErr = err
		a.Pods = podsOf(a, pods)
	}
}

// nameLabel is a label that every chart of the agent gives its pods.
const nameLabel = "app.kubernetes.io/name"

// podSelector leaves out other pods, of which a cluster may have thousands, as far as the
// Deployments of these agents have that label in common.
func podSelector(agents []*Agent) url.Values {
	var names []string
	for _, a := range agents {
		name := a.Deployment.Spec.Selector.MatchLabels[nameLabel]
		if name == "" {
			return nil
		}
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 1 {
		return url.Values{"labelSelector": {nameLabel + "=" + names[0]}}
	}
	return url.Values{"labelSelector": {nameLabel + " in (" + strings.Join(names, ",") + ")"}}
}

// podsOf are the pods of an agent's Deployment, the newest first.
func podsOf(a *Agent, pods []Pod) (own []Pod) {
	for _, p := range pods {
		if p.Meta.Namespace == a.Namespace && p.runs(a.Container) && hasLabels(p.Meta, a.Deployment.Spec.Selector.MatchLabels) {
			own = append(own, p)
		}
	}
	slices.SortStableFunc(own, func(p, q Pod) int {
		return cmp.Or(q.Meta.CreationTimestamp.Compare(p.Meta.CreationTimestamp), cmp.Compare(p.Meta.Name, q.Meta.Name))
	})
	return own
}

func hasLabels(m Meta, labels map[string]string) bool {
	for key, value := range labels {
		if m.Labels[key] != value {
			return false
		}
	}
	return true
}

func deploymentsIn(namespace string) string {
	return "/apis/apps/v1/namespaces/" + url.PathEscape(namespace) + "/deployments"
}

func configMapAt(namespace, name string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/configmaps/" + url.PathEscape(name)
}

// pageSize is how many objects one answer has at most: a cluster may have thousands.
const pageSize = 500

// listObjects lists objects, page by page.
func listObjects[T any](ctx context.Context, c *Cluster, path string, query url.Values) (all []T, err error) {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []T `json:"items"`
		}
		if err := c.call(ctx, request{method: http.MethodGet, path: path, query: query}, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Metadata.Continue == "" {
			return all, nil
		}
		query.Set("continue", page.Metadata.Continue)
	}
}

// atOnce calls do for each of n numbers, a few at the same time, and returns when all are done.
func atOnce(n int, do func(i int)) {
	var group sync.WaitGroup
	free := make(chan struct{}, atATime)
	for i := range n {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			do(i)
		})
	}
	group.Wait()
}

// Reading is what reading the agents of a namespace takes, or of all with "": their configuration,
// their Deployment, their pods and logs, and their Helm release, which is in Secrets.
func Reading(namespace string) (accesses []Access) {
	for _, a := range []Access{
		{Verb: "get", Resource: "configmaps"},
		{Verb: "list", Resource: "configmaps"},
		{Verb: "list", Group: "apps", Resource: "deployments"},
		{Verb: "list", Resource: "pods"},
		{Verb: "get", Resource: "pods/log"},
		{Verb: "list", Resource: "secrets"},
	} {
		a.Namespace = namespace
		accesses = append(accesses, a)
	}
	return accesses
}
