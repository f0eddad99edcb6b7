package service

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// FindTentacle finds the program that runs the agent: given, if it is not "", else where the real Tentacle was, or is usually, installed, else "Tentacle" on the PATH. The
// result is absolute, exists, can be executed, and is not this program, which may bear the other's name so that scripts use it: it cannot run the agent. The error says
// what to do.
func FindTentacle(given string) (string, error) {
	if given != "" {
		program, err := usable(given)
		if err != nil {
			return "", fmt.Errorf("--tentacle %s: %w", given, err)
		}
		return program, nil
	}
	places := []string{usualPlace()}
	if place := installedPlace(); place != "" {
		places = []string{place, usualPlace()}
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(folder) { // another would be a matter of where one stands
			places = append(places, filepath.Join(folder, "Tentacle"+programEnding()))
		}
	}
	for _, place := range places {
		if program, err := usable(place); err == nil {
			return program, nil
		}
	}
	return "", fmt.Errorf("the service has to run the Tentacle itself, which is neither %s nor on the PATH\ninstall it (https://octopus.com/downloads/tentacle), or say where it is with --tentacle FILE", usualPlace())
}

// usualPlace is where the packages of the real Tentacle put it.
func usualPlace() string {
	if runtime.GOOS == "windows" {
		// The first is that of 64-bit programs for a 32-bit one as well.
		folder := cmp.Or(os.Getenv("ProgramW6432"), os.Getenv("ProgramFiles"), `C:\Program Files`)
		return filepath.Join(folder, "Octopus Deploy", "Tentacle", "Tentacle.exe")
	}
	return "/opt/octopus/tentacle/Tentacle"
}

func programEnding() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// usable makes a program's path absolute, and refuses what cannot be executed or is this program.
func usable(program string) (string, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(program)
	if on := new(fs.PathError); errors.As(err, &on) {
		return "", on.Err // without the name of the system call, and the path, which the caller names
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file; name the Tentacle program, not its folder")
	}
	if _, err := exec.LookPath(program); err != nil {
		return "", errors.New("it cannot be executed")
	}
	if isThisProgram(program, info) {
		return "", errors.New("it is octo-tentacle, which cannot run the agent; name the real Tentacle")
	}
	return program, nil
}

// isThisProgram recognises links to this program, and copies of it.
func isThisProgram(program string, info os.FileInfo) bool {
	self, err := os.Executable()
	if err != nil {
		return false
	}
	own, err := os.Stat(self)
	if err != nil {
		return false
	}
	return os.SameFile(own, info) || own.Size() == info.Size() && sameContent(self, program)
}

func sameContent(a, b string) bool {
	first, err := os.Open(a)
	if err != nil {
		return false
	}
	defer first.Close()
	second, err := os.Open(b)
	if err != nil {
		return false
	}
	defer second.Close()
	var left, right [64 << 10]byte
	for {
		n, errLeft := io.ReadFull(first, left[:])
		m, errRight := io.ReadFull(second, right[:])
		if !bytes.Equal(left[:n], right[:m]) {
			return false
		}
		if errLeft != nil || errRight != nil {
			return errors.Is(errLeft, io.EOF) || errors.Is(errLeft, io.ErrUnexpectedEOF)
		}
	}
}
