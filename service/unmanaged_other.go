//go:build !linux && !windows

package service

import (
	"context"
	"time"
)

// Query says that no service manager that this program knows runs here.
func Query(_ context.Context, name string) (Status, error) {
	if err := checkName(name); err != nil {
		return Status{}, err
	}
	return Status{Name: name, State: Unmanaged}, nil
}

// Restart leaves everything alone, because no service manager that this program knows runs here;
// the status says so.
func Restart(ctx context.Context, name string, _ time.Time, _ func(string)) (Status, error) {
	return Query(ctx, name)
}

// Start leaves everything alone, as Restart does.
func Start(ctx context.Context, name string, _ func(string)) (Status, error) { return Query(ctx, name) }

// Stop leaves everything alone, as Restart does.
func Stop(ctx context.Context, name string, _ func(string)) (Status, error) { return Query(ctx, name) }

// Lock keeps nobody out, because nothing is restarted here.
func Lock(_ context.Context, name string, _ func()) (unlock func(), err error) {
	return func() {}, checkName(name)
}

// CheckRestartPrivileges forbids nothing, because nothing is restarted here.
func CheckRestartPrivileges(_ context.Context, name string) error { return checkName(name) }

// CheckPrivileges is always ErrUnmanaged here.
func CheckPrivileges() error { return ErrUnmanaged }

// CheckRights is always ErrUnmanaged here.
func CheckRights(string, ...Action) error { return ErrUnmanaged }

// CheckInstall is always ErrUnmanaged here.
func CheckInstall(Definition) error { return ErrUnmanaged }

// Installed is always ErrUnmanaged here.
func Installed(_ context.Context, name string) (Installation, error) {
	return Installation{Status: Status{Name: name, State: Unmanaged}}, ErrUnmanaged
}

// Install is always ErrUnmanaged here.
func Install(context.Context, Definition) error { return ErrUnmanaged }

// Disable is always ErrUnmanaged here.
func Disable(context.Context, string) error { return ErrUnmanaged }

// Uninstall is always ErrUnmanaged here.
func Uninstall(context.Context, string, func(string)) error { return ErrUnmanaged }
