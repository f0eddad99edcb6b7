package commands

import (
	"errors"
	"io"
	"os"
	"sync"
	"unicode/utf16"
	"unsafe"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/windows"
)

// forReaders is how text for people is written to a stream that is no console: in the code page of
// the console into a pipe, else as UTF-8.
func forReaders(f *os.File) io.Writer {
	kind, err := windows.GetFileType(windows.Handle(f.Fd()))
	if err != nil || kind != windows.FILE_TYPE_PIPE {
		return f
	}
	return codePageWriter{f, sync.OnceValue(func() func(string) []byte {
		if isatty.IsCygwinTerminal(f.Fd()) { // a pipe to a terminal that expects UTF-8
			return func(text string) []byte { return []byte(text) }
		}
		page := outputCodePage()
		return func(text string) []byte { return encode(text, page) }
	})}
}

// writesASCII says whether JSON is written to a stream in ASCII.
func writesASCII(stream io.Writer) bool {
	_, isFile := stream.(*os.File)
	return isFile && !isTerminal(stream)
}

// hasNoReader says whether writing failed since nobody reads any more.
func hasNoReader(err error) bool {
	return errors.Is(err, windows.ERROR_NO_DATA) || errors.Is(err, windows.ERROR_BROKEN_PIPE)
}

var (
	kernel32            = windows.NewLazySystemDLL("kernel32.dll")
	getOEMCP            = kernel32.NewProc("GetOEMCP")
	wideCharToMultiByte = kernel32.NewProc("WideCharToMultiByte")
)

// outputCodePage is the code page of the console, or that of consoles where there is none, as in a
// service.
func outputCodePage() uint32 {
	if page, err := windows.GetConsoleOutputCP(); err == nil && page != 0 {
		return page
	}
	page, _, _ := getOEMCP.Call()
	return uint32(page)
}

// Code pages and flags of WideCharToMultiByte.
const (
	codePageUTF8 = 65001
	noBestFit    = 0x400 // WC_NO_BEST_FIT_CHARS
)

// encode is a text in a code page. What that lacks is a question mark, or what takes its place
// there. A text stays UTF-8 where Windows does not know the code page.
func encode(text string, page uint32) []byte {
	wide := utf16.Encode([]rune(text))
	if page == codePageUTF8 || len(wide) == 0 {
		return []byte(text)
	}
	convert := func(flags uintptr, to []byte) int {
		n, _, _ := wideCharToMultiByte.Call(uintptr(page), flags, uintptr(unsafe.Pointer(unsafe.SliceData(wide))), uintptr(len(wide)),
			uintptr(unsafe.Pointer(unsafe.SliceData(to))), uintptr(len(to)), 0, 0)
		return int(n)
	}
	for _, flags := range []uintptr{noBestFit, 0} { // some code pages, like 54936, take no flags: they lack nothing
		if size := convert(flags, nil); size > 0 {
			encoded := make([]byte, size)
			return encoded[:convert(flags, encoded)]
		}
	}
	return []byte(text)
}
