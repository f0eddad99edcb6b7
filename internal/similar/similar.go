// Package similar finds the names that a mistyped one may mean.
package similar

import (
	"slices"
	"strings"

	"github.com/xrash/smetrics"
)

// most is how many names are worth showing.
const most = 3

// To are the candidates that are near to what was typed, the nearest first, whatever their case.
func To(typed string, candidates []string) []string {
	type scored struct {
		name     string
		distance int
	}
	var near []scored
	typed = strings.ToLower(typed)
	for _, candidate := range candidates {
		lower := strings.ToLower(candidate)
		distance := smetrics.WagnerFischer(typed, lower, 1, 1, 1)
		if len(typed) >= 3 && strings.HasPrefix(lower, typed) {
			distance = min(distance, 1)
		}
		if distance == 2 && sortedLetters(typed) == sortedLetters(lower) { // two changed places, as in quite
			distance = 1
		}
		if distance <= max(1, len(typed)/3) {
			near = append(near, scored{candidate, distance})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int { return a.distance - b.distance })
	var names []string
	for _, n := range near[:min(most, len(near))] {
		names = append(names, n.name)
	}
	return names
}

func sortedLetters(word string) string {
	letters := []byte(word)
	slices.Sort(letters)
	return string(letters)
}
