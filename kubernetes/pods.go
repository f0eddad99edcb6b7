package kubernetes

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readPods reads the pods of agents, with one request.
func (c *Cluster) readPods(ctx context.Context, agents []*Agent) {
	if len(agents) == 0 {
		return
	}
	namespace := ""
	if len(agents) == 1 {
		namespace = agents[0].Namespace
	}
	pods, err := listObjects[Pod](ctx, c, objectPath(coreAPI, namespace, "pods", ""), podSelector(agents), only(func(p *Pod) bool {
		return slices.ContainsFunc(agents, func(a *Agent) bool { return a.owns(p) })
	}))
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

// owns says whether a pod is one of the agent's Deployment.
func (a *Agent) owns(p *Pod) bool {
	return p.Meta.Namespace == a.Namespace && p.runs(a.Container) && hasLabels(p.Meta, a.Deployment.Spec.Selector.MatchLabels)
}

// podsOf are the pods of an agent's Deployment, the newest first.
func podsOf(a *Agent, pods []Pod) (own []Pod) {
	for _, p := range pods {
		if a.owns(&p) {
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

// runs says whether a pod has a container of that name.
func (p *Pod) runs(container string) bool {
	return slices.ContainsFunc(p.Spec.Containers, func(c Container) bool { return c.Name == container })
}

// ContainerStatus is how a container of the pod is doing; nil before its first start.
func (p *Pod) ContainerStatus(container string) *ContainerStatus {
	for i, s := range p.Status.ContainerStatuses {
		if s.Name == container {
			return &p.Status.ContainerStatuses[i]
		}
	}
	return nil
}

// Started is when the container was started that runs now; zero if none does.
func (s *ContainerStatus) Started() time.Time {
	if s == nil || s.State.Running == nil {
		return time.Time{}
	}
	return s.State.Running.StartedAt
}

// Running is the newest pod in which the agent runs now; nil if there is none.
func (a *Agent) Running() *Pod {
	for i, p := range a.Pods {
		if p.Meta.DeletionTimestamp.IsZero() && !p.ContainerStatus(a.Container).Started().IsZero() {
			return &a.Pods[i]
		}
	}
	return nil
}

// ScriptTicket is the label of the pods in which an agent runs the scripts of a deployment
// (OctopusTentacle, Kubernetes/KubernetesScriptPodCreator.cs). Its value is the script's.
const ScriptTicket = "octopus.com/scriptTicketId"

// ScriptPods are the pods in which scripts run now.
func (a *Agent) ScriptPods(ctx context.Context) ([]Pod, error) {
	pods, err := listObjects[Pod](ctx, a.Cluster, objectPath(coreAPI, a.Namespace, "pods", ""), url.Values{"labelSelector": {ScriptTicket}}, only(unfinished))
	return pods, err
}

// unfinished says whether a pod runs, or waits for that.
func unfinished(p *Pod) bool { return p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" }

// How much of a log is read: the agent says at its start what it polls, and at the end of the log
// what goes wrong now. An error has some forty lines.
const (
	logStart = 256 << 10 // bytes
	logEnd   = 2000      // lines
	maxEnd   = 2 << 20   // bytes
)

// Log reads the log of the agent's container in a pod: its start, and where it is long its end. Of
// a container that is waiting to be started again it is the log of the one that ended.
func (a *Agent) Log(ctx context.Context, p *Pod) (*Log, error) {
	start, err := a.logText(ctx, p, url.Values{"limitBytes": {strconv.Itoa(logStart)}})
	if err != nil {
		return nil, err
	}
	if len(start) < logStart {
		return parseLog(start), nil
	}
	end, err := a.logText(ctx, p, url.Values{"tailLines": {strconv.Itoa(logEnd)}, "limitBytes": {strconv.Itoa(maxEnd)}})
	if err != nil {
		return nil, err
	}
	return parseLog(start, end), nil
}

// PreviousLog reads the end of the log of the container that ran before the one that runs now.
func (a *Agent) PreviousLog(ctx context.Context, p *Pod) (*Log, error) {
	text, err := a.logText(ctx, p, url.Values{"previous": {"true"}, "tailLines": {strconv.Itoa(logEnd)}, "limitBytes": {strconv.Itoa(maxEnd)}})
	if err != nil {
		return nil, err
	}
	return parseLog(text), nil
}

func (a *Agent) logText(ctx context.Context, p *Pod, query url.Values) ([]byte, error) {
	query.Set("container", a.Container)
	query.Set("timestamps", "true")
	return a.Cluster.send(ctx, request{
		method: http.MethodGet,
		path:   objectPath(coreAPI, a.Namespace, "pods", p.Meta.Name) + "/log",
		query:  query,
		most:   maxEnd,
	})
}
