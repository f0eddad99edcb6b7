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

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

// ErrTentacleNotFound is the error where no Tentacle program was given and none is found.
var ErrTentacleNotFound = errors.New("the Tentacle program is not installed here")

// A ProgramError is a given program that cannot be the Tentacle.
type ProgramError struct {
	Program string // as it was given
	Err     error
}

func (e *ProgramError) Error() string { return fmt.Sprintf("the program %s: %v", e.Program, e.Err) }
func (e *ProgramError) Unwrap() error { return e.Err }

// FindTentacle finds the program that runs the agent: given, if it is not "", else where Tentacle
// was, or is by default, installed, else "Tentacle" on the PATH. The result is absolute, exists,
// can be executed, and is not this program, which may be named Tentacle so that existing scripts
// use it: it cannot run the agent. The error is a *ProgramError or ErrTentacleNotFound.
func FindTentacle(given string) (string, error) {
	if given != "" {
		program, err := checkProgram(given)
		if err != nil {
			return "", &ProgramError{given, err}
		}
		return program, nil
	}
	var candidates []string
	if program := registeredProgram(); program != "" {
		candidates = append(candidates, program)
	}
	candidates = append(candidates, defaultProgram())
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(folder) { // a relative one would depend on the current folder
			candidates = append(candidates, filepath.Join(folder, "Tentacle"+programEnding()))
		}
	}
	for _, candidate := range candidates {
		if program, err := checkProgram(candidate); err == nil {
			return program, nil
		}
	}
	return "", hint.Errorf("install Tentacle: https://octopus.com/downloads/tentacle",
		"%w: it is neither %s nor on the PATH", ErrTentacleNotFound, defaultProgram())
}

// defaultProgram is where the packages of Tentacle put it.
func defaultProgram() string {
	if runtime.GOOS == "windows" {
		// ProgramW6432 is the folder of 64-bit programs, for a 32-bit program, too.
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

// checkProgram makes a program's path absolute, and refuses what cannot be executed or is this
// program.
func checkProgram(program string) (string, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(program)
	if pathErr, is := errors.AsType[*fs.PathError](err); is {
		return "", pathErr.Err // without the system call, and the path, which the caller names
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	if _, err := exec.LookPath(program); err != nil {
		return "", errors.New("it cannot be executed")
	}
	if isThisProgram(program, info) {
		return "", errors.New("it is octo-tentacle, which cannot run the agent")
	}
	return program, nil
}

// isThisProgram recognises links to this program and copies of it.
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
