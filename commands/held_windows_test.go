package commands_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"golang.org/x/sys/windows"
)

// holdOpen opens a file as a program does that lets nobody remove it (an editor, a backup, a virus
// scanner), until release.
func holdOpen(t *testing.T, path string) (release func()) {
	t.Helper()
	handle, err := windows.CreateFile(windows.StringToUTF16Ptr(path), windows.GENERIC_READ,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() { windows.CloseHandle(handle) }
}

func registering(s *scene) []string {
	return []string{"register-with", "--name=web01", "--environment=Production", "--role=web",
		"--comms-style=TentacleActive", "--server-comms-address=" + s.nodes(), "--format=json"}
}

func TestARegistrationIsNotSentWhileTheFileCannotBeReplaced(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	release := holdOpen(t, s.config)
	defer release()
	_, stderr := s.run(t, 1, registering(s)...)
	for _, part := range []string{"cannot change " + s.config, "another program has it open", "nothing was changed", "close " + s.config + " in the other program"} {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is missing in\n%s", part, stderr)
		}
	}
	if all := s.cluster.Registrations(); len(all) > 0 {
		t.Errorf("registered: %+v", all)
	}
	for _, r := range s.cluster.Requests() {
		if r.Method == "POST" || r.Method == "PUT" {
			t.Errorf("sent: %s %s", r.Method, r.Path)
		}
	}
}

func TestARegistrationIsSentWhenTheFileIsReleased(t *testing.T) {
	s := newScene(t, "Tentacle", octotest.Options{})
	cmd := s.command(registering(s)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	release := holdOpen(t, s.config)
	if err := cmd.Start(); err != nil {
		release()
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second)
	before := s.cluster.Registrations()
	release()
	if err := cmd.Wait(); err != nil || len(before) > 0 {
		t.Fatalf("%v, registered while it was held: %+v\n%s", err, before, &stderr)
	}
	var result struct{ Changed bool }
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil || !result.Changed {
		t.Errorf("%v\n%s", err, &stdout)
	}
	if all := s.cluster.Registrations(); len(all) != 1 {
		t.Errorf("registered: %+v", all)
	}
}
