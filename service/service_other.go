//go:build !linux && !windows

package service

import "context"

// Look says that no service manager this program knows runs here.
func Look(_ context.Context, name string) (Status, error) {
	if err := checkName(name); err != nil {
		return Status{}, err
	}
	return Status{Name: name, State: Unmanaged}, nil
}

// Restart leaves everything alone, as no service manager this program knows runs here; the status says so.
func Restart(ctx context.Context, name string, _ func(string)) (Status, error) {
	return Look(ctx, name)
}
