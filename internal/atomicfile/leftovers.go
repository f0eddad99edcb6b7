package atomicfile

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Abandoned is the age at which a temporary file that was made without a lock is certainly no
// longer in use.
const Abandoned = time.Hour

const (
	tempIDSize = 8
	tempSuffix = ".tmp"
)

// Sidecar is the path of a file that this program keeps beside target: hidden, and not to be
// mistaken for one of Tentacle's.
func Sidecar(target, suffix string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".octo-tentacle."+suffix)
}

// RemoveLeftovers removes the temporary files beside target that processes left when they were
// killed, if they are older than age; with age 0, all.
func RemoveLeftovers(target string, age time.Duration) {
	for _, path := range Leftovers(target, age) {
		_ = os.Remove(path) // only tidiness depends on it
	}
}

// Leftovers lists the temporary files that RemoveLeftovers removes.
func Leftovers(target string, age time.Duration) (paths []string) {
	prefix := filepath.Base(Sidecar(target, ""))
	entries, _ := os.ReadDir(filepath.Dir(target)) // a folder that cannot be listed has none to remove
	for _, e := range entries {
		random, ok := strings.CutPrefix(e.Name(), prefix)
		random, isTemp := strings.CutSuffix(random, tempSuffix)
		id, err := hex.DecodeString(random)
		if !ok || !isTemp || err != nil || len(id) != tempIDSize || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); age == 0 || err == nil && time.Since(info.ModTime()) > age {
			paths = append(paths, filepath.Join(filepath.Dir(target), e.Name()))
		}
	}
	return paths
}
