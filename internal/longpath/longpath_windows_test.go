package longpath

import (
	"strings"
	"testing"
)

func TestLongPathsAreWrittenAsWindowsReadsThem(t *testing.T) {
	tail := strings.Repeat(`\folder`, 40)
	for path, want := range map[string]string{
		`C:\short`:                     `C:\short`,
		`C:` + tail:                    `\\?\C:` + tail,
		`C:` + tail + `/a\..\b`:        `\\?\C:` + tail + `\b`,
		`\\server\share` + tail:        `\\?\UNC\server\share` + tail,
		`\\?\C:` + tail:                `\\?\C:` + tail,
		strings.TrimPrefix(tail, `\`):  strings.TrimPrefix(tail, `\`),
		`\\?\UNC\server\share\` + tail: `\\?\UNC\server\share\` + tail,
	} {
		if got := Of(path); got != want {
			t.Errorf("%s is %s, not %s", path, got, want)
		}
	}
}
