package kubetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rollout is what happens to new pods of a namespace. The zero value starts them at once, as the
// agent's image does.
type Rollout struct {
	Delay  time.Duration // until a new pod has started
	Fails  string        // the last line of the log of a pod that never starts
	Reason string        // why such a pod waits; CrashLoopBackOff by default

	// Between is called between the read and the write of each command of a start, where it is
	// in danger from other writers.
	Between func()
}

// SetRollout says what happens to the pods of a namespace that start from now on.
func (c *Cluster) SetRollout(namespace string, r Rollout) {
	c.starts.mu.Lock()
	defer c.starts.mu.Unlock()
	c.starts.rollouts[namespace] = r
}

// starts are the controllers and the nodes: they make pods of Deployments, and start them.
type starts struct {
	store *store

	mu       sync.Mutex
	rollouts map[string]Rollout
	logs     map[key][]string // of a pod's containers, the last one at the end
	stopped  chan struct{}
	waiting  sync.WaitGroup
}

func newStarts(s *store) *starts {
	return &starts{store: s, rollouts: map[string]Rollout{}, logs: map[key][]string{}, stopped: make(chan struct{})}
}

func (s *starts) stop() {
	close(s.stopped)
	s.waiting.Wait()
}

// controller is who makes and changes pods, and the status of Deployments.
var controller = update{manager: "kube-controller-manager"}

// follow does what a change of an object leads to.
func (s *starts) follow(verb string, k key) {
	switch {
	case k.resource == pods && verb == "create":
		s.store.change(k, controller, func(pod object) (object, *refusal) {
			if pod == nil {
				return nil, notFound(k)
			}
			setStatus(pod, "Running", true, 0, object{"running": object{"startedAt": now()}})
			return pod, nil
		})
	case k.resource == pods && verb == "delete":
		for _, d := range s.store.list(deployments, k.namespace, func(object) bool { return true }) {
			s.rollOut(keyOf(deployments, d.(object)))
		}
	case k.resource == deployments && verb != "delete":
		s.rollOut(k)
	}
}

func keyOf(resource string, o object) key {
	return key{resource: resource, namespace: text(at(o, "metadata", "namespace")), name: text(at(o, "metadata", "name"))}
}

