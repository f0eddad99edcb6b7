package commands

import (
	"runtime"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestARestartIsFinishedForTheServiceThatIsMeant(t *testing.T) {
	web := tentacleconfig.Instance{Name: "web"}
	usual := service.NameFor("web", runtime.GOOS)
	for _, c := range []struct {
		tentacle tentacle
		want     string
	}{
		{tentacle{instance: web, service: usual}, `--instance="web"`},
		{tentacle{instance: web, service: "other"}, "--service=other"},
		{tentacle{service: "a b"}, "--service='a b'"},
	} {
		if got := finishing(&c.tentacle); !strings.HasSuffix(got, "restart-service "+c.want) {
			t.Errorf("%s, not %s", got, c.want)
		}
	}
}
