package atomicfile

import (
	"context"
	"os"
)

// Open is OpenContext without an end to a wait but its own.
func Open(path string) (*os.File, error) { return OpenContext(context.Background(), path) }

// OpenNoFollow is OpenNoFollowContext without an end to a wait but its own.
func OpenNoFollow(path string) (*os.File, error) {
	return OpenNoFollowContext(context.Background(), path)
}
