package tentacleconfig

import (
	"os"
	"syscall"
	"time"
)

// TimesOf looks at the file at path. NTFS lets a file that takes another's place
// within seconds inherit its birth, so that a late birth is certain and an early
// one is not.
func TimesOf(path string) (FileTimes, error) {
	info, err := os.Stat(path)
	if err != nil {
		return FileTimes{}, err
	}
	times := FileTimes{Modified: info.ModTime()}
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		times.Born = time.Unix(0, data.CreationTime.Nanoseconds())
	}
	return times, nil
}
