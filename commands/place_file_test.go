package commands

import (
	"testing"

	"github.com/octo-tentacle/octo-tentacle/service"
)

func TestRightsOnTheServiceAreNeededOnlyForARestart(t *testing.T) {
	for _, c := range []struct {
		what           string
		state          service.State
		saved, stopped bool
		options        changeOptions
		want           bool
	}{
		{what: "it runs", state: service.Running, saved: true, want: true},
		{what: "it is just starting", state: service.Starting, saved: true, want: true},
		{what: "it keeps ending", state: service.Crashing, saved: true, want: true},
		{what: "it was stopped for a restart", state: service.Stopped, saved: true, stopped: true, want: true},
		{what: "and nothing changes", state: service.Stopped, stopped: true, want: true},

		{what: "nothing changes", state: service.Running},
		{what: "it is stopped", state: service.Stopped, saved: true},
		{what: "it has failed", state: service.Failed, saved: true},
		{what: "there is none", state: service.Absent, saved: true},
		{what: "a container", state: service.Unmanaged, saved: true},
		{what: "without a restart", state: service.Running, saved: true, options: changeOptions{noRestart: true}},
		{what: "stopped, and without a restart", state: service.Stopped, saved: true, stopped: true, options: changeOptions{noRestart: true}},
	} {
		if got := restartNeeded(c.state, c.saved, c.stopped, c.options); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
