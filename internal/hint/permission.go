package hint

import (
	"errors"
	"io/fs"
)

// Permission adds a hint to a permission error (fs.ErrPermission): which user to run this as. Other
// errors stay what they are.
func Permission(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return With(err, "run this as root (on Windows: as Administrator)")
}
