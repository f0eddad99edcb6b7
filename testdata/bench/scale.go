//go:build unix

package main

import (
	"fmt"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// manyServers compares ten thousand trusted servers with a thousand.
func manyServers(b *bench) error {
	const few, many = 1_000, 10_000
	var lists, changes []work
	for _, servers := range []int{few, many} {
		config, err := b.configuration(someThumbprint, somewhere(servers))
		if err != nil {
			return err
		}
		lists = append(lists, b.list(config, servers))
		// This asks neither the API nor the port.
		changes = append(changes, b.change(config, servers+1, "poll-server",
			"--reuse-server-thumbprint", "--server-comms-address", "https://added:10943"))
	}
	for _, of := range []struct {
		command string
		works   []work
	}{{"list-servers", lists}, {"poll-server", changes}} {
		results, err := inTurns(b.times(15, 3), of.works...)
		if err != nil {
			return err
		}
		ratio(of.command+", 10,000 servers, against 1,000", results[0], results[1], many/few)
		memory(of.command+", 10,000 servers", results[1])
	}
	return nil
}

// manyNodes compares a change for several nodes with one for a single node of the same cluster.
func manyNodes(b *bench) error {
	for _, of := range []struct {
		nodes   int
		latency time.Duration
	}{{3, 0}, {50, 100 * time.Millisecond}} {
		cluster, err := octotest.Start(octotest.Options{NodeCount: of.nodes, Latency: of.latency})
		if err != nil {
			return err
		}
		config, err := b.configuration(cluster.Thumbprint(), somewhere(1))
		if err != nil {
			return err
		}
		results, err := inTurns(b.times(15, 3), b.poll(config, cluster, 1), b.poll(config, cluster, of.nodes))
		cluster.Close()
		if err != nil {
			return err
		}
		ratio(fmt.Sprintf("poll-server, %d nodes at %v, against one", of.nodes, of.latency), results[0], results[1], 1.3)
	}
	return nil
}

// poll adds the first nodes of a cluster to a configuration with one server.
func (b *bench) poll(original string, cluster *octotest.Cluster, nodes int) work {
	arguments := []string{"--server", cluster.URL(), "--apikey", octotest.APIKey}
	for _, address := range cluster.Addresses()[:nodes] {
		arguments = append(arguments, "--server-comms-address", address)
	}
	return b.change(original, 1+nodes, "poll-server", arguments...)
}
