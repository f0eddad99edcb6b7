package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// hold opens a file as another program does, with these rights for others, until release.
func hold(t *testing.T, path string, access, share uint32) (release func()) {
	t.Helper()
	name, err := longpath.UTF16(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFile(name, access, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() { windows.CloseHandle(handle) }
}

// skipOnWine skips what only a real Windows can show.
func skipOnWine(t *testing.T, reason string) {
	t.Helper()
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		t.Skip("on Wine: " + reason)
	}
}

const (
	reads  = windows.GENERIC_READ
	writes = windows.GENERIC_WRITE
)

func TestAFileThatIsHeldForFourSecondsIsWaitedFor(t *testing.T) {
	for what, c := range map[string]struct {
		access, share uint32
		do            func(path string) error
	}{
		"to read it":    {writes, 0, func(path string) error { f, err := Open(path); return errors.Join(err, f.Close()) }},
		"to replace it": {reads, windows.FILE_SHARE_READ, func(path string) error { return WriteFile(path, []byte("new"), 0o644) }},
		"to remove it":  {reads, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE, Remove},
		"to look whether it can be replaced": {reads, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE,
			func(path string) error { return CheckReplaceable(t.Context(), path) }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			put(t, path, "old")
			release := hold(t, path, c.access, c.share)
			held := time.AfterFunc(4*time.Second, release)
			begin := time.Now()
			if err := c.do(path); err != nil {
				t.Error(err)
			}
			if held.Stop() {
				release()
				t.Errorf("done after %v, while the file was held", time.Since(begin))
			}
		})
	}
}

func TestAFileThatIsHeldForEverIsGivenUp(t *testing.T) {
	for what, c := range map[string]struct {
		access, share uint32
		do            func(path string) error
	}{
		"to read it":   {writes, 0, func(path string) error { _, err := Open(path); return err }},
		"to remove it": {reads, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE, Remove},
		"to look whether it can be replaced": {reads, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE,
			func(path string) error { return CheckReplaceable(t.Context(), path) }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			put(t, path, "old")
			release := hold(t, path, c.access, c.share)
			defer release()
			begin := time.Now()
			if err := c.do(path); !errors.As(err, new(*InUseError)) {
				t.Errorf("got %v", err)
			}
			if time.Since(begin) < longestWait {
				t.Errorf("given up after %v", time.Since(begin))
			}
		})
	}
}

func TestAFileThatIsAboutToBeDeletedIsWaitedFor(t *testing.T) {
	skipOnWine(t, "a file that is about to be deleted can be opened")
	path := filepath.Join(t.TempDir(), "file")
	put(t, path, "old")
	name, err := longpath.UTF16(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFile(name, windows.DELETE, shareAll, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	remove := byte(1) // FILE_DISPOSITION_INFO; Windows otherwise removes the name at once
	if err := windows.SetFileInformationByHandle(handle, windows.FileDispositionInfo, &remove, 1); err != nil {
		t.Fatal(err)
	}
	done := time.AfterFunc(time.Second, func() { windows.CloseHandle(handle) })
	defer done.Stop()
	if _, err := Open(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if done.Stop() {
		t.Error("it was not waited for")
	}
}

func TestWhatIsDeniedIsNotWaitedFor(t *testing.T) {
	folder := t.TempDir() // is denied to who opens it as a file
	begin := time.Now()
	if _, err := Open(folder); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if time.Since(begin) > longestWait/2 {
		t.Errorf("it was waited for: %v", time.Since(begin))
	}
	// The kernel's own word, which tells it from a file that is about to be deleted.
	status, _ := withStatus(func() error {
		handle, err := windows.CreateFile(windows.StringToUTF16Ptr(folder), reads, shareAll, nil, windows.OPEN_EXISTING, 0, 0)
		if err == nil {
			windows.CloseHandle(handle)
		}
		return err
	})
	if status != windows.STATUS_FILE_IS_A_DIRECTORY {
		t.Errorf("status %v", status)
	}
}

func TestAFileThatIsReadOnlyIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	put(t, path, "old")
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := WriteFile(path, []byte("new"), 0o644); err != nil && !errors.Is(err, fs.ErrPermission) { // Wine replaces it
		t.Errorf("got %v", err)
	}
	if time.Since(begin) > longestWait/2 {
		t.Errorf("it was waited for: %v", time.Since(begin))
	}
	if left := Leftovers(path, 0); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAPartOfAFileThatIsLockedIsWaitedFor(t *testing.T) {
	skipOnWine(t, "what is locked can be read")
	path := filepath.Join(t.TempDir(), "file")
	put(t, path, "content")
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	const how = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(other.Fd()), how, 0, 3, 0, &windows.Overlapped{}); err != nil {
		t.Fatal(err)
	}
	held := time.AfterFunc(time.Second, func() { other.Close() })
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(NewReader(t.Context(), f))
	if string(content) != "content" || err != nil {
		t.Errorf("got %q, %v", content, err)
	}
	if held.Stop() {
		other.Close()
		t.Error("it was read while it was locked")
	}
}

func TestALinkIsNotFollowedWhereAFileWas(t *testing.T) {
	folder := t.TempDir()
	file, link := filepath.Join(folder, "file"), filepath.Join(folder, "link")
	put(t, file, "x")
	if f, err := OpenNoFollow(file); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("links cannot be made here: ", err)
	}
	if f, err := OpenNoFollow(link); err == nil {
		f.Close()
		t.Error("the link was followed")
	}
}
