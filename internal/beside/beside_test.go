package beside

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestTheResultIsWhatSaysMost of two tries.
func TestTheResultIsWhatSaysMost(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, test := range map[string]struct {
		first, second error // nil: it hangs
		want          error
	}{
		"both hang":          {nil, nil, context.DeadlineExceeded},
		"the second fails":   {nil, refused, refused},
		"the first fails":    {refused, nil, refused},
		"both fail, at once": {refused, refused, refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var second atomic.Bool
			started := make(chan struct{}, 2)
			_, done, err := Tries[int]{
				Patience: time.Millisecond,
				Again: func() {
					<-started // the first one
					second.Store(true)
				},
				Try: func(ctx context.Context) (int, error) {
					fails := test.first
					if second.Load() {
						fails = test.second
					}
					started <- struct{}{}
					if fails != nil {
						time.Sleep(10 * time.Millisecond) // so that there is a second one
						return 0, fails
					}
					<-ctx.Done()
					return 0, ctx.Err()
				},
				Good: func(int) bool { return true },
				Drop: func(int) {},
			}.Do(within(t, 200*time.Millisecond))
			done()
			if !errors.Is(err, test.want) {
				t.Errorf("%v, not %v", err, test.want)
			}
		})
	}
}

func TestWhatIsNotNeededIsDropped(t *testing.T) {
	t.Parallel()
	dropped := make(chan int, 2)
	var number atomic.Int32
	value, done, err := Tries[int]{
		Patience: time.Millisecond,
		Again:    func() {},
		Try: func(ctx context.Context) (int, error) {
			if number.Add(1) == 1 {
				<-ctx.Done()
				return 1, nil
			}
			return 2, nil
		},
		Good: func(int) bool { return true },
		Drop: func(value int) { dropped <- value },
	}.Do(t.Context())
	defer done()
	if err != nil || value != 2 || <-dropped != 1 {
		t.Errorf("%d, %v", value, err)
	}
}

// TestNothingIsToldOnceTheTimeIsOver: whoever asked may have gone.
func TestNothingIsToldOnceTheTimeIsOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, done, err := Tries[int]{
		Patience: time.Millisecond,
		Again:    func() { t.Error("told") },
		Try: func(context.Context) (int, error) {
			time.Sleep(20 * time.Millisecond)
			return 0, errors.New("late")
		},
		Good: func(int) bool { return true },
		Drop: func(int) {},
	}.Do(ctx)
	done()
	if err == nil {
		t.Error("no error")
	}
}
