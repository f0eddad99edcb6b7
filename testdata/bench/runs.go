//go:build unix

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
)

// list lists the servers of a configuration.
func (b *bench) list(config string, servers int) work {
	return work{
		arguments: []string{b.program, "list-servers", "--config", config, "--format", "json"},
		after: func(output []byte) error {
			if got := bytes.Count(output, []byte("poll://")); got != servers {
				return fmt.Errorf("listed %d servers, want %d", got, servers)
			}
			return nil
		},
	}
}

// change runs a command on a fresh copy of a configuration. It checks how many servers that polls
// afterwards.
func (b *bench) change(original string, servers int, command string, arguments ...string) work {
	config := filepath.Join(b.folder, "Tentacle.config")
	return work{
		arguments: append([]string{b.program, command, "--config", config, "--no-restart"}, arguments...),
		before:    func() error { return copyFile(original, config) },
		after:     func([]byte) error { return polls(config, servers) },
	}
}
