package commands

import (
	"testing"

	"golang.org/x/sys/windows"
)

func TestOnlyTheLogoffOfSomebodyElseIsNoInterruption(t *testing.T) {
	for _, c := range []struct {
		what           string
		event, session uint32
		want           bool
	}{
		{"an administrator logs off while a deployment runs", windows.CTRL_LOGOFF_EVENT, 0, true},
		{"the user of this prompt logs off", windows.CTRL_LOGOFF_EVENT, 2, false},
		{"Ctrl-C", windows.CTRL_C_EVENT, 0, false},
		{"Ctrl-Break", windows.CTRL_BREAK_EVENT, 0, false},
		{"the console is closed", windows.CTRL_CLOSE_EVENT, 0, false},
		{"the machine is shut down", windows.CTRL_SHUTDOWN_EVENT, 0, false},
	} {
		if got := isForeignLogoff(c.event, c.session); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	outliveLogoffs() // does not panic
}
