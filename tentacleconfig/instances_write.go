package tentacleconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/internal/plainjson"
)

// IndexFile is the index file of an instance with that name
// (InstanceFileName in Configuration/Instances/ApplicationInstanceStore.cs).
func IndexFile(name string) string {
	return filepath.Join(IndexFolder(), strings.ToLower(strings.ReplaceAll(name, " ", "-"))+".config")
}

// IndexFiles are the index files that an instance, called exactly so, has now, whatever they are
// called. There may be none, if only the older index has it, or several.
func IndexFiles(name string) (paths []string) {
	files, _ := indexFiles() // those that cannot be read are not known to be its
	for _, f := range files {
		if f.Name == name {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// CheckPath refuses a path that a configuration or an index file cannot hold: another one would be
// read from there.
func CheckPath(path string) error {
	switch {
	case !utf8.ValidString(path):
		return fmt.Errorf("the path %q is not UTF-8, so neither a configuration nor the index can hold it", path)
	case replaceInvalid(path) != path:
		return fmt.Errorf("the path %q has a character that XML cannot hold", path)
	}
	return nil
}

// CheckInstanceName refuses a name that would make no index file, or one in another folder.
func CheckInstanceName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return fmt.Errorf("the instance name %q is not UTF-8", name)
	case strings.TrimSpace(name) == "":
		return errors.New("the instance name is empty")
	case name != strings.TrimSpace(name):
		return fmt.Errorf("the instance name %q begins or ends with a space", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q is not a valid instance name: it must not contain control characters", name)
	case strings.ContainsAny(name, `/\:*?"<>|`) || strings.Trim(name, ".") == "":
		return fmt.Errorf(`%q is not a valid instance name: it must not contain / \ : * ? " < > |`, name)
	case runtime.GOOS == "windows" && atomicfile.IsDeviceName(name):
		return fmt.Errorf("%q is not a valid instance name: Windows has a device of that name", name)
	}
	return nil
}

// Registered is the instance that an index file for that name has now; its Name
// is "" when there is no such file. Names that differ in case only share a file,
// and the one that was first stays; names that differ otherwise can share one
// too ("My Box" and "my-box"), which is refused.
func Registered(name string) (Instance, error) {
	path := IndexFile(name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Instance{}, nil
	}
	now, err := readIndexFile(path)
	if err != nil {
		return Instance{}, err
	}
	if !strings.EqualFold(now.Name, name) {
		return Instance{}, hint.Errorf("choose another name", "the index file %s of the instance %q is already in use by the instance %q", path, name, now.Name)
	}
	return now, nil
}

// Register writes the index file of an instance, whose ConfigPath is absolute,
// unless it leads to that file already. One that was there keeps its name, its
// owner and who may use it, and gets the new configuration.
func Register(i Instance) (changed bool, err error) {
	now, err := Registered(i.Name)
	if err != nil {
		return false, err
	}
	if now.Name != "" {
		i.Name = now.Name
	}
	if now.Name != "" && SamePath(now.ConfigPath, i.ConfigPath) {
		return false, nil
	}
	content, err := indexEntry(i)
	if err != nil {
		return false, err
	}
	path := IndexFile(i.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, hint.Permission(fmt.Errorf("cannot create the folder of the index file %s: %w", path, err))
	}
	// In the folder above, because Tentacle takes every file in that of the index for an instance,
	// and does not start if it cannot read one.
	atomicfile.RemoveLeftovers(IndexFolder(), atomicfile.Abandoned)
	temp, err := atomicfile.WriteTemp(IndexFolder(), content, 0o644, func(f *os.File) error {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			return keepMetadata(f, path, info)
		}
		return nil
	})
	if err == nil {
		err = atomicfile.MoveTemp(context.Background(), temp, path)
	}
	if err != nil {
		return false, hint.Permission(fmt.Errorf("cannot add the instance %s to the index: cannot write %s: %w", i.Name, path, err))
	}
	if now.Name == "" {
		err = inheritFromFolder(path)
	}
	return true, errors.Join(err, atomicfile.Flushed(IndexFolder(), path+" is written"))
}

// indexEntry is the content of an index file, without a line end at its end.
func indexEntry(i Instance) ([]byte, error) {
	return plainjson.Marshal(struct{ Name, ConfigurationFilePath string }{i.Name, i.ConfigPath}, "  ")
}

// Unregister removes an instance, called exactly so, from the index: its index
// file, and on Windows what the older index in the registry has. The
// configuration stays. That there was none is no error.
func Unregister(name string) error {
	if err := unregisterOlder(name); err != nil {
		return err
	}
	files, damage := indexFiles()
	if _, others := errors.AsType[*IndexError](damage); damage != nil && !others {
		return damage // they cannot be listed at all
	}
	for _, f := range files { // what is wrong with those of others does not matter
		if f.Name != name {
			continue
		}
		if err := atomicfile.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return hint.Permission(fmt.Errorf("cannot remove the instance %s from the index: %w", name, err))
		}
	}
	if err := atomicfile.Flushed(IndexFolder(), "the instance "+name+" is deleted"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Create makes a new configuration file with these settings, as Tentacle leaves
// one: with a byte order mark, the settings sorted. It is readable by its owner
// alone; on Windows its folder decides, since the services there often have accounts of their own.
// The folder is made too. An existing file stays as it is, and the error is fs.ErrExist.
func Create(path string, settings ...Setting) error {
	return CreateEdited(path, func(d *Document) error {
		for _, s := range settings {
			d.Set(s.Key, s.Value)
		}
		return nil
	})
}

// CreateEdited is Create for what edit makes of a document without settings. Its
// error is returned as it is, and there is no file then.
func CreateEdited(path string, edit func(*Document) error) error {
	d, err := New(path)
	if err == nil {
		err = edit(d)
	}
	if err != nil {
		return err
	}
	return atomicfile.Create(path, d.Bytes())
}

// CheckCreatable says why CreateEdited would fail for one of the paths, or Register for an index
// file, as far as that can be known without changing anything: the nearest folder that there is
// takes no new file.
func CheckCreatable(paths ...string) error {
	for _, path := range paths {
		if err := takesNewFile(filepath.Dir(path)); err != nil {
			return fmt.Errorf("cannot create %s: %w", path, err)
		}
	}
	return nil
}

func takesNewFile(folder string) error {
	info, err := os.Stat(folder)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(folder) != folder {
		folder = filepath.Dir(folder)
		info, err = os.Stat(folder)
	}
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", folder)
	}
	return checkPermission(folder)
}

// New is the document of a configuration with these settings that no file has
// yet, in the form that Tentacle writes (Configuration/XmlKeyValueStore.cs).
func New(path string, settings ...Setting) (*Document, error) {
	const head = bom + `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
		`<` + rootName + ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">` + "\n" +
		`</` + rootName + `>`
	d, err := Parse(path, []byte(head))
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		d.Set(s.Key, s.Value)
	}
	return d, nil
}
