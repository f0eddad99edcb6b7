// Command moduleproxy makes a folder in which Go finds the last commit of this repository as a
// version of its module, as in a proxy for modules (https://go.dev/ref/mod#goproxy-protocol):
//
//	go run ./deploy/release/moduleproxy v1.2.3 FOLDER
//
// What Go would refuse in a module is refused here, too: names that are no file names on each
// system, or equal but for case, and too much of it.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "go run ./deploy/release/moduleproxy v1.2.3 FOLDER")
		os.Exit(2)
	}
	if err := publish(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "moduleproxy:", err)
		os.Exit(1)
	}
}

// publish runs in the project's folder.
func publish(version, folder string) error {
	requirements, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	path := modfile.ModulePath(requirements)
	if err := module.Check(path, version); err != nil {
		return err
	}
	versions := filepath.Join(folder, path, "@v") // no letter of our path is a capital, which would be escaped
	if err := os.MkdirAll(versions, 0o755); err != nil {
		return err
	}
	archive, err := os.Create(filepath.Join(versions, version+".zip"))
	if err != nil {
		return err
	}
	return errors.Join(
		zip.CreateFromVCS(archive, module.Version{Path: path, Version: version}, ".", "HEAD", ""),
		archive.Close(),
		os.WriteFile(filepath.Join(versions, "list"), []byte(version+"\n"), 0o644),
		os.WriteFile(filepath.Join(versions, version+".mod"), requirements, 0o644),
		os.WriteFile(filepath.Join(versions, version+".info"), fmt.Appendf(nil, `{"Version": %q}`, version), 0o644),
	)
}
