package tentacleconfig

import (
	"path/filepath"

	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// Exposure finds out whether every user of this machine can change the configuration, or make files
// beside it. A folder that is made in C:\ lets them, unless somebody sees to it. Who can read the
// secrets is not looked at: every user can use the key, and on most machines reads the file.
func (d *Document) Exposure() (e Exposure) {
	if _, isFile := d.body.(*xmlText); !isFile {
		return e
	}
	target, err := filepath.EvalSymlinks(d.path)
	if err != nil {
		target = d.path
	}
	for _, at := range []OpenPath{{Path: target}, {Path: filepath.Dir(target), Folder: true}} {
		list, err := windows.GetNamedSecurityInfo(longpath.Of(at.Path), windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			continue // who may not see the list does not know
		}
		if at.Groups = openTo(list.String()); len(at.Groups) > 0 {
			e.Open = append(e.Open, at)
		}
	}
	return e
}
