package tentacleconfig

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Instance is a Tentacle of this machine.
type Instance struct {
	Name       string // as the index spells it; "" for a file given by path that no index file names
	ConfigPath string // absolute
}

// MachineHome is the folder where Tentacle keeps what concerns the whole
// machine: that of the environment variable
// TentacleMachineConfigurationHomeDirectory, else /etc/octopus or, on Windows,
// %ProgramData%\Octopus (Configuration/Instances/ApplicationInstanceStore.cs).
func MachineHome() string {
	if home := os.Getenv("TentacleMachineConfigurationHomeDirectory"); strings.TrimSpace(home) != "" {
		return home
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(cmp.Or(os.Getenv("ProgramData"), `C:\ProgramData`), "Octopus")
	}
	return "/etc/octopus"
}

// Instances lists the Tentacles of this machine, sorted by name: those of the
// index files in MachineHome and, on Windows, those that only the older index
// in the registry has. Of each index file that cannot be read the error, which
// joins them, has an *IndexError; the list is then that of the others.
func Instances() ([]Instance, error) {
	files, damage := indexFiles()
	var list []Instance
	for _, f := range files {
		list = append(list, f.Instance)
	}
	older, err := registryInstances()
	if err != nil {
		return nil, err
	}
	for _, o := range older {
		if !slices.ContainsFunc(list, func(i Instance) bool { return i.Name == o.Name }) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b Instance) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return list, damage
}

// IndexError is an index file that cannot be read or understood, so that it is
// not known which instance it is of.
type IndexError struct {
	Path  string
	cause error
}

func (e *IndexError) Error() string { return e.cause.Error() }
func (e *IndexError) Unwrap() error { return e.cause }

// indexFile is one file of the index, and what it says.
type indexFile struct {
	path string
	Instance
}

func indexFiles() ([]indexFile, error) {
	folder := indexFolder()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the instances of Tentacle: %w", err)
	}
	var files []indexFile
	var damaged []error
	for _, e := range entries {
		if e.IsDir() || !strings.EqualFold(filepath.Ext(e.Name()), ".config") {
			continue
		}
		path := filepath.Join(folder, e.Name())
		instance, err := readIndexFile(path)
		if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
			continue
		}
		if err != nil {
			damaged = append(damaged, &IndexError{path, err})
			continue
		}
		files = append(files, indexFile{path, instance})
	}
	return files, errors.Join(damaged...)
}

// readIndexFile waits for Tentacle, as Read does: it writes these files in place,
// too.
func readIndexFile(path string) (Instance, error) {
	for tries := readTries; ; tries-- {
		data, err := readAll(path, openShared)
		if err != nil {
			return Instance{}, mayNot(fmt.Errorf("cannot read the index file of an instance: %w", err))
		}
		instance, err := parseIndexFile(path, data)
		if err == nil || tries == 0 || !justChanged(path) {
			return instance, err
		}
		time.Sleep(readPause)
	}
}

func justChanged(path string) bool {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) <= time.Second
}

func parseIndexFile(path string, data []byte) (Instance, error) {
	var entry struct{ Name, ConfigurationFilePath string }
	err := json.Unmarshal(bytes.TrimPrefix(data, []byte(bom)), &entry)
	if wrongType := new(json.UnmarshalTypeError); errors.As(err, &wrongType) || err == nil && (entry.Name == "" || entry.ConfigurationFilePath == "") {
		err = errors.New("it lacks Name or ConfigurationFilePath, as texts") // Go would tell its own types
	}
	if err != nil {
		return Instance{}, fmt.Errorf("the index file %s of an instance cannot be understood: %w\nrepair it, or remove it and run octo-tentacle create-instance for this instance again", path, err)
	}
	return instanceAt(entry.Name, entry.ConfigurationFilePath)
}

func instanceAt(name, config string) (Instance, error) {
	path, err := filepath.Abs(config)
	if err != nil {
		return Instance{}, fmt.Errorf("cannot tell where %s is: %w", config, err)
	}
	return Instance{Name: name, ConfigPath: path}, nil
}

