//go:build linux || windows

package service

import "time"

// settleTime is how long a restarted service has to stay up before the restart counts: a Tentacle that cannot read its configuration
// or bind its port exits well within it.
const settleTime = 2 * time.Second

// orSilent is progress, or what takes its place where nobody wants to know.
func orSilent(progress func(string)) func(string) {
	if progress == nil {
		return func(string) {}
	}
	return progress
}
