package tentacleconfig

import (
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/windows"
)

func TestAConfigurationThatEveryUserMayChangeIsSeen(t *testing.T) {
	path := writeConfig(t, oldConfig)
	folder := filepath.Dir(path)
	const closed, open = "D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)", "D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;OW)(A;;FA;;;WD)"
	everyone := []string{"S-1-1-0"}
	for _, c := range []struct {
		file, folder string
		want         []OpenPath
	}{
		{closed, closed, nil},
		{open, closed, []OpenPath{{path, false, everyone}}},
		{closed, open, []OpenPath{{folder, true, everyone}}},
		{open, open, []OpenPath{{path, false, everyone}, {folder, true, everyone}}},
	} {
		for at, list := range map[string]string{path: c.file, folder: c.folder} {
			sd, err := windows.SecurityDescriptorFromString(list)
			if err != nil {
				t.Fatal(err)
			}
			if err := setSecurity(at, sd, false); err != nil {
				t.Fatal(err)
			}
		}
		d, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b OpenPath) bool {
			return SamePath(a.Path, b.Path) && a.Folder == b.Folder && slices.Equal(a.Groups, b.Groups)
		}
		if got := d.Exposure().Open; !slices.EqualFunc(got, c.want, same) {
			t.Errorf("the file %s, its folder %s: %+v", security(t, path), security(t, folder), got)
		}
	}
}
