package commands_test

import (
	"os"
	"strings"
	"testing"
)

// imagesPage are the command lines in a section of docs/images.md: those in indented lines, or
// that of the user data.
func imagesPage(t *testing.T, section string) (lines []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/images.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(strings.ReplaceAll(string(page), "\r\n", "\n"), "## "+section+"\n")
	if !found {
		t.Fatalf("docs/images.md has no section %s", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	if _, folded, is := strings.Cut(text, "  - >-\n"); is {
		folded, _, _ = strings.Cut(folded, "```")
		return []string{strings.Join(strings.Fields(folded), " ")}
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if command, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    "); is {
			lines = append(lines, command)
		}
	}
	return lines
}

func TestTheImagesPageHasWhatIsTyped(t *testing.T) {
	for section, want := range map[string]int{"Before the image is made": 2, "Linux: cloud-init": 1, "Windows: sysprep": 3, "A machine that was cloned as it was": 2} {
		if got := imagesPage(t, section); len(got) != want {
			t.Errorf("%s has %d command lines, not %d: %q", section, len(got), want, got)
		}
	}
}
