//go:build !linux && !windows

package service

import "context"

// Environment is empty where no service manager that this program knows runs.
func Environment(_ context.Context, name string) ([]Variable, error) { return nil, checkName(name) }
