package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Rollout is how far a rollout is.
type Rollout struct {
	Wanted    int    // pods
	Updated   int    // of them, with what is new
	Available int    // of those, that work
	Pod       string // the newest one with what is new; "" before there is one
	Waiting   string // what that pod waits for, such as ContainerCreating; "" if for nothing
}

// RolloutError says that a rollout does not come to its end.
type RolloutError struct {
	Deployment string
	Problem    string
	Pod        string // "" where it is not about one
	LastLine   string // of the pod's log
	TimedOut   bool   // it may only take longer
}

func (e *RolloutError) Error() string {
	text := "the rollout of Deployment " + e.Deployment + " failed: "
	if e.Pod != "" {
		text += "pod " + e.Pod + ": "
	}
	text += e.Problem
	if e.LastLine != "" {
		text += "; its log ends with: " + e.LastLine
	}
	return text
}

// lookEvery is how long a rollout is left alone between two looks at it. A problem that the
// controllers may overcome by themselves counts when it is seen for longer than patienceWithPods.
const (
	lookEvery        = 500 * time.Millisecond
	patienceWithPods = 2 * time.Second
)

// Wait waits until the agent's Deployment is rolled out: every pod is new and works, and no old one
// is left. The error is a *RolloutError if it fails, or takes longer than limit.
func (a *Agent) Wait(ctx context.Context, limit time.Duration, progress func(Rollout)) error {
	end := time.Now().Add(limit)
	var troubled time.Time
	for {
		if err := a.look(ctx); err != nil {
			return err
		}
		state := a.rollout()
		progress(state)
		if a.rolledOut() {
			return nil
		}
		problem := a.stuck()
		if problem == nil {
			troubled = time.Time{}
		} else if troubled.IsZero() {
			troubled = time.Now()
		}
		switch {
		case problem != nil && time.Since(troubled) > patienceWithPods:
			return a.withLastLine(ctx, problem)
		case time.Now().After(end):
			return a.withLastLine(ctx, &RolloutError{
				Deployment: a.Deployment.Meta.Name, Pod: state.Pod, TimedOut: true,
				Problem: fmt.Sprintf("%d of %d new pods are ready after %s%s", state.Available, state.Wanted, limit, parenthesis(state.Waiting)),
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

func parenthesis(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// look reads the agent's Deployment and its pods again.
func (a *Agent) look(ctx context.Context) error {
	var d Deployment
	if err := a.Cluster.call(ctx, request{method: http.MethodGet, path: objectPath(appsAPI, a.Namespace, "deployments", a.Deployment.Meta.Name)}, &d); err != nil {
		return err
	}
	a.Deployment = d
	a.Cluster.readPods(ctx, []*Agent{a})
	if errors.Is(a.PodsErr, ErrForbidden) { // then the Deployment alone says how far it is
		return nil
	}
	return a.PodsErr // an old pod that is not seen may still run
}

// rolledOut says whether all pods are new and work (kubernetes/kubectl, pkg/polymorphichelpers/
// rollout_status.go), and every old one has ended: while it ends, its agent still polls.
func (a *Agent) rolledOut() bool {
	d := a.Deployment
	return d.Status.ObservedGeneration >= d.Meta.Generation &&
		d.Status.UpdatedReplicas == d.Spec.Replicas && d.Status.Replicas == d.Spec.Replicas && d.Status.AvailableReplicas == d.Spec.Replicas &&
		!slices.ContainsFunc(a.Pods, func(p Pod) bool { return !a.isNew(p) && p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" })
}

// isNew says whether a pod is made as the Deployment says now, as far as this package changes that.
func (a *Agent) isNew(p Pod) bool {
	is, wanted := p.Environment(a.Container), a.Environment()
	if is.One != wanted.One || !slices.Equal(is.Many, wanted.Many) {
		return false
	}
	at := a.Deployment.Spec.Template.Meta.Annotations[restartedAt]
	return at == "" || p.Meta.Annotations[restartedAt] == at
}

// rollout is how far the rollout is.
func (a *Agent) rollout() Rollout {
	d := a.Deployment
	r := Rollout{Wanted: d.Spec.Replicas, Updated: d.Status.UpdatedReplicas}
	r.Available = max(0, r.Updated-(d.Status.Replicas-d.Status.AvailableReplicas)) // those that do not work are the new ones
	if d.Status.ObservedGeneration < d.Meta.Generation {
		r.Updated, r.Available = 0, 0
	}
	if p := a.newest(); p != nil {
		r.Pod = p.Meta.Name
		r.Waiting, _ = p.waiting(a.Container)
	}
	return r
}

// newest is the newest pod with what is new.
func (a *Agent) newest() *Pod {
	if i := slices.IndexFunc(a.Pods, a.isNew); i >= 0 {
		return &a.Pods[i]
	}
	return nil
}

// waiting is what the container waits for in a pod. stuck says that it does not get it.
func (p *Pod) waiting(container string) (reason string, stuck bool) {
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return reasonOf(c.Reason, c.Message), false // a node may come
		}
	}
	status := p.ContainerStatus(container)
	if status == nil || status.State.Waiting == nil {
		return "", false
	}
	w := status.State.Waiting
	switch w.Reason {
	case "CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError":
		stuck = true
	}
	return reasonOf(w.Reason, w.Message), stuck
}

func reasonOf(reason, message string) string {
	switch {
	case message == "":
		return reason
	case reason == "":
		return oneLine(message)
	}
	return reason + ": " + oneLine(message)
}

// stuck is why the rollout does not go on; nil if it does, as far as can be seen.
func (a *Agent) stuck() *RolloutError {
	e := &RolloutError{Deployment: a.Deployment.Meta.Name}
	if a.Deployment.Status.ObservedGeneration < a.Deployment.Meta.Generation {
		return nil
	}
	for _, c := range a.Deployment.Status.Conditions {
		if c.Type == "ReplicaFailure" && c.Status == "True" || c.Type == "Progressing" && c.Status == "False" {
			e.Problem = reasonOf(c.Reason, c.Message) // such as a quota
			return e
		}
	}
	if p := a.newest(); p != nil {
		if reason, stuck := p.waiting(a.Container); stuck {
			e.Pod, e.Problem = p.Meta.Name, reason
			return e
		}
	}
	return nil
}

// withLastLine adds the end of the pod's log, where it can be read.
func (a *Agent) withLastLine(ctx context.Context, e *RolloutError) error {
	p := a.newest()
	if p == nil || e.Pod == "" {
		return e
	}
	end := url.Values{"tailLines": {"20"}, "limitBytes": {strconv.Itoa(maxEnd)}}
	text, err := a.logText(ctx, p, end)
	if err != nil || len(text) == 0 {
		end.Set("previous", "true")
		text, err = a.logText(ctx, p, end)
	}
	if err == nil {
		e.LastLine = parseLog(text).LastLine
	}
	return e
}

// AsRolloutError is the failure of a rollout in an error.
func AsRolloutError(err error) (*RolloutError, bool) { return errors.AsType[*RolloutError](err) }
