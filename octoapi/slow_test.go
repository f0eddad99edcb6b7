//go:build windows || race

package octoapi

import "time"

// Under Wine, where one process serves all others, and with the race detector, an answer may take a
// second.
func init() {
	for _, wait := range []*time.Duration{&quick.briefly, &quick.starting} {
		*wait *= 4
	}
}
