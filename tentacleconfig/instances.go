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

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/boundedread"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// MachineHome is the folder where Tentacle keeps what concerns the whole
// host: that of the environment variable
// TentacleMachineConfigurationHomeDirectory, else /etc/octopus or, on Windows,
// Octopus in the known folder ProgramData
// (Configuration/Instances/ApplicationInstanceStore.cs).
func MachineHome() string {
	if home := os.Getenv("TentacleMachineConfigurationHomeDirectory"); strings.TrimSpace(home) != "" {
		return home
	}
	return usualMachineHome()
}

// IndexFolder is the folder with an index file for each Tentacle on this machine.
func IndexFolder() string { return filepath.Join(MachineHome(), "Tentacle", "Instances") }

// Instances lists the Tentacles on this machine, sorted by name: those of the index files in
// MachineHome and, on Windows, those that only the older index in the registry has. Of each index
// file that cannot be read the error, which joins them, has an *IndexError; the list is then that
// of the others.
func Instances() ([]Instance, error) {
	files, damage := indexFiles()
	var list []Instance
	for _, f := range files {
		list = append(list, f.Instance)
	}
	older, _, err := registryIndex()
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

// SkippedError is an entry of the older index, in the registry of Windows, that names no
// configuration: its instance is not listed.
type SkippedError struct {
	Name string // of the instance
	Key  string // in the registry, like HKLM\Software\Octopus\Tentacle\web
	Err  error
}

func (e *SkippedError) Error() string {
	return fmt.Sprintf("the instance %s in %s was skipped: %v", e.Name, e.Key, e.Err)
}

func (e *SkippedError) Unwrap() error { return e.Err }

// Skipped are the entries of the older index that Instances leaves out because they cannot be read
// or understood.
func Skipped() []*SkippedError {
	_, skipped, _ := registryIndex() // that it cannot be read at all, Instances says
	return skipped
}

// skippedNamed is why there is no instance of that name, if it was skipped.
func skippedNamed(name string) error {
	for _, s := range Skipped() {
		if strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// IndexError is an index file that cannot be read or understood, so that it is not known which
// instance it is of.
type IndexError struct {
	Path string
	Err  error // Damaged: what is wrong with its content; else why it cannot be read

	// Damaged: it can be read, but not understood.
	Damaged bool
}

func (e *IndexError) Error() string {
	if e.Damaged {
		return fmt.Sprintf("the instance's index file %s is damaged: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("cannot read the instance's index file %s: %v", e.Path, e.Err)
}

func (e *IndexError) Unwrap() error { return e.Err }

// indexFile is one file of the index, and what it says.
type indexFile struct {
	path string
	Instance
}

func indexFiles() ([]indexFile, error) {
	folder := IndexFolder()
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
		if _, gone := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && errors.Is(gone, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		files = append(files, indexFile{path, instance})
	}
	return files, errors.Join(damaged...)
}

// maxIndexFile is far above two names, in bytes.
const maxIndexFile = 1 << 20

// readIndexFile waits for Tentacle, as Read does: it writes these files in place, too. The error is
// an *IndexError.
func readIndexFile(path string) (Instance, error) {
	for tries := readTries; ; tries-- {
		data, err := boundedread.File(path, maxIndexFile, atomicfile.Open)
		if large := new(boundedread.TooLargeError); errors.Is(err, boundedread.ErrNotFile) || errors.As(err, &large) {
			return Instance{}, &IndexError{Path: path, Err: err, Damaged: true}
		}
		if to, notLink := os.Readlink(path); notLink == nil && errors.Is(err, fs.ErrNotExist) {
			return Instance{}, &IndexError{Path: path, Err: &danglingError{to}, Damaged: true}
		}
		if err != nil {
			return Instance{}, &IndexError{Path: path, Err: hint.Permission(atomicfile.WithoutPath(err))}
		}
		instance, err := parseIndexFile(data)
		if err == nil {
			return instance, nil
		}
		if tries == 0 || !justChanged(path) {
			return Instance{}, &IndexError{Path: path, Err: err, Damaged: true}
		}
		time.Sleep(readPause)
	}
}

func justChanged(path string) bool {
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) <= time.Second
}

func parseIndexFile(data []byte) (Instance, error) {
	switch {
	case len(data) == 0:
		return Instance{}, errors.New("it is empty")
	case zeroedFrom(data) >= 0:
		return Instance{}, errors.New("it contains zero bytes, as after a crash of the machine")
	}
	var entry struct{ Name, ConfigurationFilePath string }
	err := json.Unmarshal(bytes.TrimPrefix(data, []byte(bom)), &entry)
	if wrongType := new(json.UnmarshalTypeError); errors.As(err, &wrongType) || err == nil && (entry.Name == "" || entry.ConfigurationFilePath == "") {
		err = errors.New("its Name or ConfigurationFilePath is missing or not a string") // Go would name its own types
	}
	if err != nil {
		return Instance{}, err
	}
	return instanceAt(entry.Name, entry.ConfigurationFilePath)
}

func instanceAt(name, config string) (Instance, error) {
	path, err := filepath.Abs(config)
	if err != nil {
		return Instance{}, fmt.Errorf("cannot find the full path of %s: %w", config, err)
	}
	return Instance{Name: name, ConfigPath: path}, nil
}

// SharingFile are the other instances in a list that have the same configuration file, under
// whatever path.
func (i Instance) SharingFile(list []Instance) (sharing []Instance) {
	at := lookUp(i.ConfigPath)
	for _, other := range list {
		if other.Name != i.Name && at.isAt(other.ConfigPath) {
			sharing = append(sharing, other)
		}
	}
	return sharing
}

// SharedFiles groups the instances of a list that have the same configuration file, under whatever
// path: each group has several. Every path is looked up once.
func SharedFiles(list []Instance) (shared [][]Instance) {
	type file struct {
		location
		instances []Instance
	}
	alike := map[string][]*file{} // by what is the same of one file, whatever its name
	var files []*file
	for _, i := range list {
		at := lookUp(i.ConfigPath)
		key := comparablePath(at.path, runtime.GOOS)
		if at.info != nil {
			key = fmt.Sprint(at.info.Size(), at.info.ModTime().UnixNano())
		}
		found := slices.IndexFunc(alike[key], func(f *file) bool { return f.is(at) })
		if found < 0 {
			found = len(alike[key])
			files = append(files, &file{location: at})
			alike[key] = append(alike[key], files[len(files)-1])
		}
		f := alike[key][found]
		f.instances = append(f.instances, i)
	}
	for _, f := range files {
		if len(f.instances) > 1 {
			shared = append(shared, f.instances)
		}
	}
	return shared
}

// Find chooses the Tentacle that a command is about, in Tentacle's order: the
// file config, if given; else the instance of that name, ignoring case unless
// several differ in nothing else; else Tentacle.config in the working folder;
// else the instance named Tentacle; else the only one. Given both, the instance
// must have that file. Otherwise the error is an *InstanceError.
func Find(instance, config string) (Instance, error) {
	i, err := FindRegistered(instance, config)
	if err != nil {
		return Instance{}, err
	}
	if _, err := os.Stat(i.ConfigPath); errors.Is(err, fs.ErrNotExist) {
		return Instance{}, &InstanceError{Problem: ConfigurationMissing, Name: i.Name, Config: i.ConfigPath}
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
	if err := atomicfile.CheckPath(found.ConfigPath); err != nil {
		return Instance{}, readError(found.ConfigPath, err)
	}
	info, err := os.Stat(found.ConfigPath)
	if err != nil {
		return Instance{}, readError(found.ConfigPath, err)
	}
	list, damage := Instances()
	for _, i := range list {
		other, err := os.Stat(i.ConfigPath)
		if err == nil && os.SameFile(info, other) && (instance == "" || strings.EqualFold(instance, i.Name)) {
			found.Name = i.Name
			return found, nil
		}
	}
	switch {
	case instance == "": // it needs no index
		return found, nil
	case damage != nil: // which may be its
		return Instance{}, damage
	}
	return Instance{}, &InstanceError{NotItsConfiguration, instance, found.ConfigPath, list}
}

// findName does not mind that index files of other instances are damaged.
func findName(name string) (Instance, error) {
	list, damage := Instances()
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
		if damage != nil {
			return Instance{}, indexErrorOf(name, damage)
		}
		if skipped := skippedNamed(name); skipped != nil {
			return Instance{}, skipped
		}
		return Instance{}, &InstanceError{Problem: UnknownInstance, Name: name, Instances: list}
	case 1:
		return found[0], nil
	}
	return Instance{}, &InstanceError{Problem: AmbiguousInstance, Name: name, Instances: list}
}

// indexErrorOf is the error of the index file that an instance of that name would have; where that
// one is sound or missing, the whole damage, since files can have other names.
func indexErrorOf(name string, damage error) error {
	if _, err := readIndexFile(IndexFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return damage
}

// findDefault chooses the only instance only if it is certain that there is no other one.
func findDefault() (Instance, error) {
	list, damage := Instances()
	if i := slices.IndexFunc(list, func(i Instance) bool { return i.Name == DefaultInstance }); i >= 0 {
		return list[i], nil
	}
	if damage != nil {
		return Instance{}, damage
	}
	switch len(list) {
	case 0:
		return Instance{}, &InstanceError{Problem: NoInstance, Config: IndexFolder()}
	case 1:
		return list[0], nil
	}
	return Instance{}, &InstanceError{Problem: SeveralInstances, Instances: list}
}
