package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/history"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// crashCommand is a command that is killed, and made to fail, at the calls by
// which it changes something.
type crashCommand struct {
	arguments  []string
	registered bool              // the Tentacle is, at first
	key        bool              // the machine has a key of its own, at first
	refused    string            // what the second run says where it finds the job done
	done       func(*scene) bool // whether all is as it should be in the end
	unflushed  string            // what it says of what is done, where the folder cannot be flushed; "": not tried
}

func crashCommands(s *scene) []crashCommand {
	nodes := "--server-comms-address=" + strings.Join(s.cluster.Addresses(), ",")
	polls := func(n int) func(*scene) bool {
		return func(s *scene) bool { addresses, err := polled(s.config); return err == nil && len(addresses) == n }
	}
	has := func(key, want string) func(*scene) bool {
		return func(s *scene) bool {
			document, err := tentacleconfig.Read(s.config)
			if err != nil {
				return false
			}
			value, _ := document.Get(key)
			return value == want || want == "" && value != ""
		}
	}
	web := filepath.Join(filepath.Dir(s.config), "web", "Tentacle.config")
	wish := "nodes: [" + strings.Join(s.cluster.Addresses(), ", ") + "]\nserver: " + s.cluster.URL() + "\npollingConnectionCount: 7\n" +
		"registrations:\n  - {name: web01, environments: [Development], roles: [web]}\n  - {kind: worker, name: web01, workerPools: [Windows Pool]}\n"
	file := crashFile(s, "tentacle.yaml", wish)
	fresh := crashFile(s, "web.yaml", "instance: web\nconfiguration: "+web+"\ncertificate: if-blank\ncommunication: polling\n"+wish)
	return []crashCommand{
		{arguments: []string{"poll-server", nodes}, done: polls(3), unflushed: "Tentacle.config is saved"},
		{arguments: []string{"restore-backup", "20200110T000000Z", "--force"}, done: has("Kept", "10")},
		{arguments: []string{"new-certificate", "--if-blank"}, done: has("Tentacle.Certificate", "")},
		{arguments: []string{"generalize", "--force"}, key: true, done: func(s *scene) bool {
			_, err := os.Stat(crashKey(s))
			backups, _ := tentacleconfig.Backups(s.config)
			content, _ := os.ReadFile(s.config)
			return polls(0)(s) && len(backups) == 0 && errors.Is(err, os.ErrNotExist) && !bytes.Contains(content, []byte(tentacleThumbprint()))
		}},
		{arguments: []string{"polling-proxy", "--proxyEnable=true", "--proxyHost=proxy1", "--proxyUsername=me", "--proxyPassword=secret", "--force"},
			done: has("Octopus.Server.Proxy.ProxyPassword", "")},
		{arguments: []string{"create-instance", "--instance=web", "--config=" + web}, done: func(*scene) bool {
			i, err := indexed(s, "web")
			_, unread := tentacleconfig.Read(web)
			return err == nil && i == web && unread == nil
		}},
		{arguments: []string{"delete-instance"}, refused: "there is no instance", done: func(s *scene) bool {
			_, err := indexed(s, "tentacle")
			return errors.Is(err, os.ErrNotExist)
		}},
		{arguments: []string{"register-with", "--comms-style=TentacleActive", "--name=web01", "--environment=Development", "--role=web", nodes},
			done: func(s *scene) bool { return polls(3)(s) && s.registered() == 1 }, unflushed: "web01 is registered in space"},
		{arguments: []string{"deregister-from", "--remove-trust"}, registered: true,
			done: func(s *scene) bool { return polls(0)(s) && s.registered() == -1 }, unflushed: "deleted: web01"},
		{arguments: []string{"apply", "--file=" + file}, unflushed: "web01 is registered in space", done: func(s *scene) bool {
			return polls(3)(s) && has(tentacleconfig.KeyPollingConnectionCount, "7")(s) && s.isRegisteredTwice(s.config)
		}},
		{arguments: []string{"apply", "--file=" + fresh}, done: func(s *scene) bool {
			i, err := indexed(s, "web")
			addresses, unread := polled(web)
			return err == nil && i == web && unread == nil && len(addresses) == 3 && s.isRegisteredTwice(web)
		}},
	}
}

