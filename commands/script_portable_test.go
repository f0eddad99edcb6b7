package commands_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/charmap"
)

// The commands of scripts that take the place of a shell's, which Windows has not.

// cmdSlashes prints a file, or what was printed, with the paths of Windows
// written as elsewhere, also where JSON doubles the backslashes.
func cmdSlashes(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	fmt.Fprint(ts.Stdout(), strings.NewReplacer(`\\`, "/", `\`, "/").Replace(text))
}

// Values that differ between hosts and runs, beside those of the clusters.
var (
	savedLine   = regexp.MustCompile(`(?m)^Saved; .*$`) // depends on whether a service manager runs here
	backupNames = regexp.MustCompile(`\bbak-\d{8}T\d{6}Z(-\d+)?`)
	newIDs      = regexp.MustCompile(`poll://[a-z0-9]{20}/`)
)

// cmdSteady prints a file, or what was printed, as it would be printed on any host at any time:
// $WORK for the folder of the script, https://octopus.example.com and https://octo1:10943 for the
// cluster, THUMBPRINT for that of its certificate. What belongs to a cluster with a name has the
// name before it.
func cmdSteady(ts *testscript.TestScript, _ bool, args []string) {
	var values []string
	for name, cluster := range clustersOf(ts) {
		_, api, _ := strings.Cut(cluster.URL(), "://")
		prefix := ""
		if name != "" {
			prefix = name + "-"
		}
		values = append(values, cluster.Thumbprint(), strings.ToUpper(prefix)+"THUMBPRINT",
			cluster.URL(), "https://"+prefix+"octopus.example.com", api, prefix+"octopus.example.com:443")
		for i, address := range cluster.Addresses() {
			host := fmt.Sprintf("%socto%d:10943", prefix, i+1)
			values = append(values, address, "https://"+host, strings.TrimPrefix(address, "https://"), host)
		}
	}
	values = append(values, tentacleThumbprint(), "OWN-THUMBPRINT", ts.Getenv("WORK"), "$WORK", ts.Getenv("W"), "$WORK", `\\`, "/", `\`, "/")
	text := strings.NewReplacer(values...).Replace(ts.ReadFile(args[0]))
	text = savedLine.ReplaceAllString(text, "Saved; …")
	text = backupNames.ReplaceAllString(text, "bak-TIME")
	fmt.Fprint(ts.Stdout(), newIDs.ReplaceAllString(text, "poll://…/"))
}

// cmdExits runs a program and looks for its exit code.
func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// cmdWithout prints the lines of a file in which a text does not occur.
func cmdWithout(ts *testscript.TestScript, _ bool, args []string) {
	text, stdout := ts.ReadFile(args[1]), ts.Stdout()
	for line := range strings.Lines(text) {
		if !strings.Contains(line, args[0]) {
			fmt.Fprint(stdout, line)
		}
	}
}

// cmdEdit replaces what matches an expression in a file; \1 is its first group.
func cmdEdit(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	replacement := regexp.MustCompile(`\\(\d)`).ReplaceAllString(args[1], `$${$1}`)
	before := ts.ReadFile(args[2])
	after := pattern.ReplaceAllString(before, replacement)
	if after == before {
		ts.Fatalf("nothing in %s matches %s", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(after), 0o600))
}

// cmdBackup finds the oldest backup of $CONFIG: BACKUP is the file, BACKUP_NAME
// its name, BACKUP_ID the time in it.
func cmdBackup(ts *testscript.TestScript, _ bool, _ []string) {
	config := ts.Getenv("CONFIG")
	entries, err := os.ReadDir(filepath.Dir(config))
	ts.Check(err)
	prefix := filepath.Base(config) + ".bak-20"
	i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), prefix) })
	if i < 0 {
		ts.Fatalf("there is no backup")
	}
	name := entries[i].Name()
	_, id, _ := strings.Cut(name, ".bak-")
	ts.Setenv("BACKUP", filepath.Join(filepath.Dir(config), name))
	ts.Setenv("BACKUP_NAME", name)
	ts.Setenv("BACKUP_ID", id)
}

// cmdLarge writes a file of so many MiB.
func cmdLarge(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), bytes.Repeat([]byte(" "), size<<20), 0o600))
}

// cmdAged makes a file one that was written an hour ago.
func cmdAged(ts *testscript.TestScript, _ bool, args []string) {
	before := time.Now().Add(-time.Hour)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), before, before))
}

// cmdEncode writes a text as Notepad does (bom-crlf), or as Set-Content (ansi) or > in Windows
// PowerShell (utf-16).
func cmdEncode(ts *testscript.TestScript, _ bool, args []string) {
	text := "\ufeff" + strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n")
	content := []byte(text)
	switch args[0] {
	case "bom-crlf":
	case "ansi":
		encoded, err := charmap.Windows1252.NewEncoder().Bytes([]byte(ts.ReadFile(args[1])))
		ts.Check(err)
		content = encoded
	case "utf-16":
		content = nil
		for _, unit := range utf16.Encode([]rune(text)) {
			content = binary.LittleEndian.AppendUint16(content, unit)
		}
	default:
		ts.Fatalf("unknown encoding %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), content, 0o600))
}
