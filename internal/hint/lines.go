package hint

import "strings"

// Break separates the lines of a hint that has several. It is a byte that no text has (UTF-8): a
// line feed in a name that comes from elsewhere begins no line.
const Break = "\xff"

// Lines is one hint of several lines.
func Lines(lines ...string) string { return strings.Join(lines, Break) }
