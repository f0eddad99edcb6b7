package commands

import (
	"context"
	"fmt"
	"runtime"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
)

// warnOfOverride warns where the Tentacle does not read its trusted servers from the file, because
// its service sets them by a variable. Where that cannot be found out, there is no warning: check
// says so.
func warnOfOverride(ctx context.Context, c *console, t *tentacle) {
	variables, err := service.Environment(ctx, t.service)
	if err != nil {
		return
	}
	for _, o := range check.Overrides(variables, runtime.GOOS) {
		if o.Variable.Name == check.TrustedServersVariable && !o.Ignored {
			c.warnOf(hint.With(fmt.Errorf("%s: the Tentacle uses it instead of the trusted servers in the file", o.What()),
				"what to do about it: "+t.suggest().Command("check")))
		}
	}
}
