package tentacleconfig

import (
	"os"
	"syscall"
	"time"
)

// TimesOf looks at the file at path. NTFS gives a file that replaces another one
// within seconds the creation time of that one ("tunneling"), so a file may be
// newer than its creation time says, but never older.
func TimesOf(path string) (FileTimes, error) {
	info, err := os.Stat(path)
	if err != nil {
		return FileTimes{}, err
	}
	times := FileTimes{Modified: info.ModTime()}
	if data, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		times.Created = time.Unix(0, data.CreationTime.Nanoseconds())
	}
	return times, nil
}
