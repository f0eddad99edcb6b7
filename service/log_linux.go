package service

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/steps"
)

// The messages of systemd that are looked for, by their ID: systemd's sd-messages.h.
const (
	restartScheduled = "MESSAGE_ID=5eb03494b6584870a536b337290809b3" // with its number: N_RESTARTS
	processExited    = "MESSAGE_ID=98e322203f7a4ed290d09fe03c09fe15" // with its exit code or signal
)

// journalOf is what the processes of a unit have written to standard output and error, and how the
// last of them ended. systemd's other messages are not among it: in a crash loop, they are most of
// the journal. Nor is what programs write to the journal itself: the scripts of a deployment may.
func journalOf(ctx context.Context, name string, lines int) []byte {
	words := journalctl(ctx, "-o", "cat", "-n", strconv.Itoa(lines-1), "_TRANSPORT=stdout", "_SYSTEMD_UNIT="+unitFile(name))
	if len(words) == 0 {
		return nil
	}
	return append(words, journalctl(ctx, "-o", "cat", "-n", "1", "_PID=1", processExited, "UNIT="+unitFile(name))...)
}

// TroubleSince is when systemd first started the unit NAME.service again, in the present series of
// restarts; zero where the journal does not have that.
func TroubleSince(ctx context.Context, name string) time.Time {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	text := journalctl(ctx, "-o", "short-unix", "-n", "1", "_PID=1", restartScheduled, "UNIT="+unitFile(name), "N_RESTARTS=1")
	seconds, _, _ := strings.Cut(string(text), " ")
	at, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(at * 1e6))
}

// journalctl asks the journal. Without the program, or the right to read the journal, it has
// nothing.
func journalctl(ctx context.Context, arguments ...string) []byte {
	cmd := exec.CommandContext(ctx, "journalctl", append([]string{"-q"}, arguments...)...)
	cmd.WaitDelay = time.Second
	started := time.Now()
	text, err := cmd.Output()
	steps.Log(ctx, "run "+strings.Join(cmd.Args, " "), "bytes", len(text), "error", err, steps.Took(started))
	return text
}

func unitFile(name string) string { return strings.TrimSuffix(name, ".service") + ".service" }
