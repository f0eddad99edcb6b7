package hint

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestHintsAreCollectedThroughWrappingAndEachOnce(t *testing.T) {
	inner := New("the disk is full", "make room", "or use another disk")
	err := With(fmt.Errorf("cannot save: %w", inner), "try again", "make room")
	if got, want := err.Error(), "cannot save: the disk is full"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
	if got, want := Of(err), []string{"try again", "make room", "or use another disk"}; !slices.Equal(got, want) {
		t.Errorf("hints %q, want %q", got, want)
	}
	if joined := errors.Join(inner, New("b", "do b")); !slices.Contains(Of(joined), "do b") {
		t.Errorf("the hints of joined errors are %q", Of(joined))
	}
}

func TestWithoutAHintNothingIsAdded(t *testing.T) {
	plain := errors.New("plain")
	if With(plain, "") != plain || With(nil, "hint") != nil || Of(plain) != nil || Of(nil) != nil {
		t.Error("an empty hint, or one for no error, made another error")
	}
	if !errors.Is(Errorf("hint", "wrapped: %w", plain), plain) {
		t.Error("the cause is lost")
	}
}
