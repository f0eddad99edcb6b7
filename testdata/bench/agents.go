//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/kubernetes/kubetest"
)

// manyAgents compares fifty Kubernetes agents, each in a namespace of its own, with one.
func manyAgents(b *bench) error {
	const few, many = 1, 50
	var lists []work
	var clusters []*kubetest.Cluster
	for _, agents := range []int{few, many} {
		cluster, kubeconfig, err := b.kubernetes(agents)
		if err != nil {
			return err
		}
		defer cluster.Close()
		clusters = append(clusters, cluster)
		lists = append(lists, b.listAgents(kubeconfig, agents))
	}
	results, err := inTurns(b.times(15, 3), lists...)
	if err != nil {
		return err
	}
	ratio(fmt.Sprintf("list-servers --all-agents, %d agents, against one", many), results[0], results[1], many/5)
	return requests(fmt.Sprintf("list-servers --all-agents, %d agents, against one", many), lists, clusters)
}

// kubernetes starts the API of a cluster with so many agents.
func (b *bench) kubernetes(agents int) (cluster *kubetest.Cluster, kubeconfig string, err error) {
	if cluster, err = kubetest.Start("bench"); err != nil {
		return nil, "", err
	}
	for i := range agents {
		agent := kubetest.Agent{Namespace: fmt.Sprintf("agent-%d", i), Addresses: somewhere(3)}
		if err := agent.Install(cluster.Client()); err != nil {
			cluster.Close()
			return nil, "", err
		}
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

// requests prints how many requests a run sends to the API.
func requests(what string, works []work, clusters []*kubetest.Cluster) error {
	var sent []int
	for i, w := range works {
		clusters[i].ResetRequests()
		if _, _, err := w.run(); err != nil {
			return err
		}
		sent = append(sent, len(clusters[i].Requests()))
	}
	fmt.Printf("%-64s %10d %10d %7.2f\n", what+", requests", sent[0], sent[1], float64(sent[1])/float64(sent[0]))
	return nil
}
