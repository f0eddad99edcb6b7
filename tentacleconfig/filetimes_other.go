//go:build !linux && !windows

package tentacleconfig

import "os"

// TimesOf looks at the file at path; when it was born is not told here.
func TimesOf(path string) (FileTimes, error) {
	info, err := os.Stat(path)
	if err != nil {
		return FileTimes{}, err
	}
	return FileTimes{Modified: info.ModTime()}, nil
}
