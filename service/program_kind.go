package service

import "debug/pe"

// IsForNETFramework says whether a program of Windows is one for .NET Framework, which has a CLR
// header (ECMA-335, II.25.3.3). A program for later versions of .NET starts as any other, and has
// none. It is false for what is no program of Windows.
func IsForNETFramework(program string) bool {
	image, err := pe.Open(program)
	if err != nil {
		return false
	}
	defer image.Close()
	const clrHeader = pe.IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR
	switch header := image.OptionalHeader.(type) {
	case *pe.OptionalHeader64:
		return header.DataDirectory[clrHeader].VirtualAddress != 0
	case *pe.OptionalHeader32:
		return header.DataDirectory[clrHeader].VirtualAddress != 0
	}
	return false
}
