package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/octo-tentacle/octo-tentacle/kubernetes"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// How a Kubernetes agent is doing.

// agentRelease is the newest revision of an agent's Helm release.
type agentRelease struct {
	Name         string `json:"name"`
	Revision     int    `json:"revision"`
	Status       string `json:"status"`
	Chart        string `json:"chart"`
	ChartVersion string `json:"chartVersion"`
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

// lastWords is the end of the log of a container that does not run.
func lastWords(log *kubernetes.Log) string {
	if log.LastLine == "" {
		return ""
	}
	return fmt.Sprintf(", last words %q", log.LastLine)
}

// stuckPod says that a pod which is to replace the one that runs does not start, and why; "" if
// that is not so.
func stuckPod(ctx context.Context, a *kubernetes.Agent) (string, error) {
	running := a.Running()
	if running == nil {
		return "", nil
	}
	for i, p := range a.Pods {
		status := p.ContainerStatus(a.Container)
		if p.Meta.CreationTimestamp.Before(running.Meta.CreationTimestamp) || status == nil || status.State.Waiting == nil || slices.Contains(beginning, status.State.Waiting.Reason) {
			continue
		}
		text := fmt.Sprintf("Pod %s is to replace the one that runs, and does not start: %s", p.Meta.Name, status.State.Waiting.Reason)
		log, err := a.Log(ctx, &a.Pods[i])
		if err == nil {
			text += lastWords(log)
		}
		return text + ".", err
	}
	return "", nil
}

// beginning are the reasons for which every container waits at first (Kubernetes, kubelet).
var beginning = []string{"ContainerCreating", "PodInitializing"}

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
	case slices.Contains(beginning, status.State.Waiting.Reason):
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
