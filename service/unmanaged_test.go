//go:build !windows

package service

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestWithoutAServiceManagerTheServiceIsUnmanagedAndLeftAlone(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("a service manager runs here")
	}
	want := Status{Name: "octopus", State: Unmanaged}
	for _, call := range []func() (Status, error){
		func() (Status, error) { return Query(t.Context(), "octopus") },
		func() (Status, error) { return Restart(t.Context(), "octopus", time.Time{}, nil) },
		func() (Status, error) { return Start(t.Context(), "octopus", nil) },
		func() (Status, error) { return Stop(t.Context(), "octopus", nil) },
	} {
		if got, err := call(); got != want || err != nil {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	found, err := Installed(t.Context(), "octopus")
	for _, err := range []error{err, CheckPrivileges(), Install(t.Context(), Definition{Name: "octopus"}), Uninstall(t.Context(), "octopus", nil)} {
		if !errors.Is(err, ErrUnmanaged) || found.Status != want {
			t.Errorf("got %v, %+v", err, found)
		}
	}
}
