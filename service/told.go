//go:build linux || windows

package service

import (
	"context"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// told tells of a call of the service manager, once its result is known: it passes that on.
func told(ctx context.Context, did, name string) func(Status, error) (Status, error) {
	started := time.Now()
	return func(s Status, err error) (Status, error) {
		details := []any{"state", s.State}
		if s.MainPID != 0 {
			details = append(details, "pid", s.MainPID)
		}
		if err != nil {
			details = append(details, "error", err)
		}
		steps.Log(ctx, did+" service "+name, append(details, steps.Took(started))...)
		return s, err
	}
}
