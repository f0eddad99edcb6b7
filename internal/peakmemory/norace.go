//go:build !race

package peakmemory

// Tells says whether Peak tells what the program needs: the race detector takes several times as
// much.
const Tells = true
