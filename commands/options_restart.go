package commands

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
)

// restartOptions say how a restart waits for running deployments.
type restartOptions struct {
	wait      time.Duration
	waitGiven bool
	now       bool
	splay     time.Duration

	confirm      time.Duration // 0: not
	confirmGiven bool
}

const (
	// defaultRestartWait is how long a restart waits for running deployments.
	defaultRestartWait = 10 * time.Minute
	// detachedRestartWait is the same for a restart that nobody waits for.
	detachedRestartWait = 24 * time.Hour

	// detachedConfirm is how long a service has to stay up after a restart that nobody watches.
	detachedConfirm = 30 * time.Second

	// maxConfirm is less than the time for which another octo-tentacle waits to restart the
	// service.
	maxConfirm = 10 * time.Minute
)

// Options of restart-service that only this program itself gives: the number of a process that has
// to end first, that nobody reads what is printed, and the Octopus task whose script it is for.
const (
	afterProcess = "after-process"
	unattended   = "unattended"
	forTask      = "for-task"
)

func (o *restartOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "restart-wait", Category: theOutcome, Destination: &o.wait, Value: defaultRestartWait,
			Usage:  "wait up to `TIME` for running deployment scripts before the restart (in the Tentacle's own script: 24h, if not given); 0s restarts only an idle service",
			Action: func(*cli.Context, time.Duration) error { o.waitGiven = true; return nil }},
		&cli.BoolFlag{Name: "restart-now", Category: theOutcome, Destination: &o.now, DisableDefaultText: true,
			Usage: "restart without waiting; this kills running deployment scripts, and one that runs this command as soon as the command has ended"},
		&cli.DurationFlag{Name: "restart-splay", Category: theOutcome, Destination: &o.splay,
			Usage: "wait a random time up to `TIME` before the restart, to spread out the restarts of a fleet"},
		&cli.DurationFlag{Name: "confirm", Category: theOutcome, Destination: &o.confirm,
			Usage:  "after the restart, put the old configuration back unless the service stays up for `TIME`, and each polled port that answered before answers (in the Tentacle's own script: 30s, if not given); 0s for off",
			Action: func(*cli.Context, time.Duration) error { o.confirmGiven = true; return nil }},
	}
}

func (o *restartOptions) complete() error {
	switch {
	case o.wait < 0:
		return fmt.Errorf("--restart-wait %v: give a duration like 10m, or 0s", o.wait)
	case o.confirm < 0 || o.confirm > maxConfirm:
		return fmt.Errorf("--confirm %v: give a duration like 30s, at most %v, or 0s", o.confirm, maxConfirm)
	case o.splay < 0:
		return fmt.Errorf("--restart-splay %v: give a duration like 5m", o.splay)
	}
	return nil
}

// confirmDetached is how long a restart that nobody watches is confirmed; undoable says that there
// is a former configuration to put back.
func (o *restartOptions) confirmDetached(undoable bool) time.Duration {
	if !o.confirmGiven && undoable {
		return detachedConfirm
	}
	return o.confirm
}
