package commands

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
)

func TestAnErrorOfTheServiceSaysWhatToType(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string // a part of a hint
	}{
		"no service manager":    {service.ErrUnmanaged, "Tentacle run --instance=NAME"},
		"no Tentacle":           {service.ErrTentacleNotFound, "--tentacle FILE"},
		"not the Tentacle":      {&service.ProgramError{Program: "/bin"}, "--tentacle FILE"},
		"a name":                {&service.NameError{Name: "a&b"}, "--service NAME"},
		"a password":            {&service.PasswordRequiredError{Account: "bob"}, "--password-file FILE (- for standard input), or in the environment variable OCTOPUS_SERVICE_PASSWORD"},
		"a dependency":          {&service.DependencyError{Service: "SQL Server"}, "--dependOn"},
		"nothing to start":      {&service.NoServiceError{Service: "web"}, "--install"},
		"another's unit":        {&service.ForeignUnitError{Service: "ssh"}, "--service NAME"},
		"another's service":     {&service.ForeignServiceError{Service: "shop"}, "--service NAME"},
		"masked":                {&service.MaskedError{Service: "web"}, "systemctl unmask web"},
		"changed by hand":       {&service.CustomizedError{Service: "web", Difference: "-a\n+b\n"}, "--reconfigure"},
		"and how":               {&service.CustomizedError{Service: "web", Difference: "-a\n+b\n"}, hint.Lines("", "-a", "+b")},
		"a right":               {&service.RightsError{Account: `CORP\svc`, Missing: []string{"SERVICE_STOP"}}, "give the account these rights on the service"},
		"any right":             {&service.RightsError{}, "run this as Administrator"},
		"an administrator":      {&service.RightsError{Account: `CORP\me`, Missing: []string{"SERVICE_STOP"}, Filtered: true}, `CORP\me is an Administrator, but this console was not started with "Run as administrator"`},
		"the manager's command": {&service.ManagerError{Purpose: "see why", Command: []string{"journalctl", "-u", "web"}}, "see why: journalctl -u web"},
	} {
		t.Run(name, func(t *testing.T) {
			hints := serviceHints(fmt.Errorf("it failed: %w", tt.err))
			if !slices.ContainsFunc(hints, func(h string) bool { return strings.Contains(h, tt.want) }) {
				t.Errorf("hints %q, want one with %q", hints, tt.want)
			}
		})
	}
}

func TestCommandsOfTheServiceManagerAreQuotedForAShell(t *testing.T) {
	want := []string{"to finish: systemctl enable web", `see why: journalctl -u 'it'\''s; reboot'`}
	if runtime.GOOS == "windows" {
		want[1] = `see why: journalctl -u "it's; reboot"`
	}
	err := &service.ManagerError{Purpose: "see why", Command: []string{"journalctl", "-u", "it's; reboot"}}
	err = &service.ManagerError{Err: err, Purpose: "to finish", Command: []string{"systemctl", "enable", "web"}}
	if got := serviceHints(err); !slices.Equal(got, want) {
		t.Errorf("hints %q, want %q", got, want)
	}
}
