package commands

import (
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestARestartIsFinishedForTheServiceThatIsMeant(t *testing.T) {
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
		if got := finishing(c.instance, c.service, c.goos); !strings.HasSuffix(got, "restart-service "+c.want) {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}
