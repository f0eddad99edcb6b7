package tentacleconfig

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Encrypt protects a secret for the configuration file as Tentacle does: DPAPI
// for the machine, base64 (Configuration/WindowsMachineKeyEncryptor.cs).
func (MachineSecrets) Encrypt(plain []byte) (string, error) {
	data, err := dpapi(plain, func(in, out *windows.DataBlob) error {
		return windows.CryptProtectData(in, nil, nil, 0, nil, windows.CRYPTPROTECT_LOCAL_MACHINE|windows.CRYPTPROTECT_UI_FORBIDDEN, out)
	})
	if err != nil {
		return "", fmt.Errorf("cannot encrypt a secret with Windows: %w", err)
	}
	return base64.StdEncoding.EncodeToString(data), nil
}

// Decrypt reads a secret of a configuration file; which one makes no difference.
func (MachineSecrets) Decrypt(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(data) == 0 {
		return nil, errNotEncrypted
	}
	plain, err := dpapi(data, func(in, out *windows.DataBlob) error {
		return windows.CryptUnprotectData(in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, out)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot decrypt it with Windows (does it come from another machine?): %w", err)
	}
	return plain, nil
}

func dpapi(data []byte, call func(in, out *windows.DataBlob) error) ([]byte, error) {
	in := windows.DataBlob{Size: uint32(len(data)), Data: unsafe.SliceData(data)}
	var out windows.DataBlob
	err := call(&in, &out)
	runtime.KeepAlive(data)
	if err != nil {
		return nil, err
	}
	defer windows.LocalFree(windows.Handle(unsafe.Pointer(out.Data)))
	return slices.Clone(unsafe.Slice(out.Data, out.Size)), nil
}
