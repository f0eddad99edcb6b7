//go:build unix

package main

import (
	"fmt"
	"runtime"
	"time"
)

func header() {
	fmt.Printf("medians of runs in turns, %d CPUs\n\n", runtime.NumCPU())
	fmt.Printf("%-64s %10s %10s %7s  %s\n", "", "compared", "measured", "figure", "aim")
}

// ratio prints measured divided by compared. An aim of 0 is none.
func ratio(what string, compared, measured result, aim float64) {
	row(what, compared, measured, float64(measured.median)/float64(compared.median), aim)
}

func row(what string, compared, measured result, figure, aim float64) {
	fmt.Printf("%-64s %7.2f ms %7.2f ms %7.2f", what, ms(compared.median), ms(measured.median), figure)
	if aim != 0 {
		fmt.Printf("  ≤ %v%s", aim, missed(figure > aim))
	}
	fmt.Println()
}

func memory(what string, r result) {
	const aim = 64 << 20
	fmt.Printf("%-64s %31.1f MiB  < %d MiB%s\n", what+", peak memory", float64(r.peak)/(1<<20), aim>>20, missed(r.peak >= aim))
}

func missed(is bool) string {
	if is {
		return "  missed"
	}
	return ""
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
