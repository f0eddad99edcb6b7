package service

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnEnvironmentFileIsReadAsSystemdReadsIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tentacle.env")
	content := "# a comment\n; another\n\nA=1\n B = \"two words\" \nC='3'\nD=long \\\nvalue\nE=\nA=last\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	list, err := readEnvironmentFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range assignments(list, SourceFile) {
		got = append(got, v.Name+"="+v.Value)
		if v.Source != SourceFile {
			t.Errorf("%s comes from %s", v.Name, v.Source)
		}
	}
	if want := []string{"A=last", "B=two words", "C=3", "D=long value", "E="}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if list, err := readEnvironmentFile(file + ".none"); list != nil || err != nil {
		t.Errorf("a file that is not there: %q, %v", list, err)
	}
	if list, err := readEnvironmentFile(filepath.Dir(file)); list != nil || err == nil {
		t.Errorf("what cannot be read: %q", list)
	}
}

func TestVariablesThatAreUnsetAreLeftOut(t *testing.T) {
	list := assignments([]string{"A=1", "B=2", "C=3"}, SourceDefinition)
	if kept := without(list, []string{"A", "B=2", "C=other"}); len(kept) != 1 || kept[0].Name != "C" {
		t.Errorf("%v", kept)
	}
}

func TestARunningProcessShowsItsEnvironment(t *testing.T) {
	process, err := processEnvironment(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	list := withMissing([]Variable{{Name: "PATH", Value: "own", Source: SourceDefinition}}, process)
	var path, others int
	for _, v := range list {
		switch {
		case v.Name == "PATH" && v.Value == "own":
			path++
		case v.Source == SourceProcess:
			others++
		}
	}
	if path != 1 || others == 0 {
		t.Errorf("%d PATH, %d others in %v", path, others, list)
	}
}

func TestTheValueOfAVariableIsNotPrinted(t *testing.T) {
	v := Variable{Name: "TENTACLE_CERTIFICATE", Value: "secret"}
	if text := fmt.Sprintf("%v %+v %#v %s", v, v, v, []Variable{v}); strings.Contains(text, "secret") {
		t.Error(text)
	}
}

func TestEachFileThatSetsAVariableIsFound(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	unit := write("a.service", "[Unit]\nEnvironment=NOT_HERE=1\n[Service]\n# Environment=COMMENT=1\nEnvironment=A=1 \"B=two words C=no\" 'D=3' \\\n"+
		"; amid a line\n  E=\\\"F=no\nExecStart=/bin/true Environment=G=no\nUnsetEnvironment=H\nEnvironment = TWICE=1\n")
	dropIn := write("b.conf", "[Service]\nEnvironment=TWICE=2 TWICE=3\n")
	variables := write("c.env", "TWICE=4\nI=1\n")
	got := settersOf([]string{unit, dropIn, filepath.Join(folder, "gone.conf")}, []string{variables})
	want := map[string][]string{"A": {unit}, "B": {unit}, "D": {unit}, "E": {unit}, "TWICE": {unit, dropIn, variables}, "I": {variables}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v\nnot %v", got, want)
	}

	reset := write("z.conf", "[Service]\nEnvironment=\nEnvironment=A=5\n")
	if got := settersOf([]string{unit, dropIn, reset}, nil); !maps.EqualFunc(got, map[string][]string{"A": {reset}}, slices.Equal) {
		t.Errorf("after an empty assignment: %v", got)
	}
}
