//go:build linux

package commands_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/rogpeppe/go-internal/testscript"
)

// kubeletDelay is how long a kubelet waits before it starts a container that failed again. In this
// time, what a script sees of it stays the same.
const kubeletDelay = "10s"

// TestScriptsOnKubernetesControlPlane runs the scripts about agents on a real kube-apiserver with
// its controllers: each cluster that a script starts is one of its own. The scripts run one after
// the other, so that there are only a few clusters at once.
func TestScriptsOnKubernetesControlPlane(t *testing.T) {
	programs := builtKubernetes(t)
	scripts, err := filepath.Glob("../testdata/scripts/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, script := range scripts {
		content, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(content, []byte("\nkubernetes\n")) {
			continue
		}
		run++
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			params := scriptParams(func(ts *testscript.TestScript, name string) kubernetesCluster {
				k, stop, err := runControlPlane(programs, ts.MkAbs("cluster-"+name), "--delay", kubeletDelay)
				ts.Check(err)
				ts.Defer(stop)
				cluster, err := kubetest.InFrontOf(name, &kubetest.Client{URL: k.config.Host, HTTP: k.client})
				ts.Check(err)
				return cluster
			})
			params.Dir, params.Files, params.UpdateScripts = "", []string{script}, false
			testscript.Run(t, params)
		})
	}
	if run == 0 {
		t.Error("no script starts a Kubernetes cluster")
	}
}
