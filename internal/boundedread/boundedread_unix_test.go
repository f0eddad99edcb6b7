//go:build !windows

package boundedread

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFileIsReadAndNothingElseIsOpened(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	if err := os.WriteFile(at("file"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "file", "endless": "/dev/zero", "circle": "circle", "nowhere": "none"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for name, expected := range map[string]error{
		"file": nil, "link": nil, "pipe": ErrNotFile, "socket": ErrNotFile, "endless": ErrNotFile, ".": ErrNotFile,
		"circle": syscall.ELOOP, "nowhere": os.ErrNotExist,
	} {
		content, err := File(at(name), 7, os.Open)
		if !errors.Is(err, expected) || expected == nil && string(content) != "content" {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	var large *TooLargeError
	if _, err := File(at("file"), 6, os.Open); !errors.As(err, &large) || large.Limit != 6 {
		t.Errorf("above the limit: %v", err)
	}
	swapped := func(string) (*os.File, error) { return os.OpenFile(at("pipe"), os.O_RDWR, 0) }
	if _, err := File(at("file"), 7, swapped); !errors.Is(err, ErrNotFile) {
		t.Errorf("a file that becomes a pipe: %v", err)
	}
}

func TestALimitIsToldInTheUnitThatSuitsIt(t *testing.T) {
	for limit, want := range map[int64]string{64 << 10: "64 KiB", 1<<20 - 1: "1023 KiB", 1 << 20: "1 MiB", 64 << 20: "64 MiB"} {
		if got := (&TooLargeError{limit}).Size(); got != want {
			t.Errorf("%d is %s, and not %s", limit, got, want)
		}
	}
}

func TestAnInputMayBeAPipeAndIsWaitedForInVainOnlyForAWhile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		if w, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil {
			_, _ = w.WriteString("secret")
			_ = w.Close()
		}
	}()
	if content, err := Input(t.Context(), pipe, 6, time.Minute); string(content) != "secret" || err != nil {
		t.Errorf("a pipe: %q, %v", content, err)
	}
	if _, err := Input(t.Context(), pipe, 6, time.Millisecond); !errors.Is(err, ErrUnending) {
		t.Errorf("nobody writes: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Input(ended, pipe, 6, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("ended by the user: %v", err)
	}
	if _, err := Stream(ended, strings.NewReader(""), 6); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("a stream: %v", err)
	}
	var large *TooLargeError
	if _, err := Input(t.Context(), "/dev/zero", 1<<10, time.Minute); !errors.As(err, &large) {
		t.Errorf("an endless device: %v", err)
	}
	if content, err := Input(t.Context(), os.DevNull, 1, time.Minute); len(content) > 0 || err != nil {
		t.Errorf("an empty device: %q, %v", content, err)
	}
	if _, err := Input(t.Context(), filepath.Dir(pipe), 1, time.Minute); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder: %v", err)
	}
}

// TestWhatLooksLikeAFileAndNeverEndsIsGivenUp waits in a bubble, whose time is not that of the
// clock.
func TestWhatLooksLikeAFileAndNeverEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		defer close(released)
		_, err := within(t.Context(), fileWait(), func(context.Context) ([]byte, error) {
			<-released
			return nil, nil
		})
		if !errors.Is(err, ErrUnending) {
			t.Errorf("got %v", err)
		}
	})
}
