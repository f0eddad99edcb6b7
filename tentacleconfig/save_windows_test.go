package tentacleconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// open opens a file as another program does, with these rights for others.
func open(t *testing.T, path string, access, share uint32) windows.Handle {
	t.Helper()
	name, err := longpath.UTF16(path)
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

func TestASaveWaitsForAFileThatIsHeldForFourSeconds(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, oldConfig)
	reading := open(t, path, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE) // an editor
	held := time.AfterFunc(4*time.Second, func() { windows.CloseHandle(reading) })
	before := 0
	changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}, Before: func() error {
		if before++; held.Stop() {
			windows.CloseHandle(reading)
			t.Error("it began while the file was held")
		}
		return nil
	}})
	if !changed || err != nil || before != 1 {
		t.Fatal(changed, err, before)
	}
	if got := content(t, path); got != newConfig {
		t.Errorf("the file is now %q", got)
	}
	onlyConfigAndBackups(t, path)
}

// A file that is held from the first look on, from just before Before runs, and while it runs.
func TestASaveGivesUpOnAFileThatStaysOpen(t *testing.T) {
	for _, c := range []struct {
		since     string
		runs      int // how often Before does
		says, now string
	}{
		{"first", 0, "another program has it open", "nothing was changed"},
		{"second", 0, "another program has it open", "nothing was changed"},
		{"before", 1, "another program has it open", "it still has its old content"},
	} {
		t.Run(c.since, func(t *testing.T) {
			t.Parallel()
			path := writeConfig(t, oldConfig)
			var reading windows.Handle
			hold := func(now bool) {
				if now {
					reading = open(t, path, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE)
				}
			}
			hold(c.since == "first")
			edits, runs := 0, 0
			changed, err := Update(t.Context(), path, Change{
				Edit: func(d *Document) error {
					edits++
					hold(c.since == "second" && edits == 2)
					return setK("new")(d)
				},
				Before: func() error {
					runs++
					hold(c.since == "before")
					return nil
				},
				Backup: func(string) { t.Error("a backup was kept") },
			})
			// Tentacle writes in place, now that nothing was saved: no other file may be this one.
			writing := open(t, path, windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE)
			var now windows.ByHandleFileInformation
			if err := windows.GetFileInformationByHandle(writing, &now); err != nil || now.NumberOfLinks != 1 {
				t.Errorf("it has %d names, %v", now.NumberOfLinks, err)
			}
			windows.CloseHandle(writing)
			windows.CloseHandle(reading)
			if changed || err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(printed(err), c.now) {
				t.Errorf("got %v, %v", changed, printed(err))
			}
			if runs != c.runs {
				t.Errorf("Before ran %d times", runs)
			}
			if got := content(t, path); got != oldConfig {
				t.Errorf("the file is now %q", got)
			}
			onlyConfig(t, path)
		})
	}
}

func TestTheLockFileHasAnAccessListOfItsOwn(t *testing.T) {
	path := writeConfig(t, oldConfig)
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)(A;;FR;;;BU)(A;;0x1301bf;;;LS)")
	if err != nil {
		t.Fatal(err)
	}
	if err := setSecurity(path, sd, false); err != nil {
		t.Fatal(err)
	}
	lock := lockFile(path)
	for _, before := range []string{"", "of an older version"} {
		if before != "" {
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
			put(t, lock, "")
		}
		if changed, err := Update(t.Context(), path, Change{Edit: setK("new" + before)}); !changed || err != nil {
			t.Fatal(changed, err)
		}
		want, err := lockAccess(security(t, path))
		if err != nil {
			t.Fatal(err)
		}
		got := security(t, lock)
		if !onWine() && (!sameAccess(got, want) || strings.Contains(got, ";BU)")) { // Wine makes a mode of it
			t.Errorf("the lock file, first %q: %s, not %s", before, got, want)
		}
	}
}

