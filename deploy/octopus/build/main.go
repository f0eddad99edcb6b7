// Command build makes the package for the built-in feed of an Octopus Server:
// octo-tentacle.VERSION.zip, with the scripts in this folder's parent and the program for the
// systems that they know.
//
//	go run ./deploy/octopus/build [--output FOLDER] [--programs FOLDER] VERSION
//
// With --programs, the programs are taken from there, as those of a release: they lie in folders as
// in the package, and the licences of what they contain beside these, if it is to have them. Two
// builds of the same sources, by the same Go, are equal byte for byte.
package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// program is the program for a system, by its path in the package.
type program struct{ path, system, architecture string }

var programs = []program{
	{"linux-arm64/octo-tentacle", "linux", "arm64"},
	{"linux-x64/octo-tentacle", "linux", "amd64"},
	{"win-x64/octo-tentacle.exe", "windows", "amd64"},
}

// others are the files of the package that are no programs, by their path from the project's root.
var others = []string{"LICENSE", "deploy/octopus/Deploy.ps1", "deploy/octopus/Deploy.sh"}

func main() {
	output := flag.String("output", ".", "the folder for the package")
	built := flag.String("programs", "", "a folder with the programs; without it, they are built")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "go run ./deploy/octopus/build [--output FOLDER] [--programs FOLDER] VERSION")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	path, err := build(flag.Arg(0), *output, *built)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// semantic is a version as the feed sorts it.
var semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// build writes the package and returns its path. An incomplete one is never there under that name.
func build(version, output, built string) (path string, err error) {
	if !semantic.MatchString(version) {
		return "", fmt.Errorf("the version is %q, not one like 1.2.3 or 1.2.3-beta.1", version)
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if built == "" {
		if built, err = os.MkdirTemp("", "octo-tentacle-package"); err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(built)) }()
		if err := compile(root, built, version); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(output, "octo-tentacle."+version+".zip")
	file, err := os.CreateTemp(output, ".octo-tentacle-*")
	if err != nil {
		return "", err
	}
	if err := errors.Join(write(file, root, built), file.Chmod(0o644), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return path, os.Rename(file.Name(), path)
}

// moduleRoot is the folder of the project, in which this runs.
func moduleRoot() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for folder := here; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("%s is not in the project", here)
		}
	}
}

func compile(root, folder, version string) error {
	for _, p := range programs {
		// Nothing of the folder, the machine or the repository's state gets into the program.
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "urfave_cli_no_docs",
			"-ldflags", "-s -w -buildid= -X github.com/octo-tentacle/octo-tentacle/commands.releaseVersion="+version,
			"-o", filepath.Join(folder, p.path), ".")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+p.system, "GOARCH="+p.architecture, "CGO_ENABLED=0")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("building for %s/%s: %w", p.system, p.architecture, err)
		}
	}
	return nil
}

// write writes the zip. Times, owners and the order of folders are not those of the files.
func write(to io.Writer, root, built string) error {
	z := zip.NewWriter(to)
	for _, name := range others {
		if err := add(z, filepath.Join(root, name), filepath.Base(name), 0o644); err != nil {
			return err
		}
	}
	const notices = "THIRD-PARTY-NOTICES.txt"
	if err := add(z, filepath.Join(built, notices), notices, 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, p := range programs {
		if err := add(z, filepath.Join(built, p.path), p.path, 0o755); err != nil {
			return err
		}
	}
	return z.Close()
}

func add(z *zip.Writer, path, name string, mode fs.FileMode) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(mode)
	entry, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, file)
	return err
}
