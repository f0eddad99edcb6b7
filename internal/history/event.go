package history

import (
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// eventSize is what one string of an event may have (ReportEvent: 31,839 characters), with room for
// those that are longer in UTF-16.
const eventSize = 30000

// eventText is an entry in the event log of Windows, which shows several lines: the message, then
// the fields.
func eventText(e Entry) string {
	lines := []string{e.Message(), ""}
	for _, f := range e.fields() {
		lines = append(lines, f.name[:1]+strings.ToLower(f.name[1:])+": "+f.value)
	}
	text := insertion().ReplaceAllString(strings.Join(lines, "\r\n"), "% $1")
	return shortened(text, eventSize)
}

// insertion is what the event viewer replaces by a part of the event, which may be the text itself,
// again and again. It cannot be escaped: Microsoft has a space put in between (KB 934640).
var insertion = lazyregexp.New(`%(\d)`)
