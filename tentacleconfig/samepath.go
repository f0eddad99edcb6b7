package tentacleconfig

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// SamePath says whether two paths lead to the same file or folder. Where one does not exist, the
// paths themselves are compared, by the rules of this system: on Windows, case does not matter.
func SamePath(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	if err1 == nil && err2 == nil {
		return os.SameFile(first, second)
	}
	return samePathText(a, b, runtime.GOOS)
}

func samePathText(a, b, goos string) bool {
	if absolute, err := filepath.Abs(a); err == nil {
		a = absolute
	}
	if absolute, err := filepath.Abs(b); err == nil {
		b = absolute
	}
	return a == b || goos == "windows" && strings.EqualFold(a, b)
}
