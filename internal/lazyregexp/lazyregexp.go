// Package lazyregexp compiles regular expressions when they are needed, which most are not in a run
// of the program.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns what compiles an expression, once. It panics then if the expression is wrong.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
