package atomicfile

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// CheckPath refuses a path that on Windows means no file: what is written there would go to a
// device, or into a stream of another file.
func CheckPath(path string) error {
	if runtime.GOOS != "windows" {
		return nil
	}
	return checkWindowsPath(strings.HasPrefix(filepath.ToSlash(path), "//./"), path[len(filepath.VolumeName(path)):])
}

// checkWindowsPath is CheckPath for what follows the volume (C: or \\server\share).
func checkWindowsPath(ofDevices bool, path string) error {
	const choose = "give the path of a file"
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '\\' || r == '/' })
	switch {
	case ofDevices:
		return hint.New("it is the path of a device", choose)
	case slices.ContainsFunc(parts, IsDeviceName):
		return hint.New("Windows has a device of that name", choose)
	case strings.Contains(path, ":"):
		return hint.New("it has a colon, which Windows takes for a stream of a file", choose)
	}
	return nil
}

// IsDeviceName says whether Windows takes the name of a file or folder for a device, whatever its
// extension and in every folder ("Naming Files, Paths, and Namespaces").
func IsDeviceName(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, ":")
	name = strings.ToUpper(strings.TrimRight(name, " "))
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}, name) {
		return true
	}
	for _, device := range []string{"COM", "LPT"} {
		if number, is := strings.CutPrefix(name, device); is && slices.Contains([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"}, number) {
			return true
		}
	}
	return false
}
