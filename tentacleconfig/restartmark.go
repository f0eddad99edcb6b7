package tentacleconfig

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// A RestartMark says that octo-tentacle was about to stop the service of a Tentacle to start it
// again. It lies beside the configuration from before the stop until the service runs again. So
// where the service does not run and there is a mark, nobody wanted it to be stopped: the start
// failed, or octo-tentacle was ended in between.
type RestartMark struct {
	Service string    `json:"service"`
	Time    time.Time `json:"time"`

	// Boot identifies the boot during which it was made; "" where the system has no name for that.
	Boot string `json:"boot"`
}

// maxMark is more than a mark can be.
const maxMark = 4 << 10

// SetRestartMark leaves the mark beside the configuration at path.
func SetRestartMark(path, service string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	content, err := json.Marshal(RestartMark{Service: service, Time: time.Now().UTC().Truncate(time.Second), Boot: ThisBoot()})
	if err != nil {
		return err
	}
	return atomicfile.Replace(restartMarkFile(target), append(content, '\n'), 0o644)
}

// FindRestartMark reads the mark beside the configuration at path, if there is one for that
// service. One that cannot be read counts as none: it is only a reason to do more than was asked.
func FindRestartMark(path, service string) (mark RestartMark, found bool) {
	target, err := resolve(path)
	if err != nil {
		return RestartMark{}, false
	}
	f, err := atomicfile.OpenNoFollow(restartMarkFile(target))
	if err != nil {
		return RestartMark{}, false
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxMark))
	if err != nil || json.Unmarshal(content, &mark) != nil || mark.Service != service {
		return RestartMark{}, false
	}
	return mark, true
}

// ClearRestartMark removes the mark, if there is one.
func ClearRestartMark(path string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	if err := atomicfile.Remove(restartMarkFile(target)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hint.Permission(err)
	}
	return nil
}

func restartMarkFile(target string) string { return atomicfile.Sidecar(target, "restarting") }
