package tentacleconfig

import "fmt"

// ReadOnlyError is a file or folder that is protected against changes, and so is left as it is,
// even by root.
type ReadOnlyError struct {
	Path string
	// Immutable: Linux's attributes i or a (chattr) are set. Otherwise its mode gives nobody write
	// permission or, on Windows, its read-only attribute is set.
	Immutable bool

	how string
}

func (e *ReadOnlyError) Error() string { return fmt.Sprintf("%s is read-only (%s)", e.Path, e.how) }
