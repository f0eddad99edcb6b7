package history

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/eventlog"
)

// changeEvent is the ID of the events. The messages of EventCreate.exe, which Windows brings along,
// show their text as it is; it knows the IDs 1 to 1000.
const changeEvent = 1

func toSystem(e Entry) error {
	if err := report(e); err != nil && !isAbsent(err) {
		return fmt.Errorf("the event log: %w", err)
	}
	return nil
}

// isAbsent says whether no event log runs here, as in a container of Nano Server.
func isAbsent(err error) bool {
	return errors.Is(err, windows.RPC_S_SERVER_UNAVAILABLE) || errors.Is(err, windows.RPC_S_UNKNOWN_IF)
}

func report(e Entry) error {
	// Only an Administrator may add a source, once; without it, the event viewer adds a sentence
	// that it does not know the description.
	_ = eventlog.InstallAsEventCreate(source, eventlog.Info|eventlog.Warning)
	log, err := eventlog.Open(source)
	if err != nil {
		return err
	}
	defer log.Close()
	if e.Error != "" {
		return log.Warning(changeEvent, eventText(e))
	}
	return log.Info(changeEvent, eventText(e))
}
