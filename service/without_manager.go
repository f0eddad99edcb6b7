package service

import "context"

type withoutManagerKey struct{}

// WithoutManager is a context in which no service manager runs, wherever there is one: for a
// Tentacle that is not a service of this machine.
func WithoutManager(ctx context.Context) context.Context {
	return context.WithValue(ctx, withoutManagerKey{}, true)
}
