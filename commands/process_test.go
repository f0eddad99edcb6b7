package commands_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

func TestFiftyConcurrentRunsForFiftyAddressesLoseNone(t *testing.T) { // not beside others: it takes all processors
	const runs = 50
	s := newScene(t, "Tentacle", octotest.Options{NodeCount: runs})
	var wait sync.WaitGroup
	for _, address := range s.cluster.Addresses() {
		wait.Go(func() {
			var output []byte
			err := errors.New("not run")
			for try := 0; err != nil && try < 5; try++ {
				output, err = s.command("poll-server", "--server-comms-address", address, "--no-restart").CombinedOutput()
				if !bytes.Contains(output, []byte("nothing was changed; try again when that is done")) {
					break // else it was too far behind in the queue, on a slow machine
				}
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", address, err, output)
			}
		})
	}
	wait.Wait()

	got, want := s.addresses(t), s.cluster.Addresses()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d addresses are in the file: %v", len(got), len(want), got)
	}

	// Each run kept the file as it found it.
	backups, err := tentacleconfig.Backups(s.config)
	if err != nil || len(backups) != runs-1 {
		t.Fatalf("there are %d backups: %v", len(backups), err)
	}
	for i, backup := range backups {
		if n := len(addressesIn(t, backup.Path)); n != runs-1-i {
			t.Errorf("%s, number %d from the newest, has %d addresses", backup.ID(), i, n)
		}
	}

	// Each run that changed something is in the history, with what it added and its backup.
	recorded := map[string]bool{}
	for _, e := range s.history(t) {
		if len(e.Added) != 1 || e.Outcome != "changed" {
			t.Fatalf("recorded is %+v", e)
		}
		recorded[e.Added[0].Address], recorded[e.Backup] = true, true
	}
	for _, address := range want {
		delete(recorded, address)
	}
	for _, backup := range backups {
		delete(recorded, backup.Path)
	}
	if lines := len(s.history(t)); lines != runs-1 || len(recorded) != 0 {
		t.Errorf("%d changes are recorded, with %v that nobody made", lines, recorded)
	}
}

const interruptedRuns = 30

