package main

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

func TestWindowsShowsTheVersionInformation(t *testing.T) {
	file, err := os.Executable() // has what the program has
	if err != nil {
		t.Fatal(err)
	}
	size, err := windows.GetFileVersionInfoSize(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	info := make([]byte, size)
	if err := windows.GetFileVersionInfo(file, 0, size, unsafe.Pointer(&info[0])); err != nil {
		t.Fatal(err)
	}
	var name *uint16
	var length uint32
	if err := windows.VerQueryValue(unsafe.Pointer(&info[0]), `\StringFileInfo\040904b0\ProductName`, unsafe.Pointer(&name), &length); err != nil {
		t.Fatal(err)
	}
	if got := windows.UTF16PtrToString(name); got != "octo-tentacle" {
		t.Errorf("the product is %q", got)
	}
}
