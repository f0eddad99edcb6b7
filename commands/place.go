package commands

import (
	"context"

	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// A place is where a Tentacle is kept, and how what runs it comes to use a change.
type place interface {
	// read reads the settings. Reading and changing them are the same for all that is kept there.
	read(ctx context.Context) (*tentacleconfig.Document, error)
	// update changes the settings, and keeps what tentacleconfig.Update promises: Edit is decided
	// on what is there at that moment, afterwards there is the old or the new, and where nothing
	// is to change, nothing is written.
	update(ctx context.Context, change tentacleconfig.Change) (changed bool, err error)
	// mayUpdate says why update would fail, as far as that can be known without changing anything.
	mayUpdate(ctx context.Context) error
	// refuseUseless refuses a change, before anything is done, that could not be taken into use as
	// the options want it.
	refuseUseless(ctx context.Context, o changeOptions) error
	// use has what runs the Tentacle use what is saved, and reports it.
	use(ctx context.Context, c *console, s saved, o changeOptions, out *outcome) error
	// look reports what runs the Tentacle, for a change that is not made and would lead to these
	// settings. It may refuse that.
	look(ctx context.Context, after *tentacleconfig.Document, out *outcome) error
	// note adds the Tentacle to the index of this machine, where it should be in it.
	note(c *console)
	// status is the state of the service that runs the Tentacle, as lookAtService says.
	status(ctx context.Context) (service.Status, error)
	// environment are the variables that the Tentacle runs with, as far as they can be found out.
	environment(ctx context.Context) ([]service.Variable, error)
}

// saved is what is known of a change when it is saved, or needed no change.
type saved struct {
	former *tentacleconfig.Document // as it was before
	looked *tentacleconfig.Document // as it was when the command began
}
