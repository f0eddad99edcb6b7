package service

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// openShared opens a file to read it, and lets others do only what share says.
func openShared(t *testing.T, path string, share uint32) windows.Handle {
	t.Helper()
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatalf("%s cannot be read: %v", path, err)
	}
	return handle
}

// A detachedTest starts a detached process that runs until it is told to end.
type detachedTest struct {
	name, folder string
	command      []string
}

func newDetachedTest(t *testing.T, mode string) detachedTest {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := detachedTest{name: t.Name(), folder: t.TempDir()}
	d.command = []string{self, mode, d.folder, "no service"}
	t.Cleanup(func() { write(filepath.Join(d.folder, "end-outside"), "") })
	return d
}

func (d detachedTest) start(t *testing.T) (log string) {
	t.Helper()
	log, err := StartDetached(t.Context(), d.name, "", d.command)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func (d detachedTest) runs() bool {
	_, err := os.Stat(filepath.Join(d.folder, "outside"))
	return err == nil
}

// end ends the process, and returns once it has left its work.
func (d detachedTest) end(t *testing.T) {
	t.Helper()
	write(filepath.Join(d.folder, "end-outside"), "")
	waitFor(t, "its end", func() bool { _, err := os.Stat(filepath.Join(d.folder, "ended")); return err == nil })
	for _, name := range []string{"end-outside", "ended", "outside"} {
		if err := os.Remove(filepath.Join(d.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func TestALogCanBeReadAtAnyTimeAndSaysNothingAboutWhatRuns(t *testing.T) {
	d := newDetachedTest(t, "outside")
	log := d.start(t)
	waitFor(t, "the process", d.runs)
	waitFor(t, "its words", func() bool { said, _ := os.ReadFile(log); return strings.Contains(string(said), "it runs") })
	windows.CloseHandle(openShared(t, log, windows.FILE_SHARE_READ)) // File.ReadAllText of .NET
	windows.CloseHandle(openShared(t, log, 0))
	d.end(t)
	// Whoever reads it does not keep the next one from starting, which catches up with its words.
	reader := openShared(t, log, windows.FILE_SHARE_READ)
	d.start(t)
	waitFor(t, "the second process", d.runs)
	d.end(t)
	windows.CloseHandle(reader)
	waitFor(t, "all words", func() bool { return strings.Count(logOf(t, log), "it has ended") == 2 })
}

func TestWhatWasWantedWhileAProcessEndsIsNotLost(t *testing.T) {
	d := newDetachedTest(t, "outside")
	owner, err := thisAccount()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := adminFolder(owner, d.name)
	if err != nil {
		t.Fatal(err)
	}
	mark, err := openMark(folder)
	if err != nil {
		t.Fatal(err)
	}
	first := &Detached{folder: folder, log: newTimedLog(filepath.Join(folder, detachedLog)), mark: mark}
	if err := thisProcess(true).write(folder); err != nil {
		t.Fatal(err)
	}
	d.start(t)
	time.Sleep(200 * time.Millisecond)
	if d.runs() {
		t.Fatal("another process was started while the first one takes care")
	}
	first.Leave()
	if !first.TakeUpAgain() { // nobody was faster
		t.Fatal("it was not taken up again")
	}
	d.start(t)
	time.Sleep(200 * time.Millisecond)
	if d.runs() {
		t.Fatal("another process was started while the first one takes care again")
	}
	first.Leave()
	d.start(t)
	waitFor(t, "the second process", d.runs)
	if first.TakeUpAgain() {
		t.Error("it was taken up again while another process runs")
	}
	d.end(t)
}

func TestAMarkThatAScannerHasOpenIsNotTakenForAProcess(t *testing.T) {
	d := newDetachedTest(t, "outside")
	folder := filepath.Dir(d.start(t))
	waitFor(t, "the process", d.runs)
	d.end(t)
	scanner := openShared(t, filepath.Join(folder, detachedMark), windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE)
	time.AfterFunc(time.Second, func() { windows.CloseHandle(scanner) })
	// The number that a process has left which was killed, of a process that is another one now.
	if err := (processNumber{os.Getpid(), 1, true}).write(folder); err != nil {
		t.Fatal(err)
	}
	d.start(t)
	waitFor(t, "another process", d.runs)
	d.end(t)
}

func TestWhereACopyMayNotRunTheProgramItselfIsStarted(t *testing.T) {
	d := newDetachedTest(t, "unless-copied")
	log := d.start(t)
	waitFor(t, "the process", d.runs)
	d.end(t)
	if said := logOf(t, log); !strings.Contains(said, `octo-tentacle.exe ended as soon as it was started (exit status 13); starting `+d.command[0]+" itself\n") {
		t.Errorf("the log has\n%s", said)
	}
}

func TestWhereNothingMayRunThatIsSaidAndNobodyReliesOnIt(t *testing.T) {
	d := newDetachedTest(t, "outside")
	program := filepath.Join(d.folder, "octo-tentacle.exe")
	if err := os.WriteFile(program, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := StartDetached(t.Context(), d.name, "", []string{program})
		if err == nil || !strings.Contains(err.Error(), "could not start a process that outlives this script: cannot start ") || !strings.Contains(textOf(err), "AppLocker") {
			t.Errorf("started: %v", err)
		}
	}
	d.start(t) // when it is allowed
	waitFor(t, "the process", d.runs)
	d.end(t)
}

func TestAFolderThatSomebodyElseMadeIsPassedBy(t *testing.T) {
	owner, err := thisAccount()
	if err != nil {
		t.Fatal(err)
	}
	first, base := "", t.TempDir()
	plant := filepath.Join(base, "octo-tentacle-"+owner.account)
	for what, plant := range map[string]func() error{
		"a file":                             func() error { return os.WriteFile(plant, nil, 0o600) },
		"a folder that everybody may change": func() error { return everybodyMayChange(plant) },
	} {
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		got, err := owner.folderIn(base)
		if err != nil || !strings.HasPrefix(got, base) || strings.HasSuffix(got, owner.account) || first != "" && got != first {
			t.Errorf("%s: %s, %v; the first one was %s", what, got, err, first)
		}
		if again, err := owner.folderIn(base); err != nil || again != got {
			t.Errorf("%s: then %s, %v, not %s", what, again, err, got)
		}
		first = got
		if err := os.RemoveAll(filepath.Join(base, "octo-tentacle-"+owner.account)); err != nil {
			t.Fatal(err)
		}
	}
	// Its folder is the one that is not planted, once it has one.
	own, err := owner.folderIn(t.TempDir())
	if err != nil || !strings.HasSuffix(own, `\octo-tentacle-`+owner.account) {
		t.Errorf("%s, %v", own, err)
	}
	if list := accessList(t, own); !onWine() && !strings.HasPrefix(list, "D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)") { // which makes a mode of it
		t.Errorf("others have rights to it: %s", list)
	}
	if _, err := accessTo(filepath.Join(base, "none")); err == nil {
		t.Error("a folder that does not exist has an owner")
	}
}

func everybodyMayChange(folder string) error {
	if err := os.Mkdir(folder, 0o777); err != nil {
		return err
	}
	sd, err := windows.SecurityDescriptorFromString("D:(A;OICI;FA;;;WD)(A;OICI;FA;;;BA)")
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(folder, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}

func TestAdministratorsHaveAFolderTogetherThatOthersCannotChange(t *testing.T) {
	if !isAdministrator() {
		t.Skip("needs an Administrator")
	}
	base := t.TempDir()
	all, err := allAdministrators()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := all.folderIn(base)
	if err != nil || filepath.Base(folder) != "octo-tentacle-S-1-5-32-544" {
		t.Fatalf("%s, %v", folder, err)
	}
	if again, err := all.folderIn(base); err != nil || again != folder {
		t.Errorf("then %s, %v", again, err)
	}
	access, err := accessTo(folder)
	if err != nil || !access.isSafe(administrators, system, access.owner) || len(access.entries) == 0 {
		t.Errorf("%+v, %v", access, err)
	}
}
