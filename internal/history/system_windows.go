package history

import (
	"fmt"

	"golang.org/x/sys/windows/svc/eventlog"
)

// changeEvent is the ID of the events. The messages of EventCreate.exe, which Windows brings along,
// show their text as it is; it knows the IDs 1 to 1000.
const changeEvent = 1

func toSystem(e Entry) error {
	// Only an Administrator may add a source, once; without it, the event viewer adds a sentence
	// that it does not know the description.
	_ = eventlog.InstallAsEventCreate(source, eventlog.Info|eventlog.Warning)
	log, err := eventlog.Open(source)
	if err != nil {
		return fmt.Errorf("the event log: %w", err)
	}
	defer log.Close()
	report := log.Info
	if e.Error != "" {
		report = log.Warning
	}
	if err := report(changeEvent, eventText(e)); err != nil {
		return fmt.Errorf("the event log: %w", err)
	}
	return nil
}
