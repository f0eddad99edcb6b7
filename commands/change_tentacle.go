package commands

import "context"

// changeTentacle is the common path of the commands that change a Tentacle. After a command has
// read its arguments, it looks at the Tentacle where it is kept, prepares the change (which may ask
// the network), and applies it: lock, read again, decide again, save if something differs, restart
// a running service, and report. What the lock and the restart are, its place knows.
//
// Commands that change no existing configuration take another path: create-instance,
// delete-instance, service, checkservices, restart-service, export-certificate, and an export of
// new-certificate.
func changeTentacle(ctx context.Context, c *console, o tentacleOptions, co changeOptions, prepare func(*tentacle, *outcome) (change, error)) error {
	if co.agents.given() {
		return changeAgents(ctx, c, co, prepare)
	}
	t, err := lookAt(ctx, o)
	if err != nil {
		return err
	}
	return changeThis(ctx, c, t, co, prepare)
}
