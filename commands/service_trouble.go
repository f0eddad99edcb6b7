package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands/check"
	"github.com/octo-tentacle/octo-tentacle/commands/suggest"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/service"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// What to say of a service that does not start or does not stay up.

// shownWords is how many lines of a service's log are shown.
const shownWords = 5

// logFileOf is the log file of a Tentacle; document may be nil.
// Source: OctopusTentacle, Tentacle.exe.nlog.
func logFileOf(instance tentacleconfig.Instance, document *tentacleconfig.Document) string {
	home := ""
	if document != nil {
		home, _ = document.Get(tentacleconfig.KeyHome)
	}
	return filepath.Join(cmp.Or(strings.TrimSpace(home), filepath.Dir(instance.ConfigPath)), "Logs", "OctopusTentacle.txt")
}

// trouble is what is known of a service that does not start or stay up.
type trouble struct {
	words []string  // the last lines of its log
	undo  time.Time // when the change was made that may be its cause; zero for none
}

// lookAtTrouble finds out more about a service that does not start or stay up. document may be nil.
func lookAtTrouble(ctx context.Context, instance tentacleconfig.Instance, document *tentacleconfig.Document, serviceName string) (found trouble) {
	found.words = service.LastWords(ctx, serviceName, logFileOf(instance, document), shownWords)
	since := service.TroubleSince(ctx, serviceName)
	if mark, marked := tentacleconfig.FindRestartMark(instance.ConfigPath, serviceName); marked {
		since = mark.Time
	}
	if backup, is := tentacleconfig.NewestUsableBackup(instance.ConfigPath); is && check.MayBeTheCause(backup.Time, since) {
		found.undo = backup.Time
	}
	return found
}

func (found trouble) wordsHint() string {
	if len(found.words) == 0 {
		return ""
	}
	lines := []string{"the last lines of its log:"}
	for _, word := range found.words {
		lines = append(lines, "  "+word)
	}
	return hint.Lines(lines...)
}

func (found trouble) undoHint(t suggest.Tentacle) string {
	if found.undo.IsZero() {
		return ""
	}
	return fmt.Sprintf("to put back the configuration from before %s: %s", found.undo.Local().Format(time.DateTime), undo(t))
}

func undo(t suggest.Tentacle) string { return t.Command("restore-backup", "--latest") }

// explainStart adds to the error of a start that failed what the Tentacle said last, and what may
// have changed. Other errors stay as they are.
func explainStart(ctx context.Context, t suggest.Tentacle, err error) error {
	if !errors.As(err, new(*service.StartError)) {
		return err
	}
	document, _ := tentacleconfig.Read(t.Instance.ConfigPath) // else its log is at the usual place
	found := lookAtTrouble(context.WithoutCancel(ctx), t.Instance, document, t.Service)
	return hint.With(err, found.wordsHint(), found.undoHint(t))
}

// warnOfTrouble warns of a service that does not stay up, or that a restart has left down, for a
// command that is not about that.
func warnOfTrouble(ctx context.Context, c *console, t suggest.Tentacle, document *tentacleconfig.Document, status service.Status) {
	left := interruptedRestart(t.Instance.ConfigPath, status) != nil
	if !left && status.State != service.Crashing {
		return
	}
	err := fmt.Errorf("service %s does not stay up: it is %s", status.Name, status)
	if left {
		err = hint.Errorf("to start it: "+t.Restart(), "service %s was stopped for a restart earlier, and does not run: it is %s", status.Name, status)
	}
	found := lookAtTrouble(ctx, t.Instance, document, status.Name)
	c.warnOf(hint.With(err, found.wordsHint(), found.undoHint(t)))
}
