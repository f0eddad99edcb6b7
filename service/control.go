//go:build linux || windows

package service

import "time"

// settleTime is how long a started service has to stay up before the start counts: a Tentacle that
// cannot read its configuration or bind its port exits well within it.
const settleTime = 2 * time.Second

// orSilent is progress, or a function that does nothing where progress is nil.
func orSilent(progress func(string)) func(string) {
	if progress == nil {
		return func(string) {}
	}
	return progress
}
