//go:build unix

package main

import (
	"encoding/json"
	"fmt"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

// wholeFleet compares fleet with a thousand stand-ins for Tentacles, in ten tasks, with a hundred,
// in one.
func wholeFleet(b *bench) error {
	const few, many = 100, 1000
	var works []work
	var clusters []*octotest.Cluster
	for _, tentacles := range []int{few, many} {
		cluster, err := fleetCluster(tentacles)
		if err != nil {
			return err
		}
		defer cluster.Close()
		clusters = append(clusters, cluster)
		works = append(works, work{
			arguments: []string{b.program, "fleet", "--server", cluster.URL(), "--apiKey", octotest.APIKey, "--format", "json"},
			after: func(output []byte) error {
				var report struct{ Summary struct{ AllPolled int } }
				if err := json.Unmarshal(output, &report); err != nil {
					return err
				}
				if report.Summary.AllPolled != tentacles {
					return fmt.Errorf("%d Tentacles poll every node, want %d", report.Summary.AllPolled, tentacles)
				}
				return nil
			},
		})
	}
	what := fmt.Sprintf("fleet, %d Tentacles, against %d", many, few)
	results, err := inTurns(b.times(5, 1), works...)
	if err != nil {
		return err
	}
	ratio(what, results[0], results[1], many/few)
	var sent []int
	for i, w := range works {
		clusters[i].ResetRequests()
		if _, _, err := w.run(); err != nil {
			return err
		}
		sent = append(sent, len(clusters[i].Requests()))
	}
	fmt.Printf("%-64s %10d %10d %7.2f\n", what+", requests", sent[0], sent[1], float64(sent[1])/float64(sent[0]))
	memory("fleet, "+fmt.Sprint(many)+" Tentacles", results[1])
	return nil
}

// fleetCluster is a cluster with so many Tentacles, which poll every node.
func fleetCluster(tentacles int) (*octotest.Cluster, error) {
	cluster, err := octotest.Start(octotest.Options{PageSize: 200})
	if err != nil {
		return nil, err
	}
	for i := range tentacles {
		err := cluster.AddMachine(octotest.Machine{
			Name: fmt.Sprintf("web%04d", i), Thumbprint: fmt.Sprintf("%040X", i+1), Subscription: fmt.Sprintf("poll://%08d000000000000/", i), Polls: cluster.Addresses(),
		})
		if err != nil {
			cluster.Close()
			return nil, err
		}
	}
	return cluster, nil
}
