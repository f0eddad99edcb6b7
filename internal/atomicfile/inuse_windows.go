package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/windows"
)

// errDeletePending is a file that goes as soon as the last program has closed it. Windows answers
// all who would open it with "access denied", as if it were their rights.
var errDeletePending = errors.New("it is about to be deleted")

// isInUse says whether an error means that another program is in the way.
func isInUse(err error) bool {
	signs := []error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_USER_MAPPED_FILE, windows.ERROR_DELETE_PENDING, errDeletePending}
	return slices.ContainsFunc(signs, func(sign error) bool { return errors.Is(err, sign) })
}

func isDenied(err error) bool { return errors.Is(err, windows.ERROR_ACCESS_DENIED) && !isInUse(err) }

func isInUseOrDenied(err error) bool { return isInUse(err) || isDenied(err) }

// WhileInUseOrDenied is WhileInUse for what Windows also denies, as if this account were not
// allowed to do it, because of a program that has the file open: replacing it, and starting a
// program that was written just now.
func WhileInUseOrDenied(ctx context.Context, path string, try func() error) error {
	return waiting{path: path, isInUse: isInUseOrDenied, doubtful: isDenied}.run(ctx, try)
}

var rtlGetLastNtStatus = windows.NewLazySystemDLL("ntdll.dll").NewProc("RtlGetLastNtStatus")

// tellPending calls a function of Windows, and tells a file that is about to be deleted from one
// that this account may not use: what both become was one of two answers before.
func tellPending(call func() error) error {
	status, err := withStatus(call)
	if isDenied(err) && status == windows.STATUS_DELETE_PENDING {
		return fmt.Errorf("%w: %w", errDeletePending, err)
	}
	return err
}

// withStatus calls a function of Windows. If it is denied, status is the answer of the kernel.
func withStatus(call func() error) (status windows.NTStatus, err error) {
	runtime.LockOSThread() // each thread has a last answer
	defer runtime.UnlockOSThread()
	if rtlGetLastNtStatus.Find() != nil { // now, since looking for it is a call, too
		return 0, call()
	}
	if err = call(); isDenied(err) {
		last, _, _ := rtlGetLastNtStatus.Call()
		status = windows.NTStatus(last)
	}
	return status, err
}

func remove(path string) error { return tellPending(func() error { return os.Remove(path) }) }
