package service

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const (
	unitText  = "[Service]\nUser=root\n"
	otherText = "[Service]\nUser=root\nEnvironment=HOME=/x API_KEY=API-SECRET\n"
)

func withState(state State, text string) Installation {
	return Installation{Status: Status{Name: "web", State: state}, Exists: true, File: "/etc/systemd/system/web.service", Text: text, Enabled: true, Current: true}
}

func notInstalled() Installation {
	return Installation{Status: Status{Name: "web", State: Absent}, File: "/etc/systemd/system/web.service"}
}

func TestAPlanHasItsStepsInTheOrderOfTentacle(t *testing.T) {
	all := Request{Start: true, Reconfigure: true, Install: true, Uninstall: true, Stop: true, Restart: true}
	for name, tt := range map[string]struct {
		request Request
		found   Installation
		goos    string
		want    string // the actions; notes in brackets
	}{
		"everything, running": {all, withState(Running, otherText), "linux", "restart stop uninstall install start"},
		"everything, absent":  {all, notInstalled(), "linux", "[does not exist] [does not exist] [does not exist] install start"},

		"restart, running":                {Request{Restart: true}, withState(Running, ""), "linux", "restart"},
		"restart, starting":               {Request{Restart: true}, withState(Starting, ""), "linux", "restart"},
		"restart, crashing":               {Request{Restart: true}, withState(Crashing, ""), "linux", "restart"},
		"restart, stopped":                {Request{Restart: true}, withState(Stopped, ""), "linux", "start"},
		"restart, stopped, on Windows":    {Request{Restart: true}, withState(Stopped, ""), "windows", "[is not running]"},
		"restart, left down, on Windows":  {Request{Restart: true, Interrupted: true}, withState(Stopped, ""), "windows", "start"},
		"restart and start, stopped":      {Request{Restart: true, Start: true}, withState(Stopped, ""), "linux", "start [is running]"},
		"stop, stopping":                  {Request{Stop: true}, withState(Stopping, ""), "linux", "stop"},
		"stop, failed":                    {Request{Stop: true}, withState(Failed, ""), "linux", "[is not running]"},
		"stop and start":                  {Request{Stop: true, Start: true}, withState(Running, ""), "linux", "stop start"},
		"stop and disable, running":       {Request{Stop: true, Disable: true}, withState(Running, ""), "linux", "stop disable"},
		"stop and disable, stopped":       {Request{Stop: true, Disable: true}, withState(Stopped, ""), "windows", "[is not running] disable"},
		"stop and disable, absent":        {Request{Stop: true, Disable: true}, notInstalled(), "linux", "[does not exist] [does not exist]"},
		"disable and install":             {Request{Disable: true, Install: true}, withState(Stopped, unitText), "linux", "disable enable"},
		"start, running":                  {Request{Start: true}, withState(Running, ""), "linux", "[is running]"},
		"start, starting":                 {Request{Start: true}, withState(Starting, ""), "linux", "start"},
		"start, crashing":                 {Request{Start: true}, withState(Crashing, ""), "linux", "start"},
		"check, starting":                 {Request{Start: true, OnlyIfInstalled: true}, withState(Starting, ""), "linux", "[is already starting]"},
		"check, crashing":                 {Request{Start: true, OnlyIfInstalled: true}, withState(Crashing, ""), "linux", "[is started again]"},
		"check, failed":                   {Request{Start: true, OnlyIfInstalled: true}, withState(Failed, ""), "linux", "start"},
		"check, absent":                   {Request{Start: true, OnlyIfInstalled: true}, notInstalled(), "linux", "[does not exist]"},
		"install, same":                   {Request{Install: true}, withState(Running, unitText), "linux", "[is already installed]"},
		"install and start, same":         {Request{Install: true, Start: true}, withState(Stopped, unitText), "linux", "[is already installed] start"},
		"reconfigure, absent":             {Request{Reconfigure: true}, notInstalled(), "linux", "install"},
		"reconfigure, same":               {Request{Reconfigure: true}, withState(Running, unitText), "linux", "[is already installed]"},
		"reconfigure, running":            {Request{Reconfigure: true}, withState(Running, otherText), "linux", "reconfigure restart"},
		"reconfigure and start, running":  {Request{Reconfigure: true, Start: true}, withState(Running, otherText), "linux", "reconfigure restart [is running]"},
		"reconfigure and start, stopped":  {Request{Reconfigure: true, Start: true}, withState(Stopped, otherText), "linux", "reconfigure start"},
		"reconfigure without restart":     {Request{Reconfigure: true, NoRestart: true}, withState(Running, otherText), "linux", "reconfigure [runs with its old definition]"},
		"install, other":                  {Request{Install: true}, withState(Stopped, otherText), "linux", "reconfigure"},
		"install and start, other":        {Request{Install: true, Start: true}, withState(Running, otherText), "linux", "reconfigure [runs with its old definition] [is running]"},
		"install and reconfigure":         {Request{Install: true, Reconfigure: true}, withState(Stopped, otherText), "linux", "reconfigure"},
		"uninstall and install":           {Request{Uninstall: true, Install: true}, withState(Running, otherText), "linux", "uninstall install"},
		"a new password that cannot show": {Request{Reconfigure: true, NewPassword: true}, withState(Stopped, unitText), "windows", "reconfigure"},
		"a password, stopped":             {Request{Install: true, Start: true, NewPassword: true}, withState(Stopped, unitText), "windows", "reconfigure start"},
		"a password, running":             {Request{Install: true, Start: true, NewPassword: true}, withState(Running, unitText), "windows", "[is already installed] [is running]"},
		"a password, not to be started":   {Request{Install: true, NewPassword: true}, withState(Stopped, unitText), "windows", "[is already installed]"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := MakePlan(tt.request, tt.found, unitText, tt.goos)
			if err != nil {
				t.Fatal(err)
			}
			got := plan.Steps
			for _, want := range splitSteps(tt.want) {
				if len(got) == 0 {
					t.Fatalf("steps %+v, want %s", plan.Steps, tt.want)
				}
				note, isNote := strings.CutPrefix(want, "[")
				if isNote && (got[0].Action != "" || !strings.HasPrefix(got[0].Note, strings.TrimSuffix(note, "]"))) || !isNote && string(got[0].Action) != want {
					t.Errorf("steps %+v, want %s", plan.Steps, tt.want)
				}
				got = got[1:]
			}
			if len(got) > 0 {
				t.Errorf("steps %+v, want %s", plan.Steps, tt.want)
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
	found := withState(Running, unitText)
	found.Enabled, found.Current = false, false
	if plan, err := MakePlan(Request{Disable: true}, found, "", "linux"); err != nil || plan.Steps[0].Action != "" {
		t.Errorf("disabled once more: %+v, %v", plan, err)
	}
	plan, err := MakePlan(Request{Install: true}, found, unitText, "linux")
	if err != nil || len(plan.Steps) != 1 || plan.Steps[0].Action != "enable" {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestAPlanIsRefusedBeforeAnythingIsDone(t *testing.T) {
	foreign := withState(Running, "")
	foreign.UnitPath = "/lib/systemd/system/ssh.service"
	customized := withState(Running, otherText)
	customized.Customized = true
	shop := withState(Running, otherText)
	shop.Foreign, shop.Customized = "/bin/shop --token hunter22", true
	masked := withState(Stopped, "")
	masked.UnitPath, masked.Masked = "/dev/null", true
	isForeign := func(err error) bool {
		e, is := errors.AsType[*ForeignUnitError](err)
		return is && *e == ForeignUnitError{"web", "/lib/systemd/system/ssh.service", "/etc/systemd/system/web.service"}
	}
	isNoTentacle := func(err error) bool {
		e, is := errors.AsType[*ForeignServiceError](err)
		return is && *e == ForeignServiceError{"web", "/bin/shop --token ********"}
	}
	isMasked := func(err error) bool {
		e, is := errors.AsType[*MaskedError](err)
		return is && e.Service == "web"
	}
	isMissing := func(err error) bool {
		e, is := errors.AsType[*NoServiceError](err)
		return is && e.Service == "web"
	}
	isCustomized := func(err error) bool {
		e, is := errors.AsType[*CustomizedError](err)
		return is && e.Service == "web" && strings.Contains(e.Difference, "-Environment=HOME=/x API_KEY=********\n") && !strings.Contains(e.Difference, "SECRET")
	}
	for name, tt := range map[string]struct {
		request Request
		found   Installation
		refused func(error) bool
		says    string
	}{
		"a changed unit":               {Request{Install: true}, customized, isCustomized, "changed by hand"},
		"starting what is not there":   {Request{Stop: true, Start: true}, notInstalled(), isMissing, "no service web"},
		"starting what was removed":    {Request{Uninstall: true, Start: true}, withState(Running, unitText), isMissing, "no service web"},
		"installing over another's":    {Request{Install: true}, foreign, isForeign, "/lib/systemd/system/ssh.service"},
		"reconfiguring another's":      {Request{Reconfigure: true}, foreign, isForeign, "not one that a Tentacle installed"},
		"uninstalling another's":       {Request{Uninstall: true}, foreign, isForeign, "not one that a Tentacle installed"},
		"installing over a shop":       {Request{Install: true}, shop, isNoTentacle, "not a Tentacle's"},
		"reconfiguring a shop":         {Request{Reconfigure: true}, shop, isNoTentacle, "not a Tentacle's"},
		"uninstalling a shop":          {Request{Stop: true, Uninstall: true}, shop, isNoTentacle, "it runs /bin/shop"},
		"installing what is masked":    {Request{Install: true}, masked, isMasked, "service web is masked"},
		"starting what is masked":      {Request{Start: true}, masked, isMasked, "service web is masked"},
		"restarting what is masked":    {Request{Restart: true}, masked, isMasked, "service web is masked"},
		"reconfiguring what is masked": {Request{Reconfigure: true}, masked, isMasked, "service web is masked"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := MakePlan(tt.request, tt.found, unitText, "linux")
			if err == nil {
				t.Fatalf("planned %+v", plan.Steps)
			}
			if !tt.refused(err) || !strings.Contains(err.Error(), tt.says) || strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("the error is %#v: %v", err, err)
			}
		})
	}
	if plan, err := MakePlan(Request{Stop: true}, foreign, "", "linux"); err != nil || plan.Steps[0].Action != ActionStop {
		t.Errorf("another's can be stopped: %+v, %v", plan, err)
	}
}

func TestAPlanListsWhatIsKept(t *testing.T) {
	kept := Request{Install: true, Start: true, Kept: []string{"start type manual", "dependency on MSSQLSERVER"}}
	plan, err := MakePlan(kept, withState(Running, unitText), unitText, "windows")
	if err != nil || len(plan.Actions()) > 0 || len(plan.Steps) != 3 || !plan.Steps[1].Kept ||
		plan.Steps[1].Note != "keeps what was changed by hand: start type manual, dependency on MSSQLSERVER" {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestAServiceThatKeepsItsOldDefinitionIsMarked(t *testing.T) {
	for state, want := range map[State]bool{Running: true, Stopped: false} {
		plan, err := MakePlan(Request{Reconfigure: true, NoRestart: true}, withState(state, otherText), unitText, "linux")
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(plan.Steps, func(s Step) bool { return s.OldDefinition }); got != want {
			t.Errorf("%s: %v in %+v", state, got, plan.Steps)
		}
	}
}

func TestAServiceDifferenceIsShownByLine(t *testing.T) {
	got := difference("a\nb\nc\n", "a\nB\nc\n")
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
		if got := difference(unitText+line+"\n", unitText); !strings.Contains(got, want) {
			t.Errorf("got\n%swant in it %s", got, want)
		}
	}
}
