package service

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func TestAProgramForNETFrameworkHasACLRHeader(t *testing.T) {
	for _, test := range []struct {
		name string
		file []byte
		want bool
	}{
		{"64 bits, native, as .NET 8 starts", image(pe.OptionalHeader64{Magic: 0x20b, NumberOfRvaAndSizes: 16}), false},
		{"64 bits, .NET Framework", image(pe.OptionalHeader64{Magic: 0x20b, NumberOfRvaAndSizes: 16, DataDirectory: withCLRHeader()}), true},
		{"32 bits, native", image(pe.OptionalHeader32{Magic: 0x10b, NumberOfRvaAndSizes: 16}), false},
		{"32 bits, .NET Framework", image(pe.OptionalHeader32{Magic: 0x10b, NumberOfRvaAndSizes: 16, DataDirectory: withCLRHeader()}), true},
		{"a script", []byte("@echo off\r\n"), false},
		{"nothing", nil, false},
	} {
		file := filepath.Join(t.TempDir(), "Tentacle.exe")
		if err := os.WriteFile(file, test.file, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := IsForNETFramework(file); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	if IsForNETFramework(filepath.Join(t.TempDir(), "Tentacle.exe")) {
		t.Error("a program that is not there")
	}
}

func withCLRHeader() (directories [16]pe.DataDirectory) {
	directories[pe.IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR] = pe.DataDirectory{VirtualAddress: 0x2008, Size: 72}
	return directories
}

// image is the beginning of a program of Windows, without its content.
func image(optional any) []byte {
	stub := make([]byte, 0x80)
	copy(stub, "MZ")
	stub[0x3c] = byte(len(stub))
	file := bytes.NewBuffer(append(stub, "PE\x00\x00"...))
	_ = binary.Write(file, binary.LittleEndian, pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64, SizeOfOptionalHeader: uint16(binary.Size(optional))})
	_ = binary.Write(file, binary.LittleEndian, optional)
	return file.Bytes()
}
