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
	return completion(b)
}

// completion compares what a shell waits for at the Tab key with the command that does least.
func completion(b *bench) error {
	const servers = 3
	config, err := b.configuration(someThumbprint, somewhere(servers))
	if err != nil {
		return err
	}
	offers := func(candidates int, words ...string) work {
		return work{arguments: append([]string{b.program, "__complete"}, words...), after: func(output []byte) error {
			if got := bytes.Count(output, []byte{'\t'}); got < candidates {
				return fmt.Errorf("%q has %d candidates, want %d", words, got, candidates)
			}
			return nil
		}}
	}
	results, err := inTurns(b.times(200, 40), work{arguments: []string{b.program, "version"}},
		offers(40, ""), offers(30, "remove-server", "--"), offers(servers, "remove-server", "--config", config, ""))
	if err != nil {
		return err
	}
	for i, what := range []string{"a command", "an option", "an address"} {
		ratio("completing "+what+", against version", results[0], results[1+i], 1.3)
	}
	return nil
}
