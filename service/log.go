package service

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/atomicfile"
)

const (
	// logTimeout bounds a look at the journal, which may be large and on a slow disk.
	logTimeout = 3 * time.Second

	// logEnd is how much of the end of a log file is read, and logLine how much of a line.
	logEnd  = 16 << 10
	logLine = 200
)

// LastWords are the last lines, of at most this many, that the processes of the service NAME have
// written: to the journal or, where that has none, to its log file. There are none if neither can
// be read. Values that may be secrets are hidden.
func LastWords(ctx context.Context, name, logFile string, lines int) []string {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	text := journalOf(ctx, name, lines)
	if len(bytes.TrimSpace(text)) == 0 {
		text = endOfFile(logFile)
	}
	return lastLines(text, lines)
}

// endOfFile is the end of a log file, from the beginning of a line on.
func endOfFile(path string) []byte {
	f, err := atomicfile.OpenNoFollow(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	at := max(info.Size()-logEnd, 0)
	r := bufio.NewReader(io.NewSectionReader(f, at, logEnd))
	if at > 0 {
		if _, err := r.ReadString('\n'); err != nil {
			return nil
		}
	}
	text, _ := io.ReadAll(r) // what can be read is shown
	return text
}

func lastLines(text []byte, n int) (lines []string) {
	for line := range strings.Lines(secretInUnit().ReplaceAllString(string(text), "$1$2********$3")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if runes := []rune(line); len(runes) > logLine {
			line = string(runes[:logLine]) + "…"
		}
		lines = append(lines, line)
	}
	return lines[max(len(lines)-n, 0):]
}