// runInterrupted runs a command to its end the first time, which tells how long
// that takes, and then interrupts it at the i-th of as many moments spread over that.
func runInterrupted(t *testing.T, cmd *exec.Cmd, i int, whole *time.Duration) (stdout, stderr *bytes.Buffer, err error) {
	t.Helper()
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	interruptible(cmd)
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var moment <-chan time.Time
	if i > 0 {
		moment = time.After(*whole * time.Duration(i) / interruptedRuns)
	}
	select {
	case err = <-ended:
		*whole = time.Since(start)
	case <-moment:
		if err := interrupt(cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		err = <-ended
	}
	return stdout, stderr, err
}

// TestCtrlCAtAnyMomentLeavesTheOldOrTheNewFile interrupts at moments spread over
// the whole run, and compares what was said with what was done.
func TestCtrlCAtAnyMomentLeavesTheOldOrTheNewFile(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	s := newScene(t, "Tentacle", octotest.Options{Latency: 3 * time.Millisecond})
	before, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	interrupted, finished := 0, 0
	var whole time.Duration
	for i := range interruptedRuns {
		if err := os.WriteFile(s.config, before, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := s.command("poll-server", "--server-comms-address", strings.Join(s.cluster.Addresses(), ","))
		stdout, stderr, err := runInterrupted(t, cmd, i, &whole)
		after, readErr := os.ReadFile(s.config)
		if readErr != nil {
			t.Fatal(readErr)
		}
		switch changed := !bytes.Equal(before, after); {
		case err == nil:
			finished++
			if len(s.addresses(t)) != 3 || stdout.Len() == 0 {
				t.Errorf("done, but the file has %v and the output is %q", s.addresses(t), stdout.String())
			}
		case changed:
			t.Errorf("failed, but the file was changed: %s", stderr.String())
		default:
			interrupted++
			// Before main runs, the signal ends the process without a word.
			if text := stderr.String(); text != "" && !strings.Contains(text, "interrupted; nothing was changed") {
				t.Errorf("said %q", text)
			}
		}
	}
	t.Logf("%d interrupted, %d finished before", interrupted, finished)
	if interrupted == 0 {
		t.Error("no run was interrupted: the test shows nothing")
	}
	for _, request := range s.cluster.Requests() {
		if request.Method != "" && request.Method != "GET" {
			t.Errorf("poll-server sent %s %s", request.Method, request.Path)
		}
	}
}

// TestCtrlCAtAnyMomentOfARegistrationSaysWhatIsWhere compares what was said with
// what the server was sent and what is in the file.
func TestCtrlCAtAnyMomentOfARegistrationSaysWhatIsWhere(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	s := newScene(t, "Tentacle", octotest.Options{Latency: 2 * time.Millisecond})
	if err := makeTentacle(s.home, "Tentacle", s.config, nil); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	type end struct {
		err          error
		stdout, text string
		saved        bool
	}
	ends := make([]end, interruptedRuns)
	var whole time.Duration
	for i := range ends {
		if err := os.WriteFile(s.config, before, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := s.command("register-with", "--comms-style=TentacleActive", fmt.Sprintf("--name=web%d", i), "--environment=Development", "--role=web",
			"--no-backup", "--server-comms-address="+strings.Join(s.cluster.Addresses(), ","))
		stdout, stderr, err := runInterrupted(t, cmd, i, &whole)
		after, readErr := os.ReadFile(s.config)
		if readErr != nil {
			t.Fatal(readErr)
		}
		ends[i] = end{err, stdout.String(), stderr.String(), !bytes.Equal(before, after)}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.config), ".*.tmp")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	// Only now: the server may see a request after the run that sent it has ended.
	sent := map[any]bool{}
	for _, request := range s.cluster.Requests() {
		if body, is := request.Body.(map[string]any); is && request.Method == "POST" && strings.HasSuffix(request.Path, "/machines") {
			sent[body["Name"]] = true
		}
	}
	said := map[string]int{}
	for i, e := range ends {
		posted := sent[fmt.Sprintf("web%d", i)]
		what, right := "something else", false
		switch {
		case e.err == nil:
			what, right = "done", posted && e.saved && e.stdout != ""
		case e.text == "" || strings.Contains(e.text, "interrupted; nothing was changed"):
			what, right = "nothing", !posted && !e.saved
		case strings.Contains(e.text, "it is not known whether"):
			what, right = "not known", !e.saved
		case strings.Contains(e.text, "could not be saved"):
			what, right = "not saved", posted && !e.saved
		case strings.Contains(e.text, "is saved"):
			what, right = "saved", posted && e.saved
		}
		if !right {
			t.Errorf("posted: %v, saved: %v, but it said %q (%s): %v", posted, e.saved, what, e.text, e.err)
		}
		said[what]++
	}
	t.Logf("said: %v", said)
	if said["nothing"] == 0 {
		t.Error("no run was interrupted: the test shows nothing")
	}
}

// TestCtrlCWhileTheServerIsAskedToChangeSomethingIsNotCalledHarmless: what was
// sent may be done, and is not sent again.
func TestCtrlCWhileTheServerIsAskedToChangeSomethingIsNotCalledHarmless(t *testing.T) {
	t.Parallel()
	needInterrupts(t)
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"register-with", "--comms-style=TentacleActive", "--name=web01", "--environment=Production", "--role=web", "--update"}, "not known whether web01 was registered"},
		{[]string{"deregister-from"}, `web01 (Machines-101) in space Default may have been deleted: interrupted`},
	} {
		t.Run(test.arguments[0], func(t *testing.T) {
			s := newScene(t, "Tentacle", octotest.Options{})
			if err := s.cluster.AddMachine(octotest.Machine{Name: "web01", Thumbprint: tentacleThumbprint(), Subscription: sceneSubscription}); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(s.config)
			if err != nil {
				t.Fatal(err)
			}
			s.cluster.SetAPIFault(octotest.APIFault{Hang: true, Write: true})
			cmd := s.command(test.arguments...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			interruptible(cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s.waitForRequest(t, true)
			if err := interrupt(cmd.Process); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			text := stderr.String()
			if err == nil || stdout.Len() > 0 || !strings.Contains(text, test.want) || strings.Contains(text, "nothing was changed") || strings.Contains(text, "not deleted") {
				t.Errorf("%v: %s%s", err, stdout.String(), text)
			}
			if after, err := os.ReadFile(s.config); err != nil || !bytes.Equal(before, after) || s.writes() != 1 {
				t.Errorf("sent %d times, the file: %s, %v", s.writes(), after, err)
			}
		})
	}
}

// TestTwoRegistrationsOfATentacleAtTheSameTimeAreOne: both find the name free, and the server gives
// it once.
func TestTwoRegistrationsOfATentacleAtTheSameTimeAreOne(t *testing.T) {
	t.Parallel()
	s := newScene(t, "Tentacle", octotest.Options{})
	if err := makeTentacle(s.home, "Tentacle", s.config, nil); err != nil {
		t.Fatal(err)
	}
	s.cluster.SetAPIFault(octotest.APIFault{Write: true, Slow: 300 * time.Millisecond})
	var wait sync.WaitGroup
	for _, address := range s.cluster.Addresses()[:2] {
		wait.Go(func() {
			output, err := s.command("register-with", "--comms-style=TentacleActive", "--name=web01", "--environment=Development", "--role=web",
				"--server-comms-address="+address).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	wait.Wait()
	if n := len(s.addresses(t)); n != 2 {
		t.Errorf("%d addresses are in the file", n)
	}
	if n := s.writes(); n != 1 && n != 2 { // the second may be refused
		t.Errorf("registered %d times", n)
	}
}

// TestTheHTTPLibraryPrintsNothingOfItsOwn: it logs what a server says unasked,
// and what it says may be anything.
func TestTheHTTPLibraryPrintsNothingOfItsOwn(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					fmt.Fprint(conn, "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}junk that nobody asked for")
					_, _ = io.Copy(io.Discard, conn)
				}
			}()
		}
	}()
	s := newScene(t, "Tentacle", octotest.Options{})
	output, err := s.command("poll-server", "--server=http://"+l.Addr().String(), "--server-comms-address="+s.cluster.Addresses()[1], "--timeout=5s").CombinedOutput()
	if err == nil || !strings.Contains(string(output), "503") || strings.Contains(string(output), "junk") {
		t.Errorf("%v: %s", err, output)
	}
}

