package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// Agent finds the agent in a namespace.
func (c *Cluster) Agent(ctx context.Context, namespace string) (*Agent, error) {
	deployments, err := listObjects[Deployment](ctx, c, objectPath(appsAPI, namespace, "deployments", ""), nil, only(runsAgent))
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
	err = c.call(ctx, request{method: http.MethodGet, path: objectPath(coreAPI, namespace, configMaps, ConfigMapName)}, &left)
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
	AtOnce(2, func(i int) {
		switch i {
		case 0:
			configMaps, errs[i] = listObjects[ConfigMap](ctx, c, objectPath(coreAPI, "", "configmaps", ""), url.Values{"fieldSelector": {"metadata.name=" + ConfigMapName}}, only(isAgents))
		case 1:
			deployments, errs[i] = listObjects[Deployment](ctx, c, objectPath(appsAPI, "", "deployments", ""), nil, only(runsAgent))
		}
	})
	if errors.Is(errs[0], ErrForbidden) && errors.Is(errs[1], ErrForbidden) {
		return nil, errors.Join(errs...) // two rights are wanting; anything else is one reason for both
	}
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	return c.agentsOf(ctx, deployments, configMaps)
}

func runsAgent(d *Deployment) bool { return agentContainer(d) != nil }

func isAgents(m *ConfigMap) bool { return m.Meta.Name == ConfigMapName }

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
	AtOnce(len(namespaces), func(i int) {
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
		err := c.call(ctx, request{method: http.MethodGet, path: objectPath(coreAPI, a.Namespace, configMaps, name)}, &m)
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
