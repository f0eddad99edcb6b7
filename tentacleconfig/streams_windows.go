package tentacleconfig

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/longpath"
	"golang.org/x/sys/windows"
)

// maxStream is more than what programs note about a file in a stream of it, in bytes.
const maxStream = 1 << 20

// keepStreams copies the streams that a file has besides its content, like the note of where a
// download came from. One that is large is refused.
func keepStreams(temp, oldPath string) error {
	names, err := streamsOf(oldPath)
	if err != nil {
		return fmt.Errorf("its streams cannot be listed: %w", err)
	}
	for _, name := range names {
		content, err := readStream(longpath.Of(oldPath) + name)
		if err == nil {
			err = os.WriteFile(longpath.Of(temp)+name, content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("its stream %s cannot be kept: %w", strings.TrimSuffix(name, ":$DATA"), atomicfile.WithoutPath(err))
		}
	}
	return nil
}

func streamsOf(path string) ([]string, error) {
	name, err := longpath.UTF16(path)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, shareAll, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(handle)
	for size := 1 << 12; ; size *= 4 {
		list := make([]byte, size)
		err := windows.GetFileInformationByHandleEx(handle, windows.FileStreamInfo, &list[0], uint32(size))
		switch {
		case err == nil:
			return streamsIn(list), nil
		case errors.Is(err, windows.ERROR_MORE_DATA) && size < maxStream:
		case errors.Is(err, windows.ERROR_MORE_DATA), errors.Is(err, windows.ERROR_ACCESS_DENIED):
			return nil, err
		default:
			return nil, nil // a disk without streams
		}
	}
}

func readStream(path string) ([]byte, error) {
	f, err := atomicfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxStream+1))
	if err == nil && len(content) > maxStream {
		return nil, hint.New("it is larger than 1 MiB", "if nobody needs it, remove it: Remove-Item -LiteralPath FILE -Stream NAME")
	}
	return content, err
}
