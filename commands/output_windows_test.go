package commands

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

func TestTextIsEncodedAsTheCodePageHasIt(t *testing.T) {
	for _, test := range []struct {
		text string
		page uint32
		want string
	}{
		{"Büro", 850, "B\x81ro"},
		{"Büro", 437, "B\x81ro"},
		{"Büro", 1252, "B\xfcro"},
		{"Büro", 65001, "Büro"},
		{"Ж", 866, "\x86"},
		{"Ж", 850, "?"},
		{"İstanbul", 857, "\x98stanbul"},
		{"日本", 932, "\x93\xfa\x96{"},
		{"a＂b“", 850, "a?b?"}, // quotation marks that a best fit would make real ones
		{"🐙", 850, "??"},
		{"", 850, ""},
		{"Büro", 4711, "Büro"}, // no code page
	} {
		if got := string(encode(test.text, test.page)); got != test.want {
			t.Errorf("%q in code page %d is %q, want %q", test.text, test.page, got, test.want)
		}
	}
}

func TestAPipeIsInTheCodePageAndAFileInUTF8(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	page := outputCodePage()
	fmt.Fprint(forReaders(writer), "Büro")
	writer.Close()
	got, err := io.ReadAll(reader)
	if want := string(encode("Büro", page)); err != nil || string(got) != want {
		t.Errorf("a pipe got %q, %v, want %q of code page %d", got, err, want, page)
	}
	t.Logf("the code page is %d", page)

	file, err := os.Create(filepath.Join(t.TempDir(), "log.txt"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(forReaders(file), "Büro")
	file.Close()
	if got, err := os.ReadFile(file.Name()); err != nil || string(got) != "Büro" {
		t.Errorf("a file got %q, %v", got, err)
	}
	if !writesASCII(file) {
		t.Error("JSON in a file is not ASCII")
	}
}

func TestAReaderThatEndsEarlyIsNoErrorOnWindowsEither(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader.Close()
	c := newConsole(nil, writer, io.Discard)
	c.printf("an answer\n")
	if err := c.answered(nil); err != (verdictError{}) {
		t.Errorf("ended with %v", err)
	}
	if hasNoReader(windows.ERROR_DISK_FULL) {
		t.Error("a full disk is a reader that ended")
	}
}
