// Package steps tells what a program does, step by step, to whoever asked for it: requests, ports
// that are tried, files, calls of the service manager. Who asked is in the context; where nobody
// did, a step costs nothing.
//
// A step names no secret: no header, no body, no password in a URL. What it quotes of others is
// cleaned by who writes it down.
package steps

import (
	"context"
	"log/slog"
	"time"
)

type key struct{}

// To is a context whose steps go to log.
func To(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, key{}, log)
}

// With is a context whose steps have these details, too (as slog.Logger.With takes them).
func With(ctx context.Context, details ...any) context.Context {
	if log, asked := ctx.Value(key{}).(*slog.Logger); asked {
		return To(ctx, log.With(details...))
	}
	return ctx
}

// Asked says whether the steps go anywhere.
func Asked(ctx context.Context) bool {
	_, asked := ctx.Value(key{}).(*slog.Logger)
	return asked
}

// Log tells of a step, with details as slog.Logger.Info takes them. An error among them is what a
// library or somebody else says.
func Log(ctx context.Context, what string, details ...any) {
	if log, asked := ctx.Value(key{}).(*slog.Logger); asked {
		log.InfoContext(ctx, what, details...)
	}
}

// Took is the detail of how long something took since it was started.
func Took(started time.Time) slog.Attr {
	took := time.Since(started)
	if took < time.Millisecond {
		return slog.Duration("took", took.Round(10*time.Microsecond))
	}
	return slog.Duration("took", took.Round(time.Millisecond))
}
