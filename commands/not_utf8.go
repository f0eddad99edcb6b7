package commands

import (
	"fmt"
	"unicode/utf8"
)

// refuseNotUTF8 refuses a value that is not UTF-8, of whatever option: neither the configuration,
// nor the index, nor the API can hold it, and a path would come out as another one. (On Windows it
// is a path with half of a character in it.) The value is not shown: it may be a secret.
func refuseNotUTF8(line []givenOption) error {
	for _, g := range line {
		if !utf8.ValidString(g.value) {
			return fmt.Errorf("the value of --%s is not UTF-8; nothing was changed", g.name)
		}
	}
	return nil
}
