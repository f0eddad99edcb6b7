package hint

import "strings"

// Break separates the lines of a hint that has several, so that a line feed in a name that comes
// from elsewhere begins no line. No name has both of its bytes: paths, arguments and variables have
// no zero byte, and texts of servers and files are UTF-8.
const Break = "\x00\xff"

// Lines is one hint of several lines.
func Lines(lines ...string) string { return strings.Join(lines, Break) }