// crashFile is a file that says what a Tentacle should be.
func crashFile(s *scene, name, content string) string {
	file := filepath.Join(filepath.Dir(s.config), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		panic(err)
	}
	return file
}

// crashKey is the key of the machine.
func crashKey(s *scene) string { return filepath.Join(crashMachine(s), "machinekey") }

func crashMachine(s *scene) string { return filepath.Join(filepath.Dir(s.config), "machine") }

// registered is how many registrations of the Tentacle were made and not deleted.
func (s *scene) registered() (n int) {
	for _, request := range s.cluster.Requests() {
		switch {
		case request.PollingPort != 0 || request.Status >= 300:
		case request.Method == "POST" && strings.HasSuffix(request.Path, "/machines"):
			n++
		case request.Override == "DELETE":
			n--
		}
	}
	return n
}

// The calls, and how each of them fails.
var crashCalls = []struct{ call, failure string }{
	{"write", ""}, {"fsync", "EIO"}, {"renameat", "EACCES"}, {"linkat", "ENOSPC"}, {"unlinkat", "EROFS"}, {"flock", "EIO"},
}

// TestAnyCommandKilledAtAnyCallIsFinishedByTheNextRun is slow, and so runs only
// where it is asked for. The save itself is looked at more closely in
// tentacleconfig.
func TestAnyCommandKilledAtAnyCallIsFinishedByTheNextRun(t *testing.T) {
	if !slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "strace") {
		t.Skip("slow: runs with OCTO_TENTACLE_REQUIRE=strace")
	}
	for i, command := range crashCommands(newScene(t, "Tentacle", octotest.Options{})) {
		t.Run(command.arguments[0], func(t *testing.T) {
			t.Parallel()
			for call, most := range callsOf(t, i) {
				for n := 1; n <= most; n++ {
					crash(t, i, call, n, "signal=KILL")
				}
			}
			for _, c := range crashCalls {
				for n := 1; n <= 2 && c.failure != ""; n++ {
					crash(t, i, c.call, n, "error="+c.failure)
				}
			}
		})
	}
}

