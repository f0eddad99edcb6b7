//go:build linux

package commands_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// gate is in front of the API of a cluster, and counts the requests of one program. Before one of
// them it does something; it lets that request through only if this says so.
type gate struct {
	kubeconfig string

	mu       sync.Mutex
	requests []string // method and path
	at       int      // the number of that request; 0 is none
	before   func() bool
}

func (k *controlPlane) openGate(t *testing.T, at int, before func() bool) *gate {
	t.Helper()
	target, err := url.Parse(k.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{at: at, before: before, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: k.client.Transport}
	forward.ErrorLog = log.New(io.Discard, "", 0) // what it says of a program that was killed
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.passes(r) {
			panic(http.ErrAbortHandler)
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	config := api.NewConfig()
	config.Clusters["gate"] = &api.Cluster{Server: server.URL}
	config.Contexts["gate"] = &api.Context{Cluster: "gate"}
	config.CurrentContext = "gate"
	if err := clientcmd.WriteToFile(*config, g.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return g
}

// passes lets one request through at a time, so that each has a number.
func (g *gate) passes(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, r.Method+" "+r.URL.RequestURI())
	return len(g.requests) != g.at || g.before()
}

// isWrite says whether a request changes something.
func isWrite(request string) bool {
	return !strings.HasPrefix(request, "GET") && !strings.Contains(request, "dryRun=") && !strings.Contains(request, "selfsubjectaccessreviews")
}

// moments are the numbers of the requests between which the cluster is another one: those that
// write something, and the one after each of them.
func (g *gate) moments() (numbers []int) {
	wrote := false
	for i, request := range g.requests {
		if wrote || isWrite(request) {
			numbers = append(numbers, i+1)
		}
		wrote = isWrite(request)
	}
	return numbers
}

// crashes: the program is killed between two of its requests, and at this moment the pods of the
// agent start again. The identity is kept, and a second run comes to the end. Then the same without
// a kill: the pods start again at this moment, and the program goes on.
func (k *controlPlane) crashes(t *testing.T) {
	for _, helm := range []int{3, 4} {
		t.Run(fmt.Sprintf("Helm %d", helm), func(t *testing.T) {
			nodes := octopus(t, 4).Addresses()
			a := k.install(t, helm, fmt.Sprintf("crash-%d", helm), chartNow, nodes[:3])
			g := k.openGate(t, 0, nil)
			a.syncThrough(t, g, replaced(nodes), func(cmd *exec.Cmd) {
				if output, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, output)
				}
			})
			moments := g.moments()
			if len(moments) < 8 {
				t.Errorf("of %d requests, only %d moments are tried", len(g.requests), len(moments))
			}
			for _, at := range moments {
				name := fmt.Sprintf("crash-%d-%d", helm, at)
				method, path, _ := strings.Cut(g.requests[at-1], " ")
				path, _, _ = strings.Cut(path, "?")
				request := fmt.Sprintf("request %d, %s %s", at, method, strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", " "))
				t.Run("killed before "+request, func(t *testing.T) {
					t.Parallel()
					k.install(t, helm, name, chartNow, nodes[:3]).killedAt(t, at, replaced(nodes))
				})
				t.Run("restarted before "+request, func(t *testing.T) {
					t.Parallel()
					k.install(t, helm, name+"-on", chartNow, nodes[:3]).restartedAt(t, at, replaced(nodes))
				})
			}
		})
	}
}

func (a *agentThere) syncThrough(t *testing.T, g *gate, addresses []string, run func(*exec.Cmd)) {
	t.Helper()
	cmd := exec.Command("octo-tentacle", a.sync(addresses)...)
	cmd.Env = a.env(t, g.kubeconfig)
	run(cmd)
}

func (a *agentThere) killedAt(t *testing.T, at int, addresses []string) {
	identity := a.identity(t)
	var cmd *exec.Cmd
	killed := false
	g := a.openGate(t, at, func() bool {
		killed = true
		_ = cmd.Process.Kill()
		return false
	})
	a.syncThrough(t, g, addresses, func(c *exec.Cmd) {
		cmd = c
		_ = cmd.Run()
	})
	if !killed {
		t.Skip("this run needed fewer requests")
	}
	a.startsEachPod(t)
	a.untilReady(t)
	if got := a.identity(t); got != identity {
		t.Fatalf("killed: the agent has become %q instead of %q\n%s", got, identity, a.log(t))
	}
	output := a.syncs(t, addresses)
	a.untilReady(t)
	a.polls(t, identity, addresses)
	a.helmOwnsAddresses(t)
	if t.Failed() {
		t.Log(output)
	}
}

func (a *agentThere) restartedAt(t *testing.T, at int, addresses []string) {
	identity := a.identity(t)
	g := a.openGate(t, at, func() bool {
		a.startsEachPod(t)
		return true
	})
	a.syncThrough(t, g, addresses, func(cmd *exec.Cmd) {
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
	})
	a.untilReady(t)
	a.polls(t, identity, addresses)
}

// startsEachPod has each pod of the agent start again, the old one with its old list and the new
// one with the new list: first its container, as after a crash, then as a new pod, as after the
// loss of a node. One after the other, and each to its end: Tentacle empties the list at each start
// before it fills it again (docs/kubernetes.md), and whatever this program does, a start in that
// instant, or a kill, loses it.
func (a *agentThere) startsEachPod(t *testing.T) {
	t.Helper()
	for _, p := range a.settled(t) {
		again := map[string]any{"metadata": map[string]any{"annotations": map[string]any{"cluster/restart": "1"}}}
		if status, _ := a.tryCall(t, http.MethodPatch, a.path("pods/"+p.Metadata.Name), again); status == http.StatusNotFound {
			continue // the rollout went on
		}
		a.until(t, "the container does not start again", func() bool {
			return !slices.ContainsFunc(a.pods(t), func(now podThere) bool {
				return now.Metadata.Name == p.Metadata.Name && now.restarts() == p.restarts()
			})
		})
		a.settled(t)
	}
	for _, p := range a.settled(t) {
		a.remove(t, p)
		a.settled(t)
	}
}

// settled waits until every pod has started, and returns the pods.
func (a *agentThere) settled(t *testing.T) (pods []podThere) {
	t.Helper()
	var before string
	still := 0
	a.until(t, "its pods do not come to rest", func() bool {
		pods = a.pods(t)
		var now string
		for _, p := range pods {
			now += fmt.Sprintln(p.Metadata.Name, p.restarts(), p.ready())
		}
		still++
		if len(pods) == 0 || now != before || slices.ContainsFunc(pods, func(p podThere) bool { return !p.ready() }) {
			still = 0
		}
		before = now
		return still > 3
	})
	return pods
}
