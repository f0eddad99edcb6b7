package commands

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/service"
)

const (
	unitText  = "[Service]\nUser=root\n"
	otherText = "[Service]\nUser=root\nEnvironment=HOME=/x API_KEY=API-SECRET\n"
)

func installedIn(state service.State, text string) service.Installation {
	return service.Installation{Status: service.Status{Name: "web", State: state}, Exists: true, File: "/etc/systemd/system/web.service", Text: text, Current: true}
}

func absent() service.Installation {
	return service.Installation{Status: service.Status{Name: "web", State: service.Absent}, File: "/etc/systemd/system/web.service"}
}

func TestServiceStepsAreDecidedInTheOrderOfTheRealTentacle(t *testing.T) {
	all := serviceWish{start: true, reconfigure: true, install: true, uninstall: true, stop: true, restart: true}
	for name, tt := range map[string]struct {
		wish  serviceWish
		found service.Installation
		goos  string
		want  string // the actions; what is only told in brackets
	}{
		"everything, running": {all, installedIn(service.Running, otherText), "linux", "restart stop uninstall install start"},
		"everything, absent":  {all, absent(), "linux", "[does not exist] [does not exist] [does not exist] install start"},

		"restart, running":                {serviceWish{restart: true}, installedIn(service.Running, ""), "linux", "restart"},
		"restart, crashing":               {serviceWish{restart: true}, installedIn(service.Starting, ""), "linux", "restart"},
		"restart, stopped":                {serviceWish{restart: true}, installedIn(service.Stopped, ""), "linux", "start"},
		"restart, stopped, on Windows":    {serviceWish{restart: true}, installedIn(service.Stopped, ""), "windows", "[does not run]"},
		"restart and start, stopped":      {serviceWish{restart: true, start: true}, installedIn(service.Stopped, ""), "linux", "start [runs]"},
		"stop, stopping":                  {serviceWish{stop: true}, installedIn(service.Stopping, ""), "linux", "stop"},
		"stop, failed":                    {serviceWish{stop: true}, installedIn(service.Failed, ""), "linux", "[does not run]"},
		"stop and start":                  {serviceWish{stop: true, start: true}, installedIn(service.Running, ""), "linux", "stop start"},
		"start, running":                  {serviceWish{start: true}, installedIn(service.Running, ""), "linux", "[runs]"},
		"start, crashing":                 {serviceWish{start: true}, installedIn(service.Starting, ""), "linux", "start"},
		"check, crashing":                 {serviceWish{start: true, ifInstalled: true}, installedIn(service.Starting, ""), "linux", "[is starting]"},
		"check, failed":                   {serviceWish{start: true, ifInstalled: true}, installedIn(service.Failed, ""), "linux", "start"},
		"check, absent":                   {serviceWish{start: true, ifInstalled: true}, absent(), "linux", "[does not exist]"},
		"install, same":                   {serviceWish{install: true}, installedIn(service.Running, unitText), "linux", "[is installed as it should be]"},
		"install and start, same":         {serviceWish{install: true, start: true}, installedIn(service.Stopped, unitText), "linux", "[is installed as it should be] start"},
		"reconfigure, absent":             {serviceWish{reconfigure: true}, absent(), "linux", "install"},
		"reconfigure, same":               {serviceWish{reconfigure: true}, installedIn(service.Running, unitText), "linux", "[is installed as it should be]"},
		"reconfigure, running":            {serviceWish{reconfigure: true}, installedIn(service.Running, otherText), "linux", "reconfigure restart"},
		"reconfigure and start, running":  {serviceWish{reconfigure: true, start: true}, installedIn(service.Running, otherText), "linux", "reconfigure restart [runs]"},
		"reconfigure and start, stopped":  {serviceWish{reconfigure: true, start: true}, installedIn(service.Stopped, otherText), "linux", "reconfigure start"},
		"reconfigure without restart":     {serviceWish{reconfigure: true, noRestart: true}, installedIn(service.Running, otherText), "linux", "reconfigure [runs with its old definition]"},
		"install, other":                  {serviceWish{install: true}, installedIn(service.Stopped, otherText), "linux", "reconfigure"},
		"install and start, other":        {serviceWish{install: true, start: true}, installedIn(service.Running, otherText), "linux", "reconfigure [runs with its old definition] [runs]"},
		"install and reconfigure":         {serviceWish{install: true, reconfigure: true}, installedIn(service.Stopped, otherText), "linux", "reconfigure"},
		"uninstall and install":           {serviceWish{uninstall: true, install: true}, installedIn(service.Running, otherText), "linux", "uninstall install"},
		"a new password that cannot show": {serviceWish{reconfigure: true, newPassword: true}, installedIn(service.Stopped, unitText), "windows", "reconfigure"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := planService(tt.wish, tt.found, unitText, tt.goos)
			if err != nil {
				t.Fatal(err)
			}
			got := plan.steps
			for _, want := range splitSteps(tt.want) {
				if len(got) == 0 {
					t.Fatalf("steps %q, want %s", plan.steps, tt.want)
				}
				note, isNote := strings.CutPrefix(want, "[")
				if isNote && (got[0].action != "" || !strings.HasPrefix(got[0].done, strings.TrimSuffix(note, "]"))) || !isNote && got[0].action != want {
					t.Errorf("steps %q, want %s", plan.steps, tt.want)
				}
				got = got[1:]
			}
			if len(got) > 0 {
				t.Errorf("steps %q, want %s", plan.steps, tt.want)
			}
		})
	}
}

