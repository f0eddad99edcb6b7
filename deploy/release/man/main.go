// Command man writes the manual of octo-tentacle, which is made from its help:
//
//	go run ./deploy/release/man [--version VERSION] [--date DATE] [--gzip] FOLDER
//
// FOLDER gets man7 and man8, as /usr/share/man has them. The same version and date make the same
// files, byte for byte.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/octo-tentacle/octo-tentacle/commands"
)

func main() {
	version := flag.String("version", "", "the version of the release")
	date := flag.String("date", time.Now().UTC().Format(time.DateOnly), "the day of the release, like 2026-08-01; a time of that day may follow")
	compress := flag.Bool("gzip", false, "compress the pages, as packages of Linux have them")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "go run ./deploy/release/man [--version VERSION] [--date DATE] [--gzip] FOLDER")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(flag.Arg(0), *version, *date, *compress); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func write(folder, version, date string, compress bool) error {
	day, err := time.Parse(time.DateOnly, date[:min(len(date), len(time.DateOnly))])
	if err != nil {
		return fmt.Errorf("the date is %q, not one like 2026-08-01", date)
	}
	for _, page := range commands.Manual(version, day) {
		path := filepath.Join(folder, fmt.Sprintf("man%d", page.Section), page.Name)
		content := page.Text
		if compress {
			path += ".gz"
			if content, err = zipped(content); err != nil {
				return err
			}
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// zipped compresses as gzip -9n does: packages of Debian want it so.
func zipped(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil { // which writes the end
		return nil, err
	}
	return out.Bytes(), nil
}
