package service

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	// fullLog is the size in bytes at which a log is put aside: some thousand restarts.
	fullLog = 1 << 20

	// logWait is how long a line waits for somebody who reads the log, and the last line. A reader
	// that does not let others write in the meantime must not stop a restart.
	logWait     = time.Second
	lastLogWait = 15 * time.Second
	logPause    = 20 * time.Millisecond
)

// timedLog is a log file of lines that begin with the time. It is open only while a line is
// written: most programs of Windows cannot read a file that another one has open to write
// (FileShare.Read of .NET). Writing never fails: a line that the file does not take now is written
// with the next one.
type timedLog struct {
	path string
	now  func() time.Time
	wait time.Duration // for the last line

	mu        sync.Mutex
	begun     []byte // of a line
	unwritten []byte
}

func newTimedLog(path string) *timedLog {
	return &timedLog{path: path, now: time.Now, wait: lastLogWait}
}

// Write adds a text, of which each line is written once it is whole.
func (l *timedLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = append(l.begun, text...)
	end := bytes.LastIndexByte(l.begun, '\n') + 1
	if end > 0 {
		l.add(l.begun[:end])
		l.begun = bytes.Clone(l.begun[end:])
		l.flush(min(logWait, l.wait))
	}
	return len(text), nil
}

// Close writes what is left. The log can be used again.
func (l *timedLog) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.begun) > 0 {
		l.add(l.begun)
		l.begun = nil
	}
	l.flush(l.wait)
}

func (l *timedLog) add(lines []byte) {
	end := "\n"
	if runtime.GOOS == "windows" {
		end = "\r\n"
	}
	at := l.now().Format("2006-01-02 15:04:05 -07:00")
	for line := range strings.Lines(string(lines)) {
		l.unwritten = append(l.unwritten, at+"  "+strings.TrimRight(line, "\r\n")+end...)
	}
}

func (l *timedLog) flush(wait time.Duration) {
	if len(l.unwritten) == 0 {
		return
	}
	for begin := time.Now(); ; time.Sleep(logPause) {
		if l.appendToFile() == nil {
			l.unwritten = nil
			return
		}
		if time.Since(begin) >= wait {
			return
		}
	}
}

func (l *timedLog) appendToFile() error {
	if info, err := os.Stat(l.path); err == nil && info.Size() >= fullLog {
		_ = os.Rename(l.path, strings.TrimSuffix(l.path, ".txt")+".old.txt") // else it grows on
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text := l.unwritten
	if info.Size() == 0 && runtime.GOOS == "windows" {
		text = append([]byte("\uFEFF"), text...) // or PowerShell 5.1 reads it in another code page
	}
	_, err = f.Write(text)
	return err
}
