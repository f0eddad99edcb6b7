package service

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAServiceHasTheNameThatTentacleGivesIt(t *testing.T) {
	for _, tt := range []struct{ instance, goos, want string }{
		{"Tentacle", "linux", "Tentacle"},
		{"My Polling  Tentacle", "linux", "My-Polling-Tentacle"},
		{"a/b\t c", "linux", "ab-c"},
		{"a /\u00a0b", "linux", "a-b"},
		{" lead", "linux", "-lead"},
		{"", "linux", "OctopusDeploy-Tentacle"},
		{"Tentacle", "windows", "OctopusDeploy Tentacle"},
		{"", "windows", "OctopusDeploy Tentacle"},
		{"My  Polling/Tentacle", "windows", "OctopusDeploy Tentacle: My  Polling/Tentacle"},
		{"tentacle", "windows", "OctopusDeploy Tentacle: tentacle"},
	} {
		t.Run(tt.goos+" "+tt.instance, func(t *testing.T) {
			if got := NameFor(tt.instance, tt.goos); got != tt.want {
				t.Errorf("NameFor(%q, %q) = %q, want %q", tt.instance, tt.goos, got, tt.want)
			}
		})
	}
}

func TestANameThatNoServiceCanHaveIsRefused(t *testing.T) {
	for _, name := range []string{"", "  ", "a/b", "../octopus", "a\nb", "a\x00b", "\x1b[31mred"} {
		for what, err := range map[string]error{"Query": second(Query(t.Context(), name)), "Restart": second(Restart(t.Context(), name, time.Time{}, nil))} {
			if err == nil {
				t.Errorf("%s took the name %q", what, name)
			} else if _, is := errors.AsType[*NameError](err); !is || strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("%s of %q: the error %q is no NameError, or carries the control character", what, name, err)
			}
		}
	}
}

func second(_ Status, err error) error { return err }

func TestAStatusSaysWhatIsKnown(t *testing.T) {
	started := time.Date(2026, 8, 1, 10, 30, 0, 0, time.Local)
	for want, s := range map[string]Status{
		"running (pid 123, since 2026-08-01 10:30:00)": {State: Running, MainPID: 123, Started: started},
		"running": {State: Running},
		"crashing (pid 123, since 2026-08-01 10:30:00, started again 4 times)": {State: Crashing, MainPID: 123, Started: started, Restarts: 4},
		"crashing (exit status 3)": {State: Crashing, Reason: "exit status 3"},
		"stopped":                  {State: Stopped},
		"failed (exit status 3)":   {State: Failed, Reason: "exit status 3"},
		"stopping (pid 123)":       {State: Stopping, MainPID: 123, Started: started},
		"starting (exit status 3)": {State: Starting, Reason: "exit status 3"},
		"absent (this machine has no service of that name)":           {State: Absent},
		"unmanaged (no service manager runs here, as in a container)": {State: Unmanaged},
	} {
		if got := s.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
