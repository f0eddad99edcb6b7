package commands

import (
	"cmp"
	"context"
	"errors"
	"sync"
)

// allOf asks several questions at the same time. The error is that of the first question, in the
// order given, that has one of its own.
func allOf(ctx context.Context, questions ...func(context.Context) error) error {
	return firstOwn(askTogether(ctx, func(error) bool { return true }, questions))
}

// askTogether asks several questions at the same time. Their errors are in the order given. After
// one that counts, the others do not matter any more, and are told so.
func askTogether(ctx context.Context, counts func(error) bool, questions []func(context.Context) error) []error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(questions))
	var all sync.WaitGroup
	for i, ask := range questions {
		all.Go(func() {
			if errs[i] = ask(ctx); errs[i] != nil && counts(errs[i]) {
				cancel()
			}
		})
	}
	all.Wait()
	return errs
}

// firstOwn is the first error that is not only that of a question which does not matter any more.
func firstOwn(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return cmp.Or(errs...)
}
