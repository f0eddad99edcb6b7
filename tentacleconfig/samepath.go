package tentacleconfig

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// SamePath says whether two paths lead to the same file or folder. Where one does not exist, the
// paths themselves are compared, by the rules of this system: on Windows, case does not matter.
func SamePath(a, b string) bool { return lookUp(a).isAt(b) }

// location is where a path leads, for comparing it with many others.
type location struct {
	path string
	info os.FileInfo // nil where nothing is there
}

func lookUp(path string) location {
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	return location{path, info}
}

// isAt says whether another path leads to the same place.
func (l location) isAt(path string) bool {
	if l.info == nil {
		return samePathText(l.path, path, runtime.GOOS)
	}
	return l.is(lookUp(path))
}

func (l location) is(other location) bool {
	if l.info != nil && other.info != nil {
		return os.SameFile(l.info, other.info)
	}
	return samePathText(l.path, other.path, runtime.GOOS)
}

func samePathText(a, b, goos string) bool { return comparablePath(a, goos) == comparablePath(b, goos) }

// comparablePath is the same for all spellings of a path that samePathText takes for one.
func comparablePath(path, goos string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if goos == "windows" {
		return strings.ToLower(path)
	}
	return path
}