// splitSteps splits at spaces, but not inside brackets.
func splitSteps(text string) (steps []string) {
	for part := range strings.FieldsSeq(strings.NewReplacer("[", "\x00[", "]", "]\x00").Replace(text)) {
		steps = append(steps, part)
	}
	joined := strings.Split(strings.Join(steps, " "), "\x00")
	steps = nil
	for _, part := range joined {
		if part = strings.TrimSpace(part); strings.HasPrefix(part, "[") {
			steps = append(steps, part)
		} else {
			steps = append(steps, strings.Fields(part)...)
		}
	}
	return steps
}

func TestAServiceThatWasDisabledByHandIsEnabledAgain(t *testing.T) {
	found := installedIn(service.Running, unitText)
	found.Current = false
	plan, err := planService(serviceWish{install: true}, found, unitText, "linux")
	if err != nil || len(plan.steps) != 1 || plan.steps[0].action != "enable" {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestServiceRefusesBeforeAnythingIsDone(t *testing.T) {
	elsewhere := installedIn(service.Running, "")
	elsewhere.Elsewhere = "/lib/systemd/system/ssh.service"
	changed := installedIn(service.Running, otherText)
	changed.Personal = true
	masked := installedIn(service.Stopped, "")
	masked.Elsewhere, masked.Masked = "/dev/null", true
	for name, tt := range map[string]struct {
		wish  serviceWish
		found service.Installation
		want  []string
	}{
		"a changed unit":               {serviceWish{install: true}, changed, []string{"-Environment=HOME=/x API_KEY=********\n", "--reconfigure"}},
		"starting what is not there":   {serviceWish{stop: true, start: true}, absent(), []string{"no service web", "--install"}},
		"starting what was removed":    {serviceWish{uninstall: true, start: true}, installedIn(service.Running, unitText), []string{"no service web"}},
		"installing over another's":    {serviceWish{install: true}, elsewhere, []string{"/lib/systemd/system/ssh.service", "--service NAME"}},
		"reconfiguring another's":      {serviceWish{reconfigure: true}, elsewhere, []string{"not one that a Tentacle installed"}},
		"uninstalling another's":       {serviceWish{uninstall: true}, elsewhere, []string{"not one that a Tentacle installed"}},
		"installing what is masked":    {serviceWish{install: true}, masked, []string{"systemctl unmask web"}},
		"starting what is masked":      {serviceWish{start: true}, masked, []string{"systemctl unmask web"}},
		"restarting what is masked":    {serviceWish{restart: true}, masked, []string{"systemctl unmask web"}},
		"reconfiguring what is masked": {serviceWish{reconfigure: true}, masked, []string{"systemctl unmask web"}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := planService(tt.wish, tt.found, unitText, "linux")
			if err == nil {
				t.Fatalf("planned %q", plan.steps)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error shows a secret:\n%v", err)
			}
		})
	}
	if plan, err := planService(serviceWish{stop: true}, elsewhere, "", "linux"); err != nil || plan.steps[0].action != "stop" {
		t.Errorf("another's can be stopped: %+v, %v", plan, err)
	}
}

func TestAServiceDifferenceIsShownByLine(t *testing.T) {
	got := serviceDifference("a\nb\nc\n", "a\nB\nc\n")
	for _, want := range []string{"--- installed\n+++ wanted\n", "\n a\n-b\n+B\n c\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the difference does not contain %q:\n%s", want, got)
		}
	}
}

func TestAServiceDifferenceShowsNoSecret(t *testing.T) {
	for line, want := range map[string]string{
		"Environment=DB_PASSWORD=hunter22 A=b":                     "-Environment=DB_PASSWORD=********\n",
		`Environment="MY_API_KEY=hunter22 and more"`:               "-Environment=\"MY_API_KEY=********\n",
		"Environment=HTTPS_PROXY=http://me:hunter22@proxy:3128":    "-Environment=HTTPS_PROXY=http://********@proxy:3128\n",
		"ExecStartPre=/bin/x --token hunter22":                     "-ExecStartPre=/bin/x --token ********\n",
		`ExecStartPre=curl -H "X-Octopus-ApiKey: hunter22" https:`: "-ExecStartPre=curl -H \"X-Octopus-ApiKey: ********\n",
		"Environment=HTTPS_PROXY=http://proxy:3128":                "-Environment=HTTPS_PROXY=http://proxy:3128\n",
	} {
		if got := serviceDifference(unitText+line+"\n", unitText); !strings.Contains(got, want) {
			t.Errorf("got\n%swant in it %s", got, want)
		}
	}
}
