// Package plural counts things in messages.
package plural

import "fmt"

// Of is a number of things: "1 node", "3 nodes".
func Of(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
