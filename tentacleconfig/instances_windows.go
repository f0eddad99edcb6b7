package tentacleconfig

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// olderIndex is where the index is that Tentacle had before there were index files.
const olderIndex = `Software\Octopus\Tentacle`

// usualMachineHome asks Windows, as .NET does, and not the environment, which anybody may change.
func usualMachineHome() string {
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, windows.KF_FLAG_DEFAULT)
	if err != nil {
		data = cmp.Or(os.Getenv("ProgramData"), `C:\ProgramData`)
	}
	return filepath.Join(data, "Octopus")
}

// registryIndex lists the instances of the older index, in the 64-bit view of the registry
// (Configuration/Instances/WindowsRegistryApplicationInstanceStore.cs), and those whose entry names
// no configuration.
func registryIndex() (list []Instance, skipped []*SkippedError, err error) {
	const access = registry.READ | registry.WOW64_64KEY
	index, err := registry.OpenKey(registry.LOCAL_MACHINE, olderIndex, access)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf(`cannot read the instances of Tentacle in HKLM\%s: %w`, olderIndex, err)
	}
	defer index.Close()
	names, err := index.ReadSubKeyNames(-1)
	if err != nil {
		return nil, nil, fmt.Errorf(`cannot list the instances of Tentacle in HKLM\%s: %w`, olderIndex, err)
	}
	for _, name := range names {
		config, err := configurationOf(index, name, access)
		var instance Instance
		if err == nil && config != "" {
			instance, err = instanceAt(name, config)
		}
		switch {
		case err != nil:
			skipped = append(skipped, &SkippedError{Name: name, Key: `HKLM\` + olderIndex + `\` + name, Err: err})
		case config != "": // the same key holds other things of Tentacle's as well
			list = append(list, instance)
		}
	}
	return list, skipped, nil
}

// configurationOf is the path in an entry of the older index; "" where there is none. As for .NET,
// names of variables in a value of the type for that (REG_EXPAND_SZ) stand for what these say.
func configurationOf(index registry.Key, name string, access uint32) (string, error) {
	const value = "ConfigurationFilePath"
	key, err := registry.OpenKey(index, name, access)
	if err != nil {
		return "", err
	}
	defer key.Close()
	config, kind, err := key.GetStringValue(value)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, registry.ErrUnexpectedType):
		return "", fmt.Errorf("its %s is not a string", value)
	case err == nil && kind == registry.EXPAND_SZ:
		return registry.ExpandString(config)
	}
	return config, err
}

// Migrate puts an instance that only the older index has into the index, as
// Tentacle does with one that it uses (MigrateInstance in
// Configuration/Instances/ApplicationInstanceStore.cs). The older entry stays.
func Migrate(i Instance) error {
	if i.Name == "" {
		return nil
	}
	if _, err := os.Stat(IndexFile(i.Name)); err == nil {
		return nil
	}
	older, _, err := registryIndex()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(older, func(o Instance) bool { return strings.EqualFold(o.Name, i.Name) })
	if at < 0 {
		return nil
	}
	_, err = Register(older[at]) // not by the path that was typed, perhaps in another spelling
	return err
}

// unregisterOlder removes an instance from the index in the registry, in which
// names ignore case. Where it has none of that name, it is not opened to be
// written, which takes an Administrator.
func unregisterOlder(name string) error {
	older, _, err := registryIndex()
	if err != nil || !slices.ContainsFunc(older, func(o Instance) bool { return strings.EqualFold(o.Name, name) }) {
		return err
	}
	index, err := registry.OpenKey(registry.LOCAL_MACHINE, olderIndex, registry.READ|registry.WOW64_64KEY)
	if err == nil {
		defer index.Close()
		err = deleteKey(index, name)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hint.Permission(fmt.Errorf(`cannot remove the instance %s from HKLM\%s: %w`, name, olderIndex, err))
	}
	return nil
}

var regDeleteKeyEx = windows.NewLazySystemDLL("advapi32.dll").NewProc("RegDeleteKeyExW")

// deleteKey is registry.DeleteKey for the 64-bit view, which a 32-bit process
// has to ask for once more.
func deleteKey(parent registry.Key, name string) error {
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	if code, _, _ := regDeleteKeyEx.Call(uintptr(parent), uintptr(unsafe.Pointer(text)), registry.WOW64_64KEY, 0); code != 0 {
		return syscall.Errno(code)
	}
	return nil
}

// RegistryCertificate is the certificate of an Octopus Tentacle 1.x, base64 of a
// PFX without a password, as import-certificate --from-registry of Tentacle
// finds it (Commands/ImportCertificateCommand.cs).
func RegistryCertificate() (string, error) {
	const path, value = `Software\Octopus`, "Cert-cn=Octopus Tentacle"
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.READ|registry.WOW64_64KEY)
	if err != nil {
		return "", fmt.Errorf(`no certificate of an Octopus Tentacle 1.x in HKLM\%s: %w`, path, err)
	}
	defer key.Close()
	text, _, err := key.GetStringValue(value)
	if err != nil {
		return "", fmt.Errorf(`no certificate of an Octopus Tentacle 1.x in HKLM\%s, value %q: %w`, path, value, err)
	}
	return text, nil
}
