// Filegraph finds files of a package that use each other's definitions in a circle:
//
//	go run ./testdata/filegraph [-max N] [-why] PACKAGE…
//
// A file outside any circle can be read, and moved, once the files it uses are known. The files of
// a circle can only be understood together, so circles should be small. PACKAGE is a pattern as
// for go list, such as ./commands/...; tests, and files for other systems, are not looked at.
//
// With -max, a circle of more files makes the exit code 1.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	most := flag.Int("max", 0, "fail if a circle has more than `N` files; 0 allows any")
	why := flag.Bool("why", false, "list what the files of a circle use of each other")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	packages, imports, err := load(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "filegraph:", err)
		os.Exit(1)
	}
	largest := 0
	for _, p := range packages {
		g, err := p.graph(imports)
		if err != nil {
			fmt.Fprintf(os.Stderr, "filegraph: %s: %v\n", p.ImportPath, err)
			os.Exit(1)
		}
		largest = max(largest, g.report(p.ImportPath, *why))
	}
	fmt.Printf("largest circle: %d files\n", largest)
	if *most > 0 && largest > *most {
		fmt.Fprintf(os.Stderr, "filegraph: at most %d are allowed\n", *most)
		os.Exit(1)
	}
}

// goPackage is a package as go list describes it.
type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string // without tests, and only those built for this system
	Export     string   // the file with its compiled types
	DepOnly    bool     // a dependency of the packages asked for
}

// load lists the packages that match the patterns, and resolves imports for them.
func load(patterns []string) ([]goPackage, types.Importer, error) {
	list := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export,DepOnly"}, patterns...)...)
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w", err)
	}
	var found []goPackage
	exports := map[string]string{}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("go list: %w", err)
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly {
			found = append(found, p)
		}
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	return found, imports, nil
}

// graph is what each file uses: file, file used, names.
type graph map[string]map[string]map[string]bool

func (g graph) add(file, used, name string) {
	if g[file] == nil {
		g[file] = map[string]map[string]bool{}
	}
	if g[file][used] == nil {
		g[file][used] = map[string]bool{}
	}
	g[file][used][name] = true
}

// graph reads the package.
func (p goPackage) graph(imports types.Importer) (graph, error) {
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports}
	pkg, err := config.Check(p.ImportPath, set, files, info)
	if err != nil {
		return nil, err
	}
	g := graph{}
	for identifier, object := range info.Uses {
		if object.Pkg() != pkg || !isDefinition(object) {
			continue
		}
		file := filepath.Base(set.Position(identifier.Pos()).Filename)
		used := filepath.Base(set.Position(object.Pos()).Filename)
		if file != used {
			g.add(file, used, object.Name())
		}
	}
	return g, nil
}

// isDefinition says whether an object is a method or lies in the package's scope: fields and local
// variables come with the type or function that they belong to.
func isDefinition(object types.Object) bool {
	if f, is := object.(*types.Func); is && f.Signature().Recv() != nil {
		return true
	}
	return object.Parent() == object.Pkg().Scope()
}

// report prints the circles and returns the number of files in the largest.
func (g graph) report(name string, why bool) (largest int) {
	for _, circle := range g.circles() {
		largest = max(largest, len(circle))
		fmt.Printf("%s: circle of %d files: %s\n", name, len(circle), strings.Join(circle, " "))
		if !why {
			continue
		}
		for _, file := range circle {
			for _, used := range circle {
				if names := g[file][used]; len(names) > 0 {
					fmt.Printf("  %s uses %s: %s\n", file, used, strings.Join(slices.Sorted(maps.Keys(names)), " "))
				}
			}
		}
	}
	return largest
}

// circles groups the files that reach each other.
func (g graph) circles() (circles [][]string) {
	reached := map[string]map[string]bool{}
	for file := range g {
		reached[file] = g.reach(file)
	}
	grouped := map[string]bool{}
	for _, file := range slices.Sorted(maps.Keys(g)) {
		if grouped[file] || !reached[file][file] {
			continue
		}
		var circle []string
		for _, other := range slices.Sorted(maps.Keys(reached[file])) {
			if reached[other][file] {
				circle = append(circle, other)
				grouped[other] = true
			}
		}
		circles = append(circles, circle)
	}
	return circles
}

// reach is every file used by this one, directly or by way of others.
func (g graph) reach(file string) map[string]bool {
	reached := map[string]bool{}
	var follow func(string)
	follow = func(file string) {
		for used := range g[file] {
			if !reached[used] {
				reached[used] = true
				follow(used)
			}
		}
	}
	follow(file)
	return reached
}
