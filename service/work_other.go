//go:build !linux && !windows

package service

import (
	"context"
	"errors"
)

// Work lists the processes below the service NAME but for its own. On this
// system it cannot tell, and finds none.
func Work(context.Context, string) ([]Process, error) { return nil, nil }

// Inside says whether this process was started by the service NAME. On this
// system it cannot tell.
func Inside(context.Context, string) (bool, error) { return false, nil }

// Later runs a command outside of the service that started this process. On
// this system nothing can be left to a service manager.
func Later(context.Context, string, string, []string) (unit string, already bool, err error) {
	return "", false, errors.New("nothing can be left to a service manager on this system")
}
