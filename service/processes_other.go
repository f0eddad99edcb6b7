//go:build !linux && !windows

package service

import "context"

// Processes finds nothing on this system, where no service manager that this program knows runs.
func Processes(context.Context, string) ([]Process, error) { return nil, nil }

// StartedByService is always false on this system.
func StartedByService(context.Context, string) (bool, error) { return false, nil }

// StartDetached is always ErrUnmanaged on this system.
func StartDetached(context.Context, string, string, []string) (string, error) {
	return "", ErrUnmanaged
}

func exists(int) bool { return false }
