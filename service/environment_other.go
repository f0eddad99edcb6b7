//go:build !linux && !windows

package service

import "context"

// Environment is empty, because no service manager that this program knows runs here.
func Environment(_ context.Context, name string) ([]Variable, error) { return nil, checkName(name) }