// Find chooses the Tentacle that a command is about, in Tentacle's order: the
// file config, if given; else the instance of that name, ignoring case unless
// several differ in nothing else; else Tentacle.config in the working folder;
// else the instance named Tentacle; else the only one. Given both, the instance
// must have that file. The error says which instances there are.
func Find(instance, config string) (Instance, error) {
	i, err := FindRegistered(instance, config)
	if err != nil {
		return Instance{}, err
	}
	if _, err := os.Stat(i.ConfigPath); errors.Is(err, fs.ErrNotExist) {
		return Instance{}, fmt.Errorf("the configuration file %s of the instance %s does not exist: it was removed or moved\nrun octo-tentacle create-instance again, or octo-tentacle delete-instance if the instance is gone", i.ConfigPath, i.Name)
	}
	return i, nil
}

// FindRegistered chooses as Find does, but also an instance of the index whose
// configuration is gone.
func FindRegistered(instance, config string) (Instance, error) {
	switch {
	case config != "":
		return findFile(instance, config)
	case instance != "":
		return findName(instance)
	}
	if info, err := os.Stat("Tentacle.config"); err == nil && info.Mode().IsRegular() {
		return findFile("", "Tentacle.config")
	}
	return findDefault()
}

// findFile gives the file the name it has in the index, if it is there: its
// service is called by that name.
func findFile(instance, config string) (Instance, error) {
	found, err := instanceAt("", config)
	if err != nil {
		return Instance{}, err
	}
	info, err := os.Stat(found.ConfigPath)
	if err != nil {
		return Instance{}, readError(found.ConfigPath, err)
	}
	list, err := Instances()
	if err != nil && instance != "" {
		return Instance{}, err // without a name, a broken index does not matter
	}
	for _, i := range list {
		other, err := os.Stat(i.ConfigPath)
		if err == nil && os.SameFile(info, other) && (instance == "" || strings.EqualFold(instance, i.Name)) {
			found.Name = i.Name
			return found, nil
		}
	}
	if instance != "" {
		return Instance{}, fmt.Errorf("%s is not the configuration of an instance %q; give only one of --instance and --config\n%s", found.ConfigPath, instance, available(list))
	}
	return found, nil
}

func findName(name string) (Instance, error) {
	list, err := Instances()
	if err != nil {
		return Instance{}, err
	}
	var found []Instance
	for _, i := range list {
		if strings.EqualFold(i.Name, name) {
			found = append(found, i)
		}
	}
	if exact := slices.IndexFunc(found, func(i Instance) bool { return i.Name == name }); exact >= 0 {
		return found[exact], nil
	}
	switch len(found) {
	case 0:
		return Instance{}, fmt.Errorf("there is no instance %q of Tentacle on this machine\n%s", name, available(list))
	case 1:
		return found[0], nil
	}
	return Instance{}, fmt.Errorf("several instances are called %q but for upper and lower case: give --instance exactly\n%s", name, available(list))
}

func findDefault() (Instance, error) {
	list, err := Instances()
	if err != nil {
		return Instance{}, err
	}
	if i := slices.IndexFunc(list, func(i Instance) bool { return i.Name == DefaultInstance }); i >= 0 {
		return list[i], nil
	}
	switch len(list) {
	case 0:
		return Instance{}, fmt.Errorf("there is no instance of Tentacle on this machine (looked in %s)\ninstall Tentacle and run octo-tentacle create-instance first, or say with --config FILE where its Tentacle.config is", indexFolder())
	case 1:
		return list[0], nil
	}
	return Instance{}, fmt.Errorf("there are several instances of Tentacle on this machine: say which one with --instance NAME\n%s", available(list))
}

func available(list []Instance) string {
	if len(list) == 0 {
		return "there are no instances on this machine"
	}
	names := make([]string, len(list))
	for n, i := range list {
		names[n] = i.Name
	}
	return "instances: " + strings.Join(names, ", ")
}