// TestARegistrationThatCannotBeSavedSaysWhatIsWhere takes away what is to be
// saved while the registration is under way at the server: too late to be
// noticed before.
func TestARegistrationThatCannotBeSavedSaysWhatIsWhere(t *testing.T) {
	t.Parallel()
	s := newScene(t, "Tentacle", octotest.Options{})
	if err := makeTentacle(s.home, "Tentacle", s.config, nil); err != nil {
		t.Fatal(err)
	}
	s.cluster.SetAPIFault(octotest.APIFault{Write: true, Slow: 2 * time.Second})
	cmd := s.command("register-with", "--comms-style=TentacleActive", "--name=web01", "--environment=Development", "--role=web",
		"--server-comms-address="+strings.Join(s.cluster.Addresses(), ","))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// The new content lies beside the old: take its place away, so that the rename fails.
	var err error
	for running, removed := true, false; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(time.Millisecond):
		}
		if removed {
			continue
		}
		temps, _ := filepath.Glob(filepath.Join(filepath.Dir(s.config), ".*.tmp"))
		for _, temp := range temps {
			removed = os.Remove(temp) == nil // on Windows, not while it is open
		}
	}
	if err == nil {
		t.Fatalf("done:\n%s", stdout.String())
	}
	for _, want := range []string{"web01 is registered in space Default as Machines-", "could not be saved", "run the same command again", s.config} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the error does not say %q:\n%s", want, stderr.String())
		}
	}
	if stdout.Len() > 0 {
		t.Errorf("standard output: %s", stdout.String())
	}

	// And what it says to do does finish it, under the same subscription.
	s.cluster.SetAPIFault(octotest.APIFault{})
	finish := s.command(cmd.Args[1:]...)
	if output, err := finish.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if got := s.addresses(t); len(got) != 3 {
		t.Errorf("polled: %v", got)
	}
	var subscriptions []string
	for _, request := range s.cluster.Requests() {
		if body, ok := request.Body.(map[string]any); ok && request.Method == "POST" {
			subscriptions = append(subscriptions, fmt.Sprint(body["Endpoint"].(map[string]any)["Uri"]))
		}
	}
	document, err := tentacleconfig.Read(s.config)
	if err != nil {
		t.Fatal(err)
	}
	polled, err := document.TrustedServers()
	if err != nil || len(subscriptions) != 1 || polled[0].SubscriptionID != subscriptions[0] {
		t.Errorf("registered under %v, polled: %+v, %v", subscriptions, polled, err)
	}
}

func TestSyncsAtTheSameTimeAgree(t *testing.T) {
	t.Parallel()
	s := newScene(t, "Tentacle", octotest.Options{})
	nodes := s.cluster.Addresses()
	for _, wanted := range [][]string{nodes, nodes[1:]} {
		var wait sync.WaitGroup
		s.cluster.SetServerNode(1, octotest.ServerNode{Maintenance: len(wanted) < len(nodes)})
		changed := make([]bool, 6)
		for i := range changed {
			wait.Go(func() {
				output, err := s.command("sync-servers", "--server-comms-address="+strings.Join(wanted, ","), "--no-restart", "--format=json").Output()
				if err != nil {
					t.Errorf("%v\n%s", err, output)
				}
				changed[i] = strings.Contains(string(output), `"changed": true`)
			})
		}
		wait.Wait()
		if got := s.addresses(t); !slices.Equal(got, wanted) {
			t.Errorf("polled: %v, not %v", got, wanted)
		}
		if times := len(slices.DeleteFunc(changed, func(c bool) bool { return !c })); times != 1 {
			t.Errorf("%d of them say that they changed the file", times)
		}
	}
}
