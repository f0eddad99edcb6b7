package check

import (
	"fmt"
	"time"
)

// clockTolerance is how far the clocks may be apart. What is strict about time allows some minutes,
// as Kerberos and signed requests to clouds do, and people compare logs by the minute.
const clockTolerance = time.Minute

// clock compares this machine's clock with that of the server. Polling does not depend on it: a
// Tentacle and a server compare thumbprints, not dates (Halibut, ClientCertificateValidator.cs).
// But each line that a script writes is dated by this machine (OctopusTentacle,
// ScriptStatusResponse.cs), and the script's own connections depend on the clock.
func (r *report) clock() {
	ahead, behind := r.API.ClockAhead.Abs(), "behind" // not -ahead: the least of all has no opposite
	if r.API.ClockAhead < 0 {
		behind = "ahead of"
	}
	switch {
	case !r.API.ClockKnown:
		r.skipped(idClock, "the clock was not compared with the server's", "the server's answers have no date to rely on: compare the clocks by hand")
	case ahead > clockTolerance:
		const why = "polling does not depend on it, but this machine dates the log of each deployment," + nextLine +
			"and its scripts may take a certificate or token for expired or not yet valid: synchronise both clocks (NTP)"
		r.warning(idClock, fmt.Sprintf("this machine's clock is %s %s the server's", ahead.Round(time.Second), behind), why, "")
	default: // the date of an answer has no fractions of a second
		r.ok(idClock, "the clock agrees with the server's to within %s", max(time.Second, ahead.Truncate(time.Second)+time.Second))
	}
}
