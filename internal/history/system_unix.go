//go:build !windows

package history

import (
	"fmt"
	"log/syslog"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// syslogSize is what every syslog daemon takes as one message: rsyslog cuts longer ones at 8 kB.
const syslogSize = 8000

func toSystem(e Entry) error {
	if journal.Enabled() {
		return toJournal(e)
	}
	return toSyslog("", "", e) // what listens on /dev/log
}

func toJournal(e Entry) error {
	priority := journal.PriNotice
	if e.Error != "" {
		priority = journal.PriWarning
	}
	if err := journal.Send(e.Message(), priority, journalFields(e)); err != nil {
		return fmt.Errorf("the journal: %w", err)
	}
	return nil
}

// journalFields have upper-case names, as systemd.journal-fields(7) wants them.
func journalFields(e Entry) map[string]string {
	fields := map[string]string{"SYSLOG_IDENTIFIER": source}
	for _, f := range e.fields() {
		fields["OCTO_TENTACLE_"+f.name] = f.value
	}
	return fields
}

// toSyslog writes to a local socket; "" and "" is that of the machine. The network and the address
// are as for syslog.Dial, which is never given one of another machine.
func toSyslog(network, address string, e Entry) error {
	priority := syslog.LOG_NOTICE
	if e.Error != "" {
		priority = syslog.LOG_WARNING
	}
	w, err := syslog.Dial(network, address, priority|syslog.LOG_DAEMON, source)
	if err != nil {
		return nil // no syslog here
	}
	defer w.Close()
	if _, err := fmt.Fprint(w, syslogText(e)); err != nil {
		return fmt.Errorf("syslog: %w", err)
	}
	return nil
}

// syslogText has the fields as name="value": syslog has no fields of its own.
func syslogText(e Entry) string {
	var parts []string
	for _, f := range e.fields() {
		parts = append(parts, strings.ToLower(f.name)+"="+strconv.Quote(f.value))
	}
	return shortened(strings.Join(parts, " "), syslogSize)
}
