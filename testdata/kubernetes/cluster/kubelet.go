//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const nodeName = "node1"

// kubelet is the scheduler and the only node: every pod is put there and runs there.
type kubelet struct {
	*controlPlane
	images     map[string]string // image to program
	firstDelay time.Duration

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// startKubelet registers the node and runs what pods there are, until ctx ends.
func startKubelet(ctx context.Context, c *controlPlane, images map[string]string, firstDelay time.Duration) error {
	k := &kubelet{controlPlane: c, images: images, firstDelay: firstDelay, pods: map[types.UID]*pod{}}
	if err := k.register(ctx, k.serveLogs()); err != nil {
		return err
	}
	f := informers.NewSharedInformerFactory(c.client, 0)
	_, err := f.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { k.seen(ctx, o.(*v1.Pod)) },
		UpdateFunc: func(_, o any) { k.seen(ctx, o.(*v1.Pod)) },
		DeleteFunc: func(o any) {
			if gone, is := o.(cache.DeletedFinalStateUnknown); is {
				o = gone.Obj
			}
			k.gone(o.(*v1.Pod).UID)
		},
	})
	if err != nil {
		return err
	}
	f.Start(ctx.Done())
	return nil
}

// register makes the node, with the port where the API server asks for logs.
func (k *kubelet) register(ctx context.Context, port int) error {
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName}}
	node, err := k.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	node.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "127.0.0.1"}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(port)
	node.Status.Conditions = []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue, LastHeartbeatTime: metav1.Now(), LastTransitionTime: metav1.Now()}}
	_, err = k.client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

// seen starts a new pod, ends one that is being deleted, and does what its annotations ask for.
func (k *kubelet) seen(ctx context.Context, p *v1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	running := k.pods[p.UID]
	switch {
	case p.DeletionTimestamp != nil:
		if running != nil {
			running.stop()
		}
		go k.delete(ctx, p, running)
	case running != nil:
		running.restartOnDemand(p.Annotations[restartAnnotation])
		running.addToLog(p.Annotations[logAnnotation])
	case p.Status.Phase == v1.PodPending:
		running = newPod(ctx, k, p)
		k.pods[p.UID] = running
		go running.run()
	}
}

// delete removes a pod from the API when what it ran has ended.
func (k *kubelet) delete(ctx context.Context, p *v1.Pod, running *pod) {
	if running != nil {
		<-running.ended
	}
	now, preconditions := int64(0), metav1.NewUIDPreconditions(string(p.UID))
	_ = k.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: preconditions})
}

func (k *kubelet) gone(uid types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if running := k.pods[uid]; running != nil {
		running.stop()
		delete(k.pods, uid)
	}
}

// report writes the status of a pod. A status that comes too late is no matter.
func (k *kubelet) report(ctx context.Context, p *v1.Pod, status v1.PodStatus) {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.UID}, "status": status})
	if err == nil {
		_, err = k.client.CoreV1().Pods(p.Namespace).Patch(ctx, p.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubelet"}, "status")
	}
	if err != nil && ctx.Err() == nil {
		klog.InfoS("the status of a pod is not written", "pod", klog.KObj(p), "err", err)
	}
}

// serveLogs answers as a kubelet does at /containerLogs/NAMESPACE/POD/CONTAINER, and returns its
// port.
func (k *kubelet) serveLogs() int {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		text, found := k.log(r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container"), r.FormValue("previous") == "true")
		if !found {
			http.Error(w, "there is no such log", http.StatusNotFound)
			return
		}
		if lines, err := strconv.Atoi(r.FormValue("tailLines")); err == nil {
			text = lastLines(text, lines)
		}
		if limit, err := strconv.Atoi(r.FormValue("limitBytes")); err == nil && limit < len(text) {
			text = text[:limit]
		}
		_, _ = w.Write([]byte(text))
	})
	s := httptest.NewUnstartedServer(mux)
	s.TLS = &tls.Config{} // the API server does not verify it
	s.StartTLS()
	return s.Listener.Addr().(*net.TCPAddr).Port
}

func (k *kubelet) log(namespace, name, container string, previous bool) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pods {
		if p.spec.Namespace == namespace && p.spec.Name == name {
			return p.log(container, previous)
		}
	}
	return "", false
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// bind puts a pod on the node, as the scheduler does.
func (k *kubelet) bind(ctx context.Context, p *v1.Pod) error {
	if p.Spec.NodeName != "" {
		return nil
	}
	binding := &v1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, UID: p.UID},
		Target:     v1.ObjectReference{Kind: "Node", Name: nodeName},
	}
	return k.client.CoreV1().Pods(p.Namespace).Bind(ctx, binding, metav1.CreateOptions{})
}

// wait sleeps, unless ctx ends before.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
