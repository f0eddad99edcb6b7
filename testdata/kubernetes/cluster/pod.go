//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// restartAnnotation restarts the containers of a pod when it changes, as a failing liveness probe
// does: with the environment that the pod has had from the start.
const restartAnnotation = "cluster/restart"

// logAnnotation adds its value to the log of a pod when it changes.
const logAnnotation = "cluster/log"

// The delay before a container that failed is started again grows, up to this multiple of the
// first.
const latestDelay = 16

var errRestart = errors.New("restarted on demand")

// exitError is a container that ended by itself, and not with 0.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

// pod is one that runs here.
type pod struct {
	*kubelet
	spec  *v1.Pod
	ctx   context.Context
	stop  context.CancelFunc
	ended chan struct{}

	mu       sync.Mutex
	status   v1.PodStatus
	logs     map[string]*containerLogs
	demanded string // the latest restartAnnotation
	added    string // the latest logAnnotation
	restarts map[string]context.CancelCauseFunc
}

// containerLogs are those of the latest run and of the one before.
type containerLogs struct{ current, previous buffer }

// turn is for a new run: until then the log of one that failed is the current one.
func (l *containerLogs) turn() {
	text := l.current.take()
	l.previous.take()
	_, _ = l.previous.Write([]byte(text))
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// take empties the buffer.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

func newPod(ctx context.Context, k *kubelet, spec *v1.Pod) *pod {
	p := &pod{kubelet: k, spec: spec, ended: make(chan struct{}), logs: map[string]*containerLogs{}, restarts: map[string]context.CancelCauseFunc{}}
	p.demanded = spec.Annotations[restartAnnotation]
	p.ctx, p.stop = context.WithCancel(ctx)
	now := metav1.Now()
	p.status = v1.PodStatus{Phase: v1.PodPending, StartTime: &now, HostIP: "127.0.0.1", PodIP: "127.0.0.1"}
	for _, list := range []struct {
		containers []v1.Container
		statuses   *[]v1.ContainerStatus
	}{{spec.Spec.InitContainers, &p.status.InitContainerStatuses}, {spec.Spec.Containers, &p.status.ContainerStatuses}} {
		for _, c := range list.containers {
			p.logs[c.Name] = &containerLogs{}
			waiting := &v1.ContainerStateWaiting{Reason: "PodInitializing"}
			*list.statuses = append(*list.statuses, v1.ContainerStatus{Name: c.Name, Image: c.Image, State: v1.ContainerState{Waiting: waiting}})
		}
	}
	return p
}

// run runs the init containers one after the other, and then all others.
func (p *pod) run() {
	defer close(p.ended)
	if err := p.bind(p.ctx, p.spec); err != nil {
		return // deleted meanwhile
	}
	p.setCondition(v1.PodScheduled, true)
	for i := range p.spec.Spec.InitContainers {
		if !p.repeat(&p.spec.Spec.InitContainers[i], &p.status.InitContainerStatuses[i], true) {
			p.finish()
			return
		}
	}
	p.update(func() { p.status.Phase = v1.PodRunning })
	p.setCondition(v1.PodInitialized, true)
	var all sync.WaitGroup
	for i := range p.spec.Spec.Containers {
		all.Go(func() { p.repeat(&p.spec.Spec.Containers[i], &p.status.ContainerStatuses[i], false) })
	}
	all.Wait()
	p.finish()
}

// repeat runs a container until it has done its work, or failed where it is not to be restarted.
func (p *pod) repeat(c *v1.Container, status *v1.ContainerStatus, init bool) (done bool) {
	delay := p.firstDelay
	for {
		ctx, cancel := context.WithCancelCause(p.ctx)
		p.update(func() {
			p.restarts[c.Name] = cancel
			status.State = v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: metav1.Now()}}
			status.Ready = false
		})
		err := p.runContainer(ctx, c, &p.logs[c.Name].current, func() { p.update(func() { status.Ready = true }) })
		if p.ctx.Err() != nil {
			return false
		}
		onDemand := context.Cause(ctx) == errRestart
		cancel(nil)
		ended := terminated(status.State.Running.StartedAt, err)
		if !onDemand && (p.spec.Spec.RestartPolicy == v1.RestartPolicyNever || err == nil && (init || p.spec.Spec.RestartPolicy == v1.RestartPolicyOnFailure)) {
			p.update(func() { status.State, status.Ready = v1.ContainerState{Terminated: ended}, false })
			return err == nil
		}
		p.update(func() {
			status.RestartCount++
			status.LastTerminationState, status.Ready = v1.ContainerState{Terminated: ended}, false
			if !onDemand {
				status.State = v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off restarting failed container"}}
			}
		})
		if !onDemand {
			_ = wait(p.ctx, delay)
			delay = min(2*delay, latestDelay*p.firstDelay)
		}
		p.logs[c.Name].turn()
	}
}

func terminated(begin metav1.Time, err error) *v1.ContainerStateTerminated {
	t := &v1.ContainerStateTerminated{Reason: "Completed", StartedAt: begin, FinishedAt: metav1.Now()}
	if err != nil {
		t.Reason, t.ExitCode = "Error", 1
		if exit, is := errors.AsType[*exitError](err); is {
			t.ExitCode = int32(exit.code)
		}
	}
	return t
}

// finish says how a pod ended that is not deleted.
func (p *pod) finish() {
	if p.ctx.Err() != nil {
		return
	}
	p.update(func() {
		p.status.Phase = v1.PodSucceeded
		for _, s := range slices.Concat(p.status.InitContainerStatuses, p.status.ContainerStatuses) {
			if t := s.State.Terminated; t == nil || t.ExitCode != 0 {
				p.status.Phase = v1.PodFailed
			}
		}
	})
}

// update changes the status and reports it.
func (p *pod) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	ready := p.status.Phase == v1.PodRunning
	for _, s := range p.status.ContainerStatuses {
		ready = ready && s.Ready
	}
	p.condition(v1.ContainersReady, ready)
	p.condition(v1.PodReady, ready)
	p.report(p.ctx, p.spec, *p.status.DeepCopy())
}

func (p *pod) setCondition(of v1.PodConditionType, is bool) { p.update(func() { p.condition(of, is) }) }

func (p *pod) condition(of v1.PodConditionType, is bool) {
	status := v1.ConditionFalse
	if is {
		status = v1.ConditionTrue
	}
	i := slices.IndexFunc(p.status.Conditions, func(c v1.PodCondition) bool { return c.Type == of })
	if i < 0 {
		i = len(p.status.Conditions)
		p.status.Conditions = append(p.status.Conditions, v1.PodCondition{Type: of})
	}
	if c := &p.status.Conditions[i]; c.Status != status {
		c.Status, c.LastTransitionTime = status, metav1.Now()
	}
}

func (p *pod) restartOnDemand(demand string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if demand == p.demanded {
		return
	}
	p.demanded = demand
	for _, restart := range p.restarts {
		restart(errRestart)
	}
}

// addToLog adds a text to what the containers have logged, once.
func (p *pod) addToLog(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == p.added {
		return
	}
	p.added = text
	for _, logs := range p.logs {
		_, _ = logs.current.Write([]byte(text))
	}
}

func (p *pod) log(container string, previous bool) (string, bool) {
	logs, found := p.logs[container]
	switch {
	case !found:
		return "", false
	case previous:
		return logs.previous.String(), true
	}
	return logs.current.String(), true
}