func TestStreamsCompressionAndLabelAreKept(t *testing.T) {
	skipOnWine(t, "files have neither streams nor compression nor labels")
	path := writeConfig(t, oldConfig)
	const note = "[ZoneTransfer]\r\nZoneId=3\r\n"
	put(t, path+":Zone.Identifier", note)
	if err := setCompression(path, true); err != nil {
		t.Fatal(err)
	}
	label, err := windows.SecurityDescriptorFromString("S:(ML;;NW;;;LW)")
	if err != nil {
		t.Fatal(err)
	}
	if err := setSecurityParts(path, label, windows.LABEL_SECURITY_INFORMATION, windows.WRITE_OWNER); err != nil {
		t.Fatal(err)
	}
	if changed, err := Update(t.Context(), path, Change{Edit: setK("new"), Backup: func(string) {}}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	backups, err := Backups(path)
	if err != nil || len(backups) != 1 {
		t.Fatal(backups, err)
	}
	for _, file := range []string{path, backups[0].Path} {
		if got := content(t, file+":Zone.Identifier"); got != note {
			t.Errorf("%s: the stream says %q", file, got)
		}
		if attributes, err := attributesOf(file); attributes&windows.FILE_ATTRIBUTE_COMPRESSED == 0 || err != nil {
			t.Errorf("%s: attributes %x, %v", file, attributes, err)
		}
		sd, err := windows.GetNamedSecurityInfo(file, windows.SE_FILE_OBJECT, windows.LABEL_SECURITY_INFORMATION)
		if err != nil || !strings.Contains(sd.String(), "(ML;;NW;;;LW)") {
			t.Errorf("%s: label %v, %v", file, sd, err)
		}
	}
	put(t, path+":large", strings.Repeat("x", maxStream+1))
	if changed, err := Update(t.Context(), path, Change{Edit: setK("newer")}); changed || err == nil || !strings.Contains(err.Error(), ":large cannot be kept") {
		t.Errorf("a large stream: %v, %v", changed, err)
	}
}

func TestAFileThatWasReplacedIsBornThen(t *testing.T) {
	skipOnWine(t, "a file has no time of birth")
	path := writeConfig(t, oldConfig)
	first := timesOf(t, path)
	time.Sleep(20 * time.Millisecond) // file systems count in some milliseconds
	if changed, err := Update(t.Context(), path, Change{Edit: setK("new")}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if now := timesOf(t, path); !now.Created.After(first.Created) {
		t.Errorf("created %v, before %v", now.Created, first.Created)
	}
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
	name, err := longpath.UTF16(path)
	if err != nil {
		t.Fatal(err)
	}
	const attributes = windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_SYSTEM
	if err := windows.SetFileAttributes(name, attributes); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{
		"D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;WD)(D;;FX;;;BG)", // unlike the folder
		"D:AI(A;;FA;;;WD)(A;ID;FA;;;BA)(A;ID;FR;;;BG)",        // inherited from a folder where it was before
	} {
		sd, err := windows.SecurityDescriptorFromString(list)
		if err != nil {
			t.Fatal(err)
		}
		if err := setSecurity(path, sd, false); err != nil {
			t.Fatal(err)
		}
		if got := security(t, path); !onWine() && !strings.HasSuffix(got, list) { // which makes a mode of it
			t.Errorf("the list is %s, not %s", got, list)
		}
		savedWithItsSecurity(t, path, list)
	}
	if now, err := windows.GetFileAttributes(name); now&attributes != attributes || err != nil {
		t.Errorf("attributes %x, %v", now, err)
	}
}

func savedWithItsSecurity(t *testing.T, path, value string) {
	t.Helper()
	before := security(t, path)
	if changed, err := Update(t.Context(), path, Change{Edit: setK(value), Backup: func(string) {}}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if after := security(t, path); after != before {
		t.Errorf("owner and access list: %s, before: %s", after, before)
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

func TestAnAdministratorSavesTheFileOfAnotherAccount(t *testing.T) {
	path := writeConfig(t, oldConfig)
	sd, err := windows.SecurityDescriptorFromString("O:SYD:(A;;FA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	if !windows.GetCurrentProcessToken().IsElevated() {
		t.Skip("needs an Administrator")
	}
	if err := setSecurity(path, sd, true); err != nil {
		t.Fatal(err)
	}
	if !mayRestore(t) {
		t.Error("Windows would not let this process give a file to another account")
	}
	if !onWine() && !strings.HasPrefix(security(t, path), "O:SY") { // which keeps no owners
		t.Errorf("it has %s", security(t, path))
	}
	savedWithItsSecurity(t, path, "new")
}

// mayRestore says whether SeRestorePrivilege is enabled, and not only there.
func mayRestore(t *testing.T) bool {
	t.Helper()
	var wanted windows.LUID
	if err := windows.LookupPrivilegeValue(nil, windows.StringToUTF16Ptr("SeRestorePrivilege"), &wanted); err != nil {
		t.Fatal(err)
	}
	var size uint32
	token := windows.GetCurrentProcessToken()
	_ = windows.GetTokenInformation(token, windows.TokenPrivileges, nil, 0, &size) // tells the size
	buffer := make([]byte, size)
	if err := windows.GetTokenInformation(token, windows.TokenPrivileges, &buffer[0], size, &size); err != nil {
		t.Fatal(err)
	}
	for _, p := range (*windows.Tokenprivileges)(unsafe.Pointer(&buffer[0])).AllPrivileges() {
		if p.Luid == wanted {
			return p.Attributes&windows.SE_PRIVILEGE_ENABLED != 0
		}
	}
	return false
}

func TestAnEncryptedFileIsNotReplacedByAPlainOne(t *testing.T) {
	const encrypted, hidden = windows.FILE_ATTRIBUTE_ENCRYPTED, windows.FILE_ATTRIBUTE_HIDDEN
	for _, c := range []struct {
		before, created, want uint32
		refused               bool
	}{
		{before: hidden, want: hidden},
		{before: windows.FILE_ATTRIBUTE_NORMAL, want: windows.FILE_ATTRIBUTE_NORMAL},
		{before: encrypted | hidden, created: encrypted, want: hidden}, // Windows keeps that one itself
		{before: hidden, created: encrypted, want: hidden},
		{before: encrypted, refused: true},
	} {
		got, err := keptAttributes(c.before, c.created, `C:\Octopus`)
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("%x beside %x gives %x, %v", c.before, c.created, got, err)
		}
		if c.refused && !strings.Contains(printed(err), `cipher /e "C:\Octopus"`) {
			t.Error(err)
		}
	}
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
	if err := atomicfile.WriteFile(filepath.Join(folder, "secret"), []byte("x"), 0o600); err != nil {
		t.Error(err)
	}
	if err := Create(filepath.Join(folder, "new", "Tentacle.config"), Setting{KeyHome, "x"}); err != nil {
		t.Error(err)
	}
}

func TestAPathOfANetworkIsSaved(t *testing.T) {
	path := writeConfig(t, oldConfig)
	drive := filepath.VolumeName(path)
	// Wine has no such paths, but one where Windows cannot look at the folders on the way.
	far := `\\?\unix` + strings.ReplaceAll(os.Getenv("WINEPREFIX"), "/", `\`) + `\drive_c` + strings.TrimPrefix(path, drive)
	if !onWine() {
		far = `\\localhost\` + strings.Replace(path, ":", "$", 1)
	}
	if _, err := os.Stat(far); err != nil {
		t.Skip("the drives are not shared here: ", err)
	}
	if changed, err := Update(t.Context(), far, Change{Edit: setK("new"), Backup: func(string) {}}); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if got := content(t, path); got != newConfig {
		t.Errorf("the file is now %q", got)
	}
	onlyConfigAndBackups(t, path)
	if err := atomicfile.WriteFile(far, []byte(oldConfig), 0o644); err != nil || content(t, path) != oldConfig {
		t.Error(err)
	}
}
