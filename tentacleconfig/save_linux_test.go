package tentacleconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/unix"
)

// asRoot skips what only root can set up.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files to others")
	}
}

func TestOwnerModeAndAttributesAreKept(t *testing.T) {
	path := writeConfig(t, oldConfig)
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	attributes := map[string][]byte{"user.note": []byte("ours"), "user.empty": {}, accessList: acl()}
	for name, value := range attributes {
		if err := unix.Setxattr(path, name, value, 0); errors.Is(err, unix.ENOTSUP) {
			t.Logf("%s is not tested: this file system has none", name)
			delete(attributes, name)
		} else if err != nil {
			t.Fatal(name, err)
		}
	}
	before := stat(t, path)
	if _, err := Update(t.Context(), path, Change{Edit: setK("new")}); err != nil {
		t.Fatal(err)
	}
	after := stat(t, path)
	if before.Ino == after.Ino {
		t.Error("the file was not replaced but written")
	}
	if before.Uid != after.Uid || before.Gid != after.Gid || before.Mode != after.Mode {
		t.Errorf("owner and mode were %d:%d %o, are %d:%d %o", before.Uid, before.Gid, before.Mode, after.Uid, after.Gid, after.Mode)
	}
	for name, want := range attributes {
		if got, err := readAttribute(func(b []byte) (int, error) { return unix.Getxattr(path, name, b) }); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

func TestWhoMayOnlyReadTheFileCannotLockIt(t *testing.T) {
	for mode, want := range map[fs.FileMode]uint32{0o644: 0o600, 0o600: 0o600, 0o664: 0o660, 0o666: 0o666} {
		path := writeConfig(t, oldConfig)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if err := os.Chown(path, 1234, 4321); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Update(t.Context(), path, Change{Edit: setK("new")}); err != nil {
			t.Fatal(err)
		}
		config, lock := stat(t, path), stat(t, lockFile(path))
		if lock.Uid != config.Uid || lock.Gid != config.Gid || lock.Mode&0o777 != want {
			t.Errorf("beside a file of mode %o the lock file has %d:%d %o", mode, lock.Uid, lock.Gid, lock.Mode)
		}
	}
}

// acl is user::rw- user:1000:r-- group::--- mask::r-- other::---, as the kernel
// stores it (linux/posix_acl_xattr.h).
func acl() []byte {
	b := []byte{2, 0, 0, 0}
	for _, e := range [][3]uint32{{1, 6, 0xffffffff}, {2, 4, 1000}, {4, 0, 0xffffffff}, {0x10, 4, 0xffffffff}, {0x20, 0, 0xffffffff}} {
		b = append(b, byte(e[0]), 0, byte(e[1]), 0, byte(e[2]), byte(e[2]>>8), byte(e[2]>>16), byte(e[2]>>24))
	}
	return b
}

func stat(t testing.TB, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

func TestTheFoldersDefaultAccessListIsNotGivenToTheFile(t *testing.T) {
	path := writeConfig(t, oldConfig)
	if err := unix.Setxattr(filepath.Dir(path), "system.posix_acl_default", acl(), 0); err != nil {
		t.Skip("this file system has no access lists: ", err)
	}
	before := stat(t, path)
	if _, err := Update(t.Context(), path, Change{Edit: setK("new")}); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Getxattr(path, accessList, nil); !errors.Is(err, unix.ENODATA) {
		t.Errorf("it has an access list now: %v", err)
	}
	if after := stat(t, path); after.Mode != before.Mode {
		t.Errorf("the mode was %o, is %o", before.Mode, after.Mode)
	}
}

// asNobody runs Update as a user without rights.
func asNobody(t *testing.T, path string) (output string, err error) {
	t.Helper()
	program := filepath.Join(filepath.Dir(path), "..", "updater")
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	for folder := filepath.Dir(path); folder != "/" && folder != os.TempDir(); folder = filepath.Dir(folder) {
		if info, err := os.Stat(folder); err == nil && info.Mode()&0o005 != 0o005 {
			if err := os.Chmod(folder, info.Mode()|0o005); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := updater(path, "")
	c.Path = program
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestWithoutPermissionNothingIsTouched(t *testing.T) {
	asRoot(t)
	tests := map[string]struct {
		file, folder fs.FileMode
		want         string
	}{
		"unreadable":           {0o600, 0o755, "cannot read"},
		"not writable":         {0o644, 0o777, "no permission to write to"},
		"folder not writable":  {0o666, 0o755, "no permission to write to"},
		"owner cannot be kept": {0o666, 0o777, "belongs to user 0 and group 0, which cannot be kept"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in", "Tentacle.config")
			put(t, path, oldConfig)
			out, err := asNobodyWith(t, path, test.file, test.folder)
			if err == nil || !strings.Contains(out, test.want) || !strings.Contains(out, path) {
				t.Errorf("%v: %s", err, out)
			}
			if got := content(t, path); got != oldConfig {
				t.Errorf("it is now %q", got)
			}
			onlyConfig(t, path)
		})
	}
}

func asNobodyWith(t *testing.T, path string, file, folder fs.FileMode) (string, error) {
	t.Helper()
	if err := errors.Join(os.Chmod(path, file), os.Chmod(filepath.Dir(path), folder)); err != nil {
		t.Fatal(err)
	}
	return asNobody(t, path)
}

func TestAFileThatIsAMountPointIsRefused(t *testing.T) {
	asRoot(t)
	path := writeConfig(t, oldConfig)
	source := writeConfig(t, oldConfig)
	if err := unix.Mount(source, path, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot mount here: ", err)
	}
	defer func() { _ = unix.Unmount(path, unix.MNT_DETACH) }()
	refusedEarly(t, path, "mount its folder "+filepath.Dir(path))
}

// refusedEarly: with the reason, and before anything that Before may do, which
// is to register the Tentacle.
func refusedEarly(t *testing.T, path, why string) error {
	t.Helper()
	_, err := Update(t.Context(), path, Change{
		Edit:   setK("new"),
		Before: func() error { t.Error("it was noticed too late"); return nil },
	})
	if !strings.Contains(printed(err), why) || err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", printed(err))
	}
	if got := content(t, path); got != oldConfig {
		t.Errorf("it is now %q", got)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	return err
}

func TestAFileOnAReadOnlyFileSystemIsRefused(t *testing.T) {
	asRoot(t)
	path := writeConfig(t, oldConfig)
	folder := filepath.Dir(path)
	if err := unix.Mount(folder, folder, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot mount here: ", err)
	}
	defer func() { _ = unix.Unmount(folder, unix.MNT_DETACH) }()
	if err := unix.Mount("", folder, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refusedEarly(t, path, "cannot write to "+path+": read-only file system")
}

func TestAFileProtectedByAnAttributeIsRefused(t *testing.T) {
	asRoot(t)
	for name, flag := range map[string]int{"immutable": unix.STATX_ATTR_IMMUTABLE, "append-only": unix.STATX_ATTR_APPEND} { // FS_IMMUTABLE_FL, FS_APPEND_FL
		for _, what := range []string{"file", "folder"} {
			t.Run(name+" "+what, func(t *testing.T) {
				path := writeConfig(t, oldConfig)
				protected := path
				if what == "folder" {
					protected = filepath.Dir(path)
				}
				setFlag(t, protected, flag)
				err := refusedEarly(t, path, protected+" is read-only (it has the "+name+" attribute)")
				if refusal, is := errors.AsType[*ReadOnlyError](err); !is || refusal.Path != protected || !refusal.Immutable {
					t.Errorf("got %#v", refusal)
				}
			})
		}
	}
}

// setFlag sets what chattr sets, for the time of the test.
func setFlag(t *testing.T, path string, flag int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, before|flag)
	}
	if err != nil {
		t.Skip("this file system has no such attributes: ", err)
	}
	t.Cleanup(func() {
		f, err := os.Open(path)
		if err == nil {
			err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, before)
		}
		if err != nil {
			t.Error(err)
		}
		f.Close()
	})
}

// call is the nth call of a system call that a thread makes.
type call struct {
	name string
	n    int
}

// straced says how to strace, where that is asked for: it takes a while.
func straced(t *testing.T) string {
	t.Helper()
	if !slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "strace") {
		t.Skip("set OCTO_TENTACLE_REQUIRE=strace to run it")
	}
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// crashTest is a save whose every system call is the one at which it is killed,
// and the one that fails.
type crashTest struct {
	old, new string
	kept     []string // contents of the backups there are before, the newest last
	env      []string
	strace   []string // options that every run of it has
	calls    []string // that there have to be among its own
}

var crashTests = map[string]crashTest{
	"save":   {old: oldConfig, new: newConfig, calls: []string{"write", "flock", "fchmod"}},
	"backup": {old: oldConfig, new: newConfig, kept: tenBackups(""), env: []string{"OCTO_TENTACLE_TEST_BACKUP=1"}, calls: []string{"linkat", "unlinkat"}},
	"backup without links": {old: oldConfig, new: newConfig, kept: tenBackups(""), env: []string{"OCTO_TENTACLE_TEST_BACKUP=1"},
		strace: []string{"-e", "inject=linkat:error=EPERM"}, calls: []string{"write", "unlinkat"}},
	"restore": {old: oldConfig[:60], new: newConfig, kept: tenBackups(newConfig), env: []string{"OCTO_TENTACLE_TEST_BACKUP=1", "OCTO_TENTACLE_TEST_RESTORE=1"},
		calls: []string{"linkat", "unlinkat"}},
}

func tenBackups(newest string) []string {
	var all []string
	for i := range 10 {
		all = append(all, fmt.Sprintf("<octopus-settings><set key=\"N\">%d</set></octopus-settings>", i))
	}
	if newest != "" {
		all[9] = newest
	}
	return all
}

// begin makes the files, which belong to somebody else if that is possible.
func (c crashTest) begin(t *testing.T) (path string) {
	t.Helper()
	path = writeConfig(t, c.old)
	longAgo(t, path)
	for i, text := range c.kept {
		put(t, fmt.Sprintf("%s.bak-202001%02dT000000Z", path, i+1), text)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// list names the calls on files that it makes. Update runs on one thread, so
// the numbers are the same in every run.
func (c crashTest) list(t *testing.T, strace string) []call {
	t.Helper()
	path := c.begin(t)
	log := filepath.Join(t.TempDir(), "strace")
	if out, err := c.traced(strace, path, slices.Concat([]string{"-o", log, "-e", "trace=%file,%desc"}, c.strace)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	line := regexp.MustCompile(`^(\d+) +(?:<... )?(\w+)(\(| resumed)(.*)`)
	count := map[string]map[string]int{}
	var list []call
	var thread string
	for text := range strings.Lines(content(t, log)) {
		m := line.FindStringSubmatch(text)
		if m == nil || m[3] != "(" {
			continue
		}
		if count[m[1]] == nil {
			count[m[1]] = map[string]int{}
		}
		count[m[1]][m[2]]++
		switch {
		case strings.Contains(m[4], "/octo-tentacle/begin"):
			thread = m[1]
		case strings.Contains(m[4], "/octo-tentacle/end"):
			return list
		case m[1] == thread && !ofTheRuntime(m[2]):
			list = append(list, call{m[2], count[m[1]][m[2]]})
		}
	}
	t.Fatal("strace shows no end")
	return nil
}

// ofTheRuntime: calls that change no file, although strace counts them among
// those: Go's runtime makes them for itself, and some may not fail.
func ofTheRuntime(name string) bool {
	return strings.HasPrefix(name, "epoll") || strings.HasPrefix(name, "eventfd") || name == "mmap" || name == "fcntl"
}

func (c crashTest) traced(strace, path string, args ...string) *exec.Cmd {
	cmd := updater(path, "")
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Path, cmd.Args = strace, slices.Concat([]string{strace, "-f", "-qq"}, args, []string{os.Args[0]})
	return cmd
}

// Every system call that a save, a backup and a restore make is the one at which
// the process is killed, and the one that fails.
func TestACrashAtAnyMomentLeavesTheOldOrTheNewFile(t *testing.T) {
	strace := straced(t)
	for name, test := range crashTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.atEveryCall(t, strace)
		})
	}
}

func (c crashTest) atEveryCall(t *testing.T, strace string) {
	all := c.list(t, strace)
	names := map[string]int{}
	for _, at := range all {
		names[at.name]++
	}
	t.Logf("its calls: %v", names)
	for _, name := range append([]string{"openat", "fsync", "renameat"}, c.calls...) {
		if names[name] == 0 {
			t.Errorf("no %s among its calls: %v", name, names)
		}
	}
	for _, at := range all {
		if at.name == "linkat" && c.strace != nil {
			continue // which fails anyhow
		}
		t.Run(fmt.Sprintf("killed at %s %d", at.name, at.n), func(t *testing.T) {
			t.Parallel()
			c.crash(t, strace, at, "signal=KILL")
		})
		for _, failure := range []string{"ENOSPC", "EIO"} {
			if failure == "ENOSPC" && !slices.Contains([]string{"openat", "write", "fsync", "renameat", "fsetxattr", "linkat"}, at.name) {
				continue
			}
			t.Run(fmt.Sprintf("%s at %s %d", failure, at.name, at.n), func(t *testing.T) {
				t.Parallel()
				c.crash(t, strace, at, "error="+failure)
			})
		}
	}
}

func (c crashTest) crash(t *testing.T, strace string, at call, what string) {
	killed := what == "signal=KILL"
	args := []string{"-o", os.DevNull, "-e", "trace=linkat," + at.name, "-e", fmt.Sprintf("inject=%s:%s:when=%d", at.name, what, at.n)}
	var path string
	var before *syscall.Stat_t
	var output []byte
	var err error
	// Go's runtime now and then makes a call less, and then the last of its name
	// is not reached.
	for tries := 0; tries == 0 || tries < 5 && killed && err == nil; tries++ {
		path = c.begin(t)
		before = stat(t, path)
		output, err = c.traced(strace, path, append(args, c.strace...)...).CombinedOutput()
	}
	got, out := content(t, path), string(output)
	switch {
	case got != c.old && got != c.new:
		t.Errorf("it is neither the old nor the new file: %q", got)
	case killed && err == nil:
		t.Error("it was not killed")
	case !killed && got == c.old && (err == nil || !strings.Contains(out, path)):
		t.Errorf("it is still the old file, but all that is said is: %v, %q", err, out)
	case !killed && got == c.new && err != nil && strings.Contains(out, "nothing was changed"):
		t.Errorf("it is the new file, but said is: %q", out)
	case strings.Contains(out, ".tmp"):
		t.Errorf("it names the temporary file, which the reader cannot know: %q", out)
	case !killed && at.name != "unlinkat":
		onlyConfigAndBackups(t, path)
	}
	sameOwnerAndMode(t, path, before)
	c.checkBackups(t, path, before, got == c.new, !killed && at.name != "unlinkat")

	later := parse(t, "<octopus-settings></octopus-settings>")
	again := Change{Damaged: true, Edit: func(d *Document) error { d.Replace(later); return nil }}
	if c.kept != nil {
		again.Backup = func(string) {}
	}
	if _, err := Update(t.Context(), path, again); err != nil {
		t.Errorf("the next Update: %v", err)
	}
	onlyConfigAndBackups(t, path)
	if all := backups(t, path); len(all) != len(c.kept) {
		t.Errorf("after the next Update there are %d backups", len(all))
	}
}

// checkBackups: each backup is whole; the old file is among them once it was
// replaced; and if nothing kept the save from tidying up, they are ten.
func (c crashTest) checkBackups(t *testing.T, path string, before *syscall.Stat_t, replaced, tidy bool) {
	t.Helper()
	var contents []string
	for _, b := range backups(t, path) {
		text := content(t, b.Path)
		contents = append(contents, text)
		if text == c.old {
			sameOwnerAndMode(t, b.Path, before)
		} else if !slices.Contains(c.kept, text) {
			t.Errorf("%s is %q", b.ID(), text)
		}
	}
	switch {
	case c.kept == nil && len(contents) > 0:
		t.Errorf("there are backups: %q", contents)
	case c.kept != nil && replaced && !slices.Contains(contents, c.old):
		t.Errorf("the old file is not among the backups: %q", contents)
	case !replaced && tidy && slices.Contains(contents, c.old):
		t.Errorf("the file was not replaced, but there is a backup of it: %q", contents)
	case len(contents) > len(c.kept)+1, tidy && len(contents) != len(c.kept):
		t.Errorf("there are %d backups", len(contents))
	}
}

func sameOwnerAndMode(t *testing.T, path string, want *syscall.Stat_t) {
	t.Helper()
	if got := stat(t, path); got.Uid != want.Uid || got.Gid != want.Gid || got.Mode != want.Mode {
		t.Errorf("%s: owner and mode were %d:%d %o, are %d:%d %o", path, want.Uid, want.Gid, want.Mode, got.Uid, got.Gid, got.Mode)
	}
}

func TestWhatIsInThePlaceOfTheLockFileIsNotWaitedFor(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":   func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := writeConfig(t, oldConfig)
			if err := put(lockFile(path)); err != nil {
				t.Fatal(err)
			}
			_, err := Update(t.Context(), path, Change{Edit: setK("new")})
			if err == nil || !strings.Contains(err.Error(), "not a file") || !slices.Contains(hint.Of(err), "remove it") || content(t, path) != oldConfig {
				t.Errorf("got %v", err)
			}
		})
	}
}
