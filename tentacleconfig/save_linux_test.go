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
		if got, err := whole(func(b []byte) (int, error) { return unix.Getxattr(path, name, b) }); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	lock := stat(t, ownFile(path, "lock"))
	if lock.Uid != before.Uid || lock.Gid != before.Gid || lock.Mode&0o777 != before.Mode&0o777 {
		t.Errorf("the lock file has %d:%d %o", lock.Uid, lock.Gid, lock.Mode)
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

func TestAFileMountedByItselfIsRefused(t *testing.T) {
	asRoot(t)
	path := writeConfig(t, oldConfig)
	source := writeConfig(t, oldConfig)
	if err := unix.Mount(source, path, "", unix.MS_BIND, ""); err != nil {
		t.Skip("cannot mount here: ", err)
	}
	defer func() { _ = unix.Unmount(path, unix.MNT_DETACH) }()
	_, err := Update(t.Context(), path, Change{Edit: setK("new")})
	if err == nil || !strings.Contains(err.Error(), "mount its folder") || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if got := content(t, path); got != oldConfig {
		t.Errorf("it is now %q", got)
	}
	onlyConfig(t, path)
}

// call is the nth call of a system call that a thread makes.
type call struct {
	name string
	n    int
}

// straced says how to strace; without it the test is skipped or, where it is
// required, fails.
func straced(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(path, "-o", os.DevNull, "true").Run()
	}
	if err == nil {
		return path
	}
	if slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "strace") {
		t.Fatal("strace is required: ", err)
	}
	t.Skip("needs strace: ", err)
	return ""
}

// calls lists the calls on files that one Update makes. Update runs on one
// thread, so the numbers are the same in every run.
func calls(t *testing.T, strace string) []call {
	t.Helper()
	path := writeConfig(t, oldConfig)
	log := filepath.Join(t.TempDir(), "strace")
	if out, err := traced(strace, path, "-o", log, "-e", "trace=%file,%desc").CombinedOutput(); err != nil {
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

func traced(strace, path string, args ...string) *exec.Cmd {
	c := updater(path, "")
	c.Path, c.Args = strace, slices.Concat([]string{strace, "-f", "-qq"}, args, []string{os.Args[0]})
	return c
}

// Every system call that a save makes is the one at which the process is killed,
// and the one that fails.
func TestACrashAtAnyMomentLeavesTheOldOrTheNewFile(t *testing.T) {
	strace := straced(t)
	all := calls(t, strace)
	names := map[string]int{}
	for _, c := range all {
		names[c.name]++
	}
	t.Logf("calls of a save: %v", names)
	for _, name := range []string{"openat", "write", "fsync", "renameat", "flock", "fchmod"} {
		if names[name] == 0 {
			t.Errorf("no %s among the calls of a save: %v", name, names)
		}
	}
	for _, c := range all {
		t.Run(fmt.Sprintf("killed at %s %d", c.name, c.n), func(t *testing.T) {
			t.Parallel()
			crash(t, strace, c, "signal=KILL")
		})
		for _, failure := range []string{"ENOSPC", "EIO"} {
			if failure == "ENOSPC" && !slices.Contains([]string{"openat", "write", "fsync", "renameat", "fsetxattr"}, c.name) {
				continue
			}
			t.Run(fmt.Sprintf("%s at %s %d", failure, c.name, c.n), func(t *testing.T) {
				t.Parallel()
				crash(t, strace, c, "error="+failure)
			})
		}
	}
}

func crash(t *testing.T, strace string, c call, what string) {
	path := writeConfig(t, oldConfig)
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 1234, 4321); err != nil {
			t.Fatal(err)
		}
	}
	before := stat(t, path)
	out, err := traced(strace, path, "-o", os.DevNull, "-e", "trace="+c.name, "-e", fmt.Sprintf("inject=%s:%s:when=%d", c.name, what, c.n)).CombinedOutput()
	got := content(t, path)
	switch killed := what == "signal=KILL"; {
	case got != oldConfig && got != newConfig:
		t.Errorf("it is neither the old nor the new file: %q", got)
	case killed && err == nil:
		t.Error("it was not killed")
	case !killed && got == oldConfig && (err == nil || !strings.Contains(string(out), path)):
		t.Errorf("it is still the old file, but all that is said is: %v, %q", err, out)
	case !killed && got == newConfig && err != nil && strings.Contains(string(out), "nothing was changed"):
		t.Errorf("it is the new file, but said is: %q", out)
	case !killed && c.name != "unlinkat":
		onlyConfig(t, path)
	}
	if after := stat(t, path); after.Uid != before.Uid || after.Gid != before.Gid || after.Mode != before.Mode {
		t.Errorf("owner and mode were %d:%d %o, are %d:%d %o", before.Uid, before.Gid, before.Mode, after.Uid, after.Gid, after.Mode)
	}
	if _, err := Update(t.Context(), path, Change{Edit: setK("later")}); err != nil {
		t.Errorf("the next Update: %v", err)
	}
	onlyConfig(t, path)
}
