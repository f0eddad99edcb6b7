package suggest

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestASuggestedCommandCanBePastedIntoTheShellsOfItsSystem(t *testing.T) {
	for _, c := range []struct{ goos, word, want string }{
		{"linux", "web", "web"},
		{"linux", "My Box", "'My Box'"},
		{"linux", "$HOME's", `'$HOME'\''s'`},
		{"linux", `a\b`, `'a\b'`},
		{"linux", "", "''"},
		{"windows", `C:\Octopus\web\Tentacle.config`, `C:\Octopus\web\Tentacle.config`},
		{"windows", `C:\Program Files\web's\Tentacle.config`, `"C:\Program Files\web's\Tentacle.config"`},
		{"windows", "OctopusDeploy Tentacle: web", `"OctopusDeploy Tentacle: web"`},
		{"windows", "a&b", `"a&b"`},
		{"windows", "$env's", "'$env''s'"},
		{"windows", "", `""`},
	} {
		if got := Quote(c.goos, c.word); got != c.want {
			t.Errorf("%s on %s is %s, not %s", c.word, c.goos, got, c.want)
		}
	}
}

func TestTheChosenServiceIsRestarted(t *testing.T) {
	web := tentacleconfig.Instance{Name: "web"}
	for _, c := range []struct {
		instance      tentacleconfig.Instance
		service, goos string
		want          string
	}{
		{web, "web", "linux", `--instance=web`},
		{web, "OctopusDeploy Tentacle: web", "windows", `--instance=web`},
		{web, "other", "linux", "--service=other"},
		{tentacleconfig.Instance{}, "a b", "linux", "--service='a b'"},
	} {
		if got := (Tentacle{c.instance, c.service, c.goos}).Restart(); !strings.HasSuffix(got, "restart-service "+c.want) {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}

func TestACommandNamesTheTentacleItIsAbout(t *testing.T) {
	for _, c := range []struct {
		tentacle Tentacle
		want     string
	}{
		{Tentacle{tentacleconfig.Instance{Name: "Tentacle"}, "Tentacle", "linux"}, "octo-tentacle check a"},
		{Tentacle{tentacleconfig.Instance{Name: "My Box"}, service.NameFor("My Box", "linux"), "linux"}, "octo-tentacle check a '--instance=My Box'"},
		{Tentacle{tentacleconfig.Instance{ConfigPath: "/t.config"}, "x", "linux"}, "octo-tentacle check a --config=/t.config --service=x"},
	} {
		if got := c.tentacle.Command("check", "a"); got != c.want {
			t.Errorf("%s, not %s", got, c.want)
		}
		named := strings.Replace(c.want, "check a", "new-certificate", 1)
		if c.tentacle.Instance.Name == "Tentacle" {
			named += " --instance=Tentacle"
		}
		if got := c.tentacle.NamedCommand("new-certificate"); got != named {
			t.Errorf("%s, not %s", got, named)
		}
	}
}
