//go:build unix

package main

import (
	"bytes"
	"fmt"
)

// startUp compares list-servers with a program that does nothing, and with one that does nothing
// but import the same libraries.
func startUp(b *bench) error {
	hello := work{arguments: []string{b.hello}}
	var libraries string
	floor := work{arguments: []string{b.floor}, after: func(output []byte) error {
		libraries = string(bytes.TrimSpace(output))
		return nil
	}}
	works := []work{hello, floor}
	counts := []int{0, 3}
	for _, servers := range counts {
		config, err := b.configuration(someThumbprint, somewhere(servers))
		if err != nil {
			return err
		}
		works = append(works, b.list(config, servers))
	}
	results, err := inTurns(b.times(200, 40), works...)
	if err != nil {
		return err
	}
	ratio("floor of "+libraries+", against hello-world", results[0], results[1], 0)
	for i, servers := range counts {
		what := fmt.Sprintf("list-servers, %d servers, against ", servers)
		ratio(what+"hello-world", results[0], results[2+i], 0)
		ratio(what+"floor of "+libraries, results[1], results[2+i], 1.15)
	}
	return nil
}
