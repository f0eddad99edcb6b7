package kubetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The node of testdata/kubernetes/cluster does with its pods what annotations ask for.

// SetRollout is Cluster.SetRollout, of delays and failures.
func (f *Front) SetRollout(namespace string, r Rollout) error {
	if err := ensureNamespace(f.real, namespace); err != nil {
		return err
	}
	return f.annotate("/api/v1/namespaces/"+namespace, "cluster/start-fails", r.Fails, "cluster/start-delay", r.Delay.String())
}

func (f *Front) annotate(path string, keysAndValues ...string) error {
	annotations := object{}
	for pair := range slices.Chunk(keysAndValues, 2) {
		annotations[pair[0]] = pair[1]
	}
	return f.real.Do("PATCH", path, "application/merge-patch+json", object{"metadata": object{"annotations": annotations}}, nil)
}

// Restart is Cluster.Restart. It returns when the containers have started again.
func (f *Front) Restart(namespace string) error {
	all, err := f.pods(namespace)
	if err != nil {
		return err
	}
	for _, before := range all {
		path := "/api/v1/namespaces/" + namespace + "/pods/" + before.Metadata.Name
		if err := f.annotate(path, "cluster/restart", strconv.FormatInt(f.serial.Add(1), 10)); err != nil {
			return err
		}
		err := f.until("pod "+before.Metadata.Name+" does not start again", func() (bool, error) {
			var now realPod
			err := f.real.Do("GET", path, "", nil, &now)
			return now.restarts() > before.restarts(), err
		})
		if err != nil {
			return err
		}
	}
	return f.Settled()
}

// Log is Cluster.Log.
func (f *Front) Log(namespace string, lines ...string) error {
	all, err := f.pods(namespace)
	if err != nil {
		return err
	}
	for _, p := range all {
		core := "/api/v1/namespaces/" + namespace + "/pods/" + p.Metadata.Name
		text := strings.Join(lines, "\n") + "\n"
		if err := f.annotate(core, "cluster/log", text); err != nil {
			return err
		}
		err := f.until("pod "+p.Metadata.Name+" does not log", func() (bool, error) {
			var log string
			err := f.real.Do("GET", core+"/log", "", nil, &log)
			return strings.Contains(log, text), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// realPod is what is read of a pod in a real cluster.
type realPod struct {
	Metadata struct {
		Name, Namespace   string
		DeletionTimestamp *time.Time
	}
	Status struct {
		Phase             string
		ContainerStatuses []struct {
			RestartCount int
			Ready        bool
		}
	}
}

func (p realPod) restarts() (count int) {
	for _, c := range p.Status.ContainerStatuses {
		count += c.RestartCount
	}
	return count
}

func (p realPod) ready() bool {
	for _, c := range p.Status.ContainerStatuses {
		if !c.Ready {
			return false
		}
	}
	return p.Status.Phase == "Running"
}

// started says that a pod is ready, or has failed to start.
func (p realPod) started() bool {
	return p.Metadata.DeletionTimestamp == nil && (p.ready() || p.restarts() > 0)
}

// realDeployment is what is read of a Deployment.
type realDeployment struct {
	Metadata struct {
		Name, Namespace string
		Generation      int
	}
	Spec   struct{ Replicas int }
	Status struct {
		ObservedGeneration, Replicas, UpdatedReplicas, AvailableReplicas int
		Conditions                                                       []struct{ Type, Status string }
	}
}

// complete says that a rollout has come to its end.
func (d realDeployment) complete() bool {
	s := d.Status
	return s.Replicas == d.Spec.Replicas && s.UpdatedReplicas == d.Spec.Replicas && s.AvailableReplicas == d.Spec.Replicas
}

// stuck says that a rollout does not come to its end: a pod fails, or cannot be made.
func (d realDeployment) stuck(all []realPod) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == "ReplicaFailure" && c.Status == "True" {
			return true
		}
	}
	return d.Status.UpdatedReplicas == d.Spec.Replicas && slices.ContainsFunc(all, func(p realPod) bool {
		return p.Metadata.Namespace == d.Metadata.Namespace && !p.ready() && p.started()
	})
}

func (f *Front) pods(namespace string) ([]realPod, error) {
	path := "/api/v1/pods"
	if namespace != "" {
		path = "/api/v1/namespaces/" + namespace + "/pods"
	}
	var list struct{ Items []realPod }
	err := f.real.Do("GET", path, "", nil, &list)
	return list.Items, err
}

// Settled waits until the controllers have done what follows from the requests until now, and
// every pod has started, or has failed to.
func (f *Front) Settled() error {
	before, still := "", 0
	return f.until("the pods do not come to rest", func() (bool, error) {
		pods, err := f.pods("")
		if err != nil {
			return false, err
		}
		var list struct{ Items []realDeployment }
		if err := f.real.Do("GET", "/apis/apps/v1/deployments", "", nil, &list); err != nil {
			return false, err
		}
		var now strings.Builder
		rest := true
		for _, p := range pods {
			rest = rest && p.started()
			fmt.Fprintln(&now, p.Metadata, p.ready())
		}
		for _, d := range list.Items {
			rest = rest && d.Status.ObservedGeneration == d.Metadata.Generation && (d.complete() || d.stuck(pods))
			fmt.Fprintln(&now, d)
		}
		if still++; !rest || now.String() != before {
			still = 0
		}
		before = now.String()
		return still > 2, nil
	})
}
