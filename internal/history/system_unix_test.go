//go:build !windows

package history

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestSyslogGetsTheFieldsInOneMessage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listener, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := toSyslog("unixgram", path, change()); err != nil {
		t.Fatal(err)
	}
	if err := listener.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 1<<16)
	n, _, err := listener.ReadFrom(message)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSuffix(string(message[:n]), "\n")
	if !regexp.MustCompile(`^<28>.* octo-tentacle\[\d+\]: instance="web" configuration="`).MatchString(got) || strings.Contains(got, "\n") {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{`user="root" login="jane"`, `reason="node \"3\""`, `removed="https://octo3:10943 CC"`, `outcome="failed"`} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in %s", want, got)
		}
	}
}

func TestAMachineWithoutSyslogIsNoFailure(t *testing.T) {
	if err := toSyslog("unixgram", filepath.Join(t.TempDir(), "none"), change()); err != nil {
		t.Error(err)
	}
}

func TestAnEntryForSyslogIsNotLongerThanItTakes(t *testing.T) {
	e := change()
	e.Reason = strings.Repeat("x", 2*syslogSize)
	if text := syslogText(e); len(text) > syslogSize || !strings.HasSuffix(text, "…") {
		t.Errorf("%d bytes", len(text))
	}
}

// TestSystemdJournalHasTheEntryWithItsFields: run it with testdata/systemd/run.
func TestSystemdJournalHasTheEntryWithItsFields(t *testing.T) {
	if _, err := os.Stat("/run/systemd/journal/socket"); err != nil {
		if strings.Contains(os.Getenv("OCTO_TENTACLE_REQUIRE"), "systemd") {
			t.Fatal("no journal runs here")
		}
		t.Skip("needs systemd: run it with testdata/systemd/run")
	}
	if os.Getenv("OCTO_TENTACLE_REQUIRE") == "" {
		t.Skip("would write to the journal of this machine: OCTO_TENTACLE_REQUIRE=systemd allows it")
	}
	e := change()
	e.Reason = "of this test: " + t.TempDir()
	if err := ToSystem(e); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	for deadline := time.Now().Add(time.Minute); fields == nil && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		out, err := exec.Command("journalctl", "--no-pager", "-o", "json", "-t", source, "OCTO_TENTACLE_REASON="+e.Reason).Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(out) > 0 && json.Unmarshal(out, &fields) != nil {
			t.Fatalf("got %s", out)
		}
	}
	for name, want := range map[string]string{
		"MESSAGE": e.Message(), "PRIORITY": "4", "SYSLOG_IDENTIFIER": source, "OCTO_TENTACLE_INSTANCE": "web", "OCTO_TENTACLE_COMMAND": e.Command,
		"OCTO_TENTACLE_USER": "root", "OCTO_TENTACLE_LOGIN": "jane", "OCTO_TENTACLE_TASK": "ServerTasks-4711",
		"OCTO_TENTACLE_ADDED": "https://octo1:10943 AA, https://octo2:10943 AA", "OCTO_TENTACLE_RESTART": RestartPending,
	} {
		if fields[name] != want {
			t.Errorf("%s is %v, not %s", name, fields[name], want)
		}
	}
}
