package service

import "testing"

func TestWithoutManagerNoServiceManagerIsAsked(t *testing.T) {
	for _, name := range []string{"octopus", "octo-tentacle-no-such-service"} {
		got, err := Query(WithoutManager(t.Context()), name)
		if want := (Status{Name: name, State: Unmanaged}); err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
}
