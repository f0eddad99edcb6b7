package boundedread

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

func TestAFileThatAnotherProgramIsWritingIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(path, []byte("API-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	held := time.AfterFunc(time.Second, func() { windows.CloseHandle(handle) })
	content, err := Input(t.Context(), path, 100, PipeWait)
	if string(content) != "API-1" || err != nil {
		t.Errorf("got %q, %v", content, err)
	}
	if held.Stop() {
		windows.CloseHandle(handle)
		t.Error("it was read while another program had it")
	}
}