// rollOut gives a Deployment a pod of its template, if it has none, and then removes the others.
func (s *starts) rollOut(k key) {
	deployment := s.store.get(k)
	if deployment == nil {
		return
	}
	hash := templateHash(deployment)
	for _, pod := range s.podsOf(k) {
		same := at(pod, "metadata", "labels", "pod-template-hash") == hash
		if same {
			s.settle(k, "")
			return
		}
		if !ready(pod) {
			s.store.remove(keyOf(pods, pod))
		}
	}
	if replicas, _ := at(deployment, "spec", "replicas").(float64); replicas == 0 {
		for _, pod := range s.podsOf(k) {
			s.store.remove(keyOf(pods, pod))
		}
		s.settle(k, "")
		return
	}
	pod := key{resource: pods, namespace: k.namespace, name: fmt.Sprintf("%s-%s-%05x", k.name, hash, rand.IntN(1<<20))}
	made := copyOf(object{"metadata": at(deployment, "spec", "template", "metadata"), "spec": at(deployment, "spec", "template", "spec")})
	child(meta(made), "labels")["pod-template-hash"] = hash
	meta(made)["ownerReferences"] = []any{object{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": k.name + "-" + hash, "controller": true}}
	setStatus(made, "Pending", false, 0, object{"waiting": object{"reason": "ContainerCreating"}})
	if _, refused := s.store.change(pod, controller, func(object) (object, *refusal) { return made, nil }); refused != nil {
		s.settle(k, refused.message)
		return
	}
	s.settle(k, "")
	s.later(k.namespace, func(r Rollout) {
		s.start(pod, r)
		s.settle(k, "")
	})
}

// later calls a function when a pod that starts now has started: at once, or in a while.
func (s *starts) later(namespace string, started func(Rollout)) {
	s.mu.Lock()
	r := s.rollouts[namespace]
	s.mu.Unlock()
	if r.Delay == 0 {
		started(r)
		return
	}
	s.waiting.Go(func() {
		select {
		case <-time.After(r.Delay):
			started(r)
		case <-s.stopped:
		}
	})
}

// start starts the containers of a pod.
func (s *starts) start(pod key, r Rollout) {
	o := s.store.get(pod)
	if o == nil {
		return
	}
	var log string
	failed := r.Fails != ""
	if failed {
		log = r.Fails + "\n"
	} else {
		log, failed = startAgent(s.store, pod.namespace, environmentOf(o), r.Between)
	}
	s.mu.Lock()
	restarts := len(s.logs[pod])
	s.logs[pod] = append(s.logs[pod], log)
	s.mu.Unlock()
	state := object{"running": object{"startedAt": now()}}
	if failed {
		reason := r.Reason
		if reason == "" {
			reason = "CrashLoopBackOff"
		}
		state = object{"waiting": object{"reason": reason, "message": "back-off restarting failed container"}}
	}
	s.store.change(pod, controller, func(o object) (object, *refusal) {
		if o == nil {
			return nil, notFound(pod) // it was deleted while it started
		}
		setStatus(o, "Running", !failed, restarts, state)
		return o, nil
	})
}

// Restart starts the containers of all agents' pods of a namespace again, as after a crash: with
// the environment that the pods have.
func (c *Cluster) Restart(namespace string) {
	for _, d := range c.store.list(deployments, namespace, func(object) bool { return true }) {
		k := keyOf(deployments, d.(object))
		for _, pod := range c.starts.podsOf(k) {
			c.starts.mu.Lock()
			r := c.starts.rollouts[namespace]
			c.starts.mu.Unlock()
			c.starts.start(keyOf(pods, pod), r)
		}
		c.starts.settle(k, "")
	}
}

// StartPod starts the containers of a pod again, as Restart does, and replaces no other pod by it
// yet: so pods of a rollout can start in any order.
func (c *Cluster) StartPod(namespace, pod string) {
	c.starts.mu.Lock()
	r := c.starts.rollouts[namespace]
	c.starts.mu.Unlock()
	c.starts.start(key{resource: pods, namespace: namespace, name: pod}, r)
}

// Log adds lines to the logs of all agents' pods of a namespace.
func (c *Cluster) Log(namespace string, lines ...string) {
	c.starts.mu.Lock()
	defer c.starts.mu.Unlock()
	for pod, logs := range c.starts.logs {
		if pod.namespace == namespace {
			logs[len(logs)-1] += strings.Join(lines, "\n") + "\n"
		}
	}
}

// settle removes the pods that a ready pod of the newest template replaces, and says in the status
// of a Deployment what there is.
func (s *starts) settle(k key, refusedPod string) {
	deployment := s.store.get(k)
	if deployment == nil {
		return
	}
	hash := templateHash(deployment)
	isNew := func(pod object) bool { return at(pod, "metadata", "labels", "pod-template-hash") == hash }
	all := s.podsOf(k)
	if slices.ContainsFunc(all, func(pod object) bool { return isNew(pod) && ready(pod) }) {
		for _, pod := range all {
			if !isNew(pod) {
				s.store.remove(keyOf(pods, pod))
			}
		}
		all = s.podsOf(k)
	}
	var updated, available int
	for _, pod := range all {
		if isNew(pod) {
			updated++
		}
		if ready(pod) {
			available++
		}
	}
	is := func(b bool) string { return map[bool]string{true: "True", false: "False"}[b] }
	conditions := []any{
		object{"type": "Available", "status": is(available > 0), "reason": "MinimumReplicasAvailable", "message": ""},
		object{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": ""},
	}
	if refusedPod != "" {
		conditions = append(conditions, object{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refusedPod})
	}
	s.store.change(k, controller, func(o object) (object, *refusal) {
		if o == nil {
			return nil, notFound(k)
		}
		replicas, _ := at(o, "spec", "replicas").(float64)
		o["status"] = object{
			"observedGeneration": meta(o)["generation"], "replicas": len(all), "updatedReplicas": updated, "readyReplicas": available,
			"availableReplicas": available, "unavailableReplicas": max(len(all), int(replicas)) - available, "conditions": conditions,
		}
		return copyOf(o), nil
	})
}

func (s *starts) podsOf(k key) (all []object) {
	for _, pod := range s.store.list(pods, k.namespace, func(o object) bool { return ownerOf(o) == k.name }) {
		all = append(all, pod.(object))
	}
	return all
}

// ownerOf is the Deployment that a pod belongs to; "" if it stands alone.
func ownerOf(pod object) string {
	owners, _ := at(pod, "metadata", "ownerReferences").([]any)
	if len(owners) == 0 {
		return ""
	}
	set := text(at(owners[0].(object), "name"))
	return strings.TrimSuffix(set, "-"+text(at(pod, "metadata", "labels", "pod-template-hash")))
}

func templateHash(deployment object) string {
	content, err := json.Marshal(at(deployment, "spec", "template"))
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:5])
}

func ready(pod object) bool {
	all, _ := at(pod, "status", "containerStatuses").([]any)
	return len(all) > 0 && !slices.ContainsFunc(all, func(c any) bool { return c.(object)["ready"] != true })
}

func setStatus(pod object, phase string, ready bool, restarts int, state object) {
	var containers []any
	specs, _ := at(pod, "spec", "containers").([]any)
	for _, c := range specs {
		containers = append(containers, object{
			"name": at(c.(object), "name"), "image": at(c.(object), "image"), "ready": ready, "restartCount": restarts, "state": state,
		})
	}
	is := map[bool]string{true: "True", false: "False"}[ready]
	status := object{"phase": phase, "containerStatuses": containers, "conditions": []any{object{"type": "Ready", "status": is}}}
	if phase != "Pending" {
		status["startTime"] = now()
	}
	pod["status"] = copyOf(status)
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

func environmentOf(pod object) map[string]string {
	environment := map[string]string{}
	containers, _ := at(pod, "spec", "containers").([]any)
	for _, c := range containers {
		variables, _ := at(c.(object), "env").([]any)
		for _, v := range variables {
			environment[text(at(v.(object), "name"))] = text(at(v.(object), "value"))
		}
	}
	return environment
}

// log answers a request for the log of a container.
func (c *Cluster) log(k key, query url.Values) answer {
	pod := c.store.get(key{resource: pods, namespace: k.namespace, name: k.name})
	if pod == nil {
		return notFound(k).answer()
	}
	var names []string
	containers, _ := at(pod, "spec", "containers").([]any)
	for _, c := range containers {
		names = append(names, text(at(c.(object), "name")))
	}
	switch container := query.Get("container"); {
	case container == "" && len(names) > 1:
		return badRequest("a container name must be specified for pod %s, choose one of: %v", k.name, names).answer()
	case container != "" && !slices.Contains(names, container):
		return badRequest("container %s is not valid for pod %s", container, k.name).answer()
	}
	c.starts.mu.Lock()
	logs := slices.Clone(c.starts.logs[key{resource: pods, namespace: k.namespace, name: k.name}])
	c.starts.mu.Unlock()
	if query.Get("previous") == "true" {
		if len(logs) < 2 {
			return badRequest("previous terminated container in pod %q not found", k.name).answer()
		}
		logs = logs[:len(logs)-1]
	}
	if len(logs) == 0 {
		return badRequest("container in pod %q is waiting to start: ContainerCreating", k.name).answer()
	}
	lines := strings.SplitAfter(logs[len(logs)-1], "\n")
	if tail, err := strconv.Atoi(query.Get("tailLines")); err == nil && tail+1 < len(lines) {
		lines = lines[len(lines)-1-tail:]
	}
	return answer{status: http.StatusOK, text: strings.Join(lines, "")}
}
