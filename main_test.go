package main

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestWindowsIsToldWhatTheProgramIsAndHowToRunIt(t *testing.T) {
	for arch, machine := range map[string]uint16{
		"amd64": pe.IMAGE_FILE_MACHINE_AMD64,
		"arm64": pe.IMAGE_FILE_MACHINE_ARM64,
		"386":   pe.IMAGE_FILE_MACHINE_I386,
	} {
		object, err := pe.Open("version_windows_" + arch + ".syso")
		if err != nil {
			t.Fatal(err)
		}
		defer object.Close()
		if object.Machine != machine || object.Section(".rsrc") == nil {
			t.Fatalf("%s: made for the machine %#x, with %d sections", arch, object.Machine, len(object.Sections))
		}
		content, err := object.Section(".rsrc").Data()
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		for _, part := range []string{
			`<requestedExecutionLevel level="asInvoker" uiAccess="false"/>`,
			`<longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>`,
			`<supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>`, // Windows 10, Server 2016 and later
		} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: the manifest lacks %s", arch, part)
			}
		}
		if strings.Contains(text, "activeCodePage") {
			t.Errorf("%s: a code page of its own changes what programs that it starts read and write", arch)
		}
		for name, value := range map[string]string{"ProductName": "octo-tentacle", "OriginalFilename": "octo-tentacle.exe", "FileVersion": "0.0.0-dev"} {
			if _, rest, _ := bytes.Cut(content, wide(name)); !bytes.HasPrefix(bytes.TrimLeft(rest, "\x00"), bytes.TrimRight(wide(value), "\x00")) {
				t.Errorf("%s: the version information has no %s %s", arch, name, value)
			}
		}
	}
}

// wide is a text as Windows has it, in UTF-16 with a zero at its end.
func wide(text string) (encoded []byte) {
	for _, unit := range utf16.Encode([]rune(text + "\x00")) {
		encoded = binary.LittleEndian.AppendUint16(encoded, unit)
	}
	return encoded
}
