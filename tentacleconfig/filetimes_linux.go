package tentacleconfig

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// TimesOf looks at the file at path.
func TimesOf(path string) (FileTimes, error) {
	var stat unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MTIME|unix.STATX_BTIME, &stat); err != nil {
		return FileTimes{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	times := FileTimes{Modified: time.Unix(stat.Mtime.Sec, int64(stat.Mtime.Nsec))}
	if stat.Mask&unix.STATX_BTIME != 0 {
		times.Created = time.Unix(stat.Btime.Sec, int64(stat.Btime.Nsec))
	}
	return times, nil
}