// newCrashScene is a scene for the command of that number, with ten backups.
func newCrashScene(t *testing.T, i int) (*scene, crashCommand) {
	t.Helper()
	s := newScene(t, "Tentacle", octotest.Options{})
	c := crashCommands(s)[i]
	err := writeMachineID(filepath.Join(filepath.Dir(s.config), "machine"))
	for i := 1; i <= 10; i++ {
		backup := fmt.Sprintf("%s.bak-202001%02dT000000Z", s.config, i)
		err = errors.Join(err, os.WriteFile(backup, fmt.Appendf(nil, `<octopus-settings><set key="Kept">%d</set></octopus-settings>`, i), 0o600))
	}
	if c.registered {
		err = errors.Join(err, s.cluster.AddMachine(octotest.Machine{Name: "web01", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}))
	}
	if c.key {
		err = errors.Join(err, os.MkdirAll(crashMachine(s), 0o700), os.WriteFile(crashKey(s), []byte("key"), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// callsOf is how many of each call a command makes, at most, on a thread.
func callsOf(t *testing.T, i int) map[string]int {
	t.Helper()
	s, c := newCrashScene(t, i)
	log := filepath.Join(t.TempDir(), "strace")
	var names []string
	for _, c := range crashCalls {
		names = append(names, c.call)
	}
	if out, err := s.straced(c.arguments, "-o", log, "-e", "trace="+strings.Join(names, ",")).CombinedOutput(); err != nil || !c.done(s) {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	count, most := map[string]int{}, map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^(\d+) +(\w+)\(`).FindAllStringSubmatch(string(text), -1) {
		count[m[1]+m[2]]++
		most[m[2]] = max(most[m[2]], count[m[1]+m[2]])
	}
	return most
}

func (s *scene) straced(arguments []string, options ...string) *exec.Cmd {
	cmd := s.command(arguments...)
	program := cmd.Path
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1", scriptMachine+"="+crashMachine(s))
	strace, err := exec.LookPath("strace")
	cmd.Path, cmd.Err = strace, err
	cmd.Args = slices.Concat([]string{strace, "-f", "-qq"}, options, []string{program}, arguments)
	return cmd
}

// crash runs the command, which is killed or made to fail at the nth call on a
// thread, looks at what is left, and has the same command finish its job.
func crash(t *testing.T, i int, call string, n int, what string) {
	t.Run(fmt.Sprintf("%s at %s %d", what, call, n), func(t *testing.T) {
		s, c := newCrashScene(t, i)
		before, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		cmd := s.straced(c.arguments, "-o", os.DevNull, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, what, n))
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
		after, unread := os.ReadFile(s.config)
		switch {
		case unread != nil:
			t.Fatal(unread)
		case err == nil && (!c.done(s) || stdout.Len() == 0):
			t.Errorf("not done, but called that: %s%s", stdout.String(), stderr.String())
		case err != nil && !bytes.Equal(before, after) && strings.Contains(stderr.String(), "nothing was changed"):
			t.Errorf("changed, but said: %s", stderr.String())
		case strings.Contains(stderr.String(), "could not be saved") && strings.Contains(stderr.String(), " is saved"):
			t.Errorf("it says both: %s", stderr.String())
		}
		s.checkFiles(t)

		cmd = s.command(c.arguments...)
		cmd.Env = append(cmd.Env, scriptMachine+"="+crashMachine(s))
		output, err := cmd.CombinedOutput()
		if err != nil && c.refused != "" && strings.Contains(string(output), c.refused) {
			err = nil
		}
		if err != nil || !c.done(s) {
			t.Errorf("it said %q, and the next run: %v, %s", stderr.String(), err, output)
		}
		s.checkFiles(t)
	})
}

// checkFiles: whatever lies on the machine is whole, or a temporary file that
// nobody else reads; and backups are ten, or eleven if the last change was killed
// before it could drop the oldest.
func (s *scene) checkFiles(t *testing.T) {
	t.Helper()
	backups, err := tentacleconfig.Backups(s.config)
	if err != nil || len(backups) > 11 {
		t.Errorf("%d backups, %v", len(backups), err)
	}
	files := []string{s.config}
	for _, b := range backups {
		files = append(files, b.Path)
	}
	for _, file := range files {
		if _, err := tentacleconfig.Read(file); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.home, "Tentacle", "Instances"))
	for _, e := range entries {
		_, damaged := indexed(s, strings.TrimSuffix(e.Name(), ".config"))
		err = errors.Join(err, damaged)
	}
	if err != nil {
		t.Error(err)
	}
	_ = filepath.WalkDir(filepath.Dir(s.config), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(path, s.home) {
			return err
		}
		if e.Name() == "machine-id" || e.Name() == history.FileName { // which hold no secrets
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
}

// TestAFolderThatCannotBeFlushedIsReportedAfterTheChange: the change is
// in the file by then.
func TestAFolderThatCannotBeFlushedIsReportedAfterTheChange(t *testing.T) {
	if !slices.Contains(strings.Split(os.Getenv("OCTO_TENTACLE_REQUIRE"), ","), "strace") {
		t.Skip("runs with OCTO_TENTACLE_REQUIRE=strace")
	}
	for i, c := range crashCommands(newScene(t, "Tentacle", octotest.Options{})) {
		if c.unflushed == "" {
			continue
		}
		s, c := newCrashScene(t, i)
		output, err := s.straced(c.arguments, "-o", os.DevNull, "-P", filepath.Dir(s.config), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO").CombinedOutput()
		text := string(output)
		if err == nil || !c.done(s) || !strings.Contains(text, c.unflushed) || !strings.Contains(text, "is saved, but its folder could not be flushed") || strings.Contains(text, "could not be saved") {
			t.Errorf("%s: %v, %s", c.arguments[0], err, text)
		}
	}
}
