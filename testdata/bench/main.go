//go:build unix

// Bench measures the octo-tentacle program from outside, as its users run it. Every figure
// compares two things measured in turns, so that a busy or a slow host changes both. It fails
// when a run does not do its work, never because of a figure.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	var b bench
	flag.StringVar(&b.program, "octo-tentacle", "", "the `program` measured")
	flag.StringVar(&b.hello, "hello", "", "the hello-world `program` it is compared with")
	flag.StringVar(&b.floor, "floor", "", "the `program` with nothing but octo-tentacle's libraries")
	flag.BoolVar(&b.quick, "quick", false, "fewer runs")
	flag.Parse()
	if err := measure(&b); err != nil {
		fmt.Fprintln(os.Stderr, "testdata/bench/run:", err)
		os.Exit(1)
	}
}

// measure leaves the clusters to the end: the memory of this process counts as memory of the
// programs it starts.
func measure(b *bench) error {
	if err := b.prepare(); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	header()
	return errors.Join(startUp(b), manyServers(b), unusualFiles(b), manyNodes(b), manyAgents(b), wholeFleet(b), roundTrips(b))
}
