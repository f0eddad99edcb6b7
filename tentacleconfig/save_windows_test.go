package tentacleconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// open opens a file as another program does, with these rights for others.
func open(t *testing.T, path string, access, share uint32) windows.Handle {
	t.Helper()
	name, err := nameOf(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFile(name, access, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func TestASaveWaitsForATentacleThatReads(t *testing.T) {
	path := writeConfig(t, oldConfig)
	reading := open(t, path, windows.GENERIC_READ, windows.FILE_SHARE_READ) // as .NET's FileShare.Read
	done := time.AfterFunc(300*time.Millisecond, func() { windows.CloseHandle(reading) })
	defer done.Stop()
	begin := time.Now()
	if changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if time.Since(begin) < 250*time.Millisecond {
		t.Error("it was saved while it could not be")
	}
	if got := content(t, path); got != newConfig {
		t.Errorf("the file is now %q", got)
	}
	onlyConfigAndBackups(t, path)
}

func TestASaveGivesUpOnAFileThatStaysOpen(t *testing.T) {
	path := writeConfig(t, oldConfig)
	reading := open(t, path, windows.GENERIC_READ, windows.FILE_SHARE_READ)
	changed, err := Update(t.Context(), path, Change{Edit: setK("new")})
	windows.CloseHandle(reading)
	if changed || err == nil || !strings.Contains(err.Error(), "another program has it open") || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("got %v, %v", changed, err)
	}
	if got := content(t, path); got != oldConfig {
		t.Errorf("the file is now %q", got)
	}
	onlyConfig(t, path)
}

func TestReadingWaitsForATentacleThatHasTheFileForItself(t *testing.T) {
	path := writeConfig(t, oldConfig)
	writing := open(t, path, windows.GENERIC_WRITE, 0)
	done := time.AfterFunc(200*time.Millisecond, func() { windows.CloseHandle(writing) })
	defer done.Stop()
	if _, err := Read(path); err != nil {
		t.Error(err)
	}
}

func TestAttributesAndAccessListAreKept(t *testing.T) {
	path := writeConfig(t, oldConfig)
	name, err := nameOf(path)
	if err != nil {
		t.Fatal(err)
	}
	const attributes = windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_SYSTEM
	if err := windows.SetFileAttributes(name, attributes); err != nil {
		t.Fatal(err)
	}
	// Administrators and the system alone, unlike the folder.
	list, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;WD)(D;;FX;;;BG)")
	if err != nil {
		t.Fatal(err)
	}
	dacl, _, err := list.DACL()
	if err != nil {
		t.Fatal(err)
	}
	const what = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil); err != nil {
		t.Fatal(err)
	}
	before := security(t, path)
	if changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if after := security(t, path); after != before {
		t.Errorf("owner and access list: %s, before: %s", after, before)
	}
	if now, err := windows.GetFileAttributes(name); now&attributes != attributes || err != nil {
		t.Errorf("attributes %x, %v", now, err)
	}
}

func security(t *testing.T, path string) string {
	t.Helper()
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	return sd.String()
}

func TestAPathOfAnyLengthIsSaved(t *testing.T) {
	folder := t.TempDir()
	for len(folder) < 400 {
		folder = filepath.Join(folder, strings.Repeat("long", 10))
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "Tentacle.config")
	put(t, path, oldConfig)
	var backup string
	if changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(path string) { backup = path }}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if content(t, path) != newConfig || content(t, backup) != oldConfig {
		t.Error("the files do not say what they should")
	}
	if err := WriteFile(filepath.Join(folder, "secret"), []byte("x"), 0o600); err != nil {
		t.Error(err)
	}
	if err := Create(filepath.Join(folder, "new", "Tentacle.config"), Setting{KeyHome, "x"}); err != nil {
		t.Error(err)
	}
}

func TestLongPathsAreWrittenAsWindowsReadsThem(t *testing.T) {
	tail := strings.Repeat(`\folder`, 40)
	for path, want := range map[string]string{
		`C:\short`:                     `C:\short`,
		`C:` + tail:                    `\\?\C:` + tail,
		`C:` + tail + `/a\..\b`:        `\\?\C:` + tail + `\b`,
		`\\server\share` + tail:        `\\?\UNC\server\share` + tail,
		`\\?\C:` + tail:                `\\?\C:` + tail,
		strings.TrimPrefix(tail, `\`):  strings.TrimPrefix(tail, `\`),
		`\\?\UNC\server\share\` + tail: `\\?\UNC\server\share\` + tail,
	} {
		if got := longPath(path); got != want {
			t.Errorf("%s is %s, not %s", path, got, want)
		}
	}
}
