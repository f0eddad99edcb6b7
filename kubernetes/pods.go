package kubernetes

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// runs says whether a pod has a container of that name.
func (p *Pod) runs(container string) bool {
	return slices.ContainsFunc(p.Spec.Containers, func(c Container) bool { return c.Name == container })
}

// ContainerStatus is how a container of the pod is doing; nil before it was started for the first time.
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
	pods, err := listObjects[Pod](ctx, a.Cluster, "/api/v1/namespaces/"+url.PathEscape(a.Namespace)+"/pods", url.Values{"labelSelector": {ScriptTicket}})
	return slices.DeleteFunc(pods, func(p Pod) bool { return p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" }), err
}

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
		path:   "/api/v1/namespaces/" + url.PathEscape(a.Namespace) + "/pods/" + url.PathEscape(p.Meta.Name) + "/log",
		query:  query,
	})
}
