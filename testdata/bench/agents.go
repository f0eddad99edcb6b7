//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// rolloutTime is how long a new pod takes to start.
const rolloutTime = 500 * time.Millisecond

// manyAgents compares fifty Kubernetes agents, each in a namespace of its own, with one.
func manyAgents(b *bench) error {
	octopus, err := octotest.Start(octotest.Options{NodeCount: 3})
	if err != nil {
		return err
	}
	defer octopus.Close()
	const few, many = 1, 50
	var lists, syncs []work
	var clusters []*kubetest.Cluster
	for _, agents := range []int{few, many} {
		cluster, kubeconfig, err := b.kubernetes(agents, octopus)
		if err != nil {
			return err
		}
		defer cluster.Close()
		clusters = append(clusters, cluster)
		lists = append(lists, b.listAgents(kubeconfig, agents))
		syncs = append(syncs, b.syncAgents(kubeconfig, agents, octopus.Addresses()))
	}
	for _, of := range []struct {
		command string
		times   int
		works   []work
		aim     float64
	}{{"list-servers", b.times(15, 3), lists, many / 5}, {"sync-servers", b.times(3, 1), syncs, many / 5}} {
		what := fmt.Sprintf("%s --all-agents, %d agents, against one", of.command, many)
		results, err := inTurns(of.times, of.works...)
		if err != nil {
			return err
		}
		ratio(what, results[0], results[1], of.aim)
		if err := requests(what, of.works, clusters); err != nil {
			return err
		}
	}
	return nil
}

// kubernetes starts the API of a cluster with so many agents, which poll an Octopus cluster.
func (b *bench) kubernetes(agents int, octopus *octotest.Cluster) (cluster *kubetest.Cluster, kubeconfig string, err error) {
	if cluster, err = kubetest.Start("bench"); err != nil {
		return nil, "", err
	}
	for i := range agents {
		agent := kubetest.Agent{Namespace: fmt.Sprintf("agent-%d", i), Addresses: octopus.Addresses(), Thumbprint: octopus.Thumbprint()}
		if err := agent.Install(cluster.Client()); err != nil {
			cluster.Close()
			return nil, "", err
		}
		cluster.SetRollout(agent.Namespace, kubetest.Rollout{Delay: rolloutTime})
	}
	kubeconfig = filepath.Join(b.folder, fmt.Sprintf("kubeconfig-%d", agents))
	return cluster, kubeconfig, os.WriteFile(kubeconfig, []byte(cluster.Kubeconfig(kubetest.Admin)), 0o600)
}

func (b *bench) listAgents(kubeconfig string, agents int) work {
	return work{
		arguments: []string{b.program, "list-servers", "--all-agents", "--kubeconfig", kubeconfig, "--format", "json"},
		after: func(output []byte) error {
			var listed []struct{ Places struct{ Running []string } }
			if err := json.Unmarshal(output, &listed); err != nil {
				return err
			}
			if len(listed) != agents || len(listed[agents-1].Places.Running) != 3 {
				return fmt.Errorf("%d agents are listed, want %d that poll 3 nodes: %+v", len(listed), agents, listed)
			}
			return nil
		},
	}
}

// syncAgents takes the last node away from all agents, with a revision and a rollout for each.
// Before that, they get it back.
func (b *bench) syncAgents(kubeconfig string, agents int, nodes []string) work {
	sync := func(nodes []string) []string {
		return []string{b.program, "sync-servers", "--all-agents", "--kubeconfig", kubeconfig, "--format", "json", "--server-comms-address", strings.Join(nodes, ",")}
	}
	all := sync(nodes)
	return work{
		arguments: sync(nodes[:len(nodes)-1]),
		before: func() error {
			if output, err := exec.Command(all[0], all[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%w\n%s", err, output)
			}
			return nil
		},
		after: func(output []byte) error {
			if got := bytes.Count(output, []byte(`"outcome": "changed"`)); got != agents {
				return fmt.Errorf("%d agents are changed, want %d", got, agents)
			}
			return nil
		},
	}
}

// requests prints how many requests a run sends to the API.
func requests(what string, works []work, clusters []*kubetest.Cluster) error {
	var sent []int
	for i, w := range works {
		if w.before != nil {
			if err := w.before(); err != nil {
				return err
			}
			w.before = nil
		}
		clusters[i].ResetRequests()
		if _, _, err := w.run(); err != nil {
			return err
		}
		sent = append(sent, len(clusters[i].Requests()))
	}
	fmt.Printf("%-64s %10d %10d %7.2f\n", what+", requests", sent[0], sent[1], float64(sent[1])/float64(sent[0]))
	return nil
}
