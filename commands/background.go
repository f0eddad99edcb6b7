package commands

import (
	"context"
	"sync"
)

// background is what a command does beside its main work. It does not outlive the command.
type background struct {
	running sync.WaitGroup
	cancels []context.CancelFunc
}

// start runs a function until it returns or the command ends.
func (b *background) start(ctx context.Context, run func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	b.cancels = append(b.cancels, cancel)
	b.running.Go(func() { run(ctx) })
}

// end ends what still runs. It does not cancel the context of the command: from then on, a signal
// would end the program, and turn success into failure.
func (b *background) end() {
	for _, cancel := range b.cancels {
		cancel()
	}
	b.running.Wait()
	b.cancels = nil
}
