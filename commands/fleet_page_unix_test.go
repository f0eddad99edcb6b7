//go:build unix

package commands

import (
	"bytes"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
)

func fleetHTML(t *testing.T, r *fleet.Report) string {
	return shownFleet(t, func(c *console) error { return printFleetHTML(c, r) })
}

// pageFacts are measured in the browser.
const pageFacts = `(() => {
	const parse = (colour) => { const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number); return { r, g, b, a }; };
	const luminance = ({ r, g, b }) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const colour = parse(getComputedStyle(e).backgroundColor);
			if (colour.a === 1) return colour;
			if (colour.a !== 0) throw new Error("a colour that is partly transparent");
		}
		throw new Error("no background");
	};
	const shown = (e) => e.checkVisibility({ visibilityProperty: true });
	const faint = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let count = 0;
	for (let node; node = texts.nextNode();) {
		const e = node.parentElement;
		if (!node.data.trim() || !shown(e) || e.closest("caption, script, option")) continue;
		count++;
		const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))];
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) faint.push(contrast.toFixed(2) + ": " + node.data.trim());
	}
	return {
		Faint: faint, Texts: count,
		Overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		Rows: [...document.querySelectorAll("tr[id]")].filter(shown).length,
		Filter: shown(document.getElementById("filter")),
		Buttons: [...document.querySelectorAll("button")].filter(shown).length,
		NoScope: document.querySelectorAll("th:not([scope])").length,
		NoCaption: [...document.querySelectorAll("table")].filter((t) => !t.caption).length,
		Scripts: document.scripts.length,
		Text: document.body.innerText,
	};
})()`

type facts struct {
	Faint                          []string
	Texts, Overflow, Rows, Buttons int
	NoScope, NoCaption, Scripts    int
	Filter                         bool
	Text                           string
}

func TestBrowserShowsTheReportOfAFleet(t *testing.T) {
	b := newBrowserTab(t)
	r := madeUpFleet()
	page := fleetHTML(t, r)
	for _, scripts := range []bool{true, false} {
		b.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": !scripts}, nil)
		for _, width := range []int{1280, 400} {
			brightness := map[string]float64{}
			for _, scheme := range []string{"light", "dark"} {
				name := fmt.Sprintf("%s-%d-scripts-%v", scheme, width, scripts)
				b.size(width, 1000)
				b.look("screen", scheme)
				b.open(page)
				var got facts
				b.eval(pageFacts, &got)
				brightness[scheme] = meanBrightness(t, b.picture(name))
				if len(got.Faint) > 0 {
					t.Errorf("%s: hard to read: %q", name, got.Faint)
				}
				if got.Texts < 100 || got.Overflow > 0 || got.Rows != len(r.Machines) || got.NoScope > 0 || got.NoCaption > 0 || got.Scripts != 1 {
					t.Errorf("%s: %+v", name, got)
				}
				if got.Filter != scripts || got.Buttons > 0 != scripts {
					t.Errorf("%s: the filter is shown: %v, and %d buttons", name, got.Filter, got.Buttons)
				}
				for _, said := range []string{"https://octopus.example.com", "1 August 2026, 10:00 UTC", "✗ problem", "! warning", "– skipped", "✓ ok",
					`<script>alert(1)</script>\n\u202egnp.exe`, "the account may not start scripts in this space", "octo4 (drained)"} {
					if !strings.Contains(got.Text, said) {
						t.Errorf("%s: does not say %q", name, said)
					}
				}
				if err := b.complaints(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if brightness["dark"] > 0.3 || brightness["light"] < 0.7 {
				t.Errorf("of 1, light is %.2f bright, and dark %.2f", brightness["light"], brightness["dark"])
			}
		}
	}
}

// meanBrightness is between 0 for black and 1 for white.
func meanBrightness(t *testing.T, picture []byte) float64 {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	sum, count := 0.0, 0
	for y := decoded.Bounds().Min.Y; y < decoded.Bounds().Max.Y; y += 3 {
		for x := decoded.Bounds().Min.X; x < decoded.Bounds().Max.X; x += 3 {
			r, g, b, _ := decoded.At(x, y).RGBA()
			sum += float64(r+g+b) / (3 * 0xffff)
			count++
		}
	}
	return sum / float64(count)
}

// shownRows are the names of the rows that can be seen, and what the page says of their number.
func (b *browserTab) shownRows() (names []string, said string) {
	b.t.Helper()
	// What is typed is applied a moment later.
	b.eval(`new Promise((done) => setTimeout(done, 200))`, nil)
	b.eval(`[...document.querySelectorAll("tr[id]")].filter((e) => e.checkVisibility()).map((e) => [...e.cells[0].childNodes].map((n) => n.data ?? "").join(""))`, &names)
	b.eval(`document.getElementById("shown").textContent`, &said)
	return names, said
}

func TestBrowserFiltersTheReportOfAFleet(t *testing.T) {
	b := newBrowserTab(t)
	r := madeUpFleet()
	b.size(1280, 1000)
	b.open(fleetHTML(t, r))
	choose := func(name, option string) {
		b.eval(fmt.Sprintf(`(() => { const s = document.getElementById("filter").elements[%q];
			s.value = [...s.options].find((o) => o.text.includes(%q)).value; s.dispatchEvent(new Event("input", { bubbles: true })); })()`, name, option), nil)
	}
	reset := func() { b.click(`document.querySelector("#filter [type=reset]")`) }
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"a finding's button", func() { b.click(`document.querySelector("button[data-show='3']")`) }, []string{"web01", "web02"}},
		{"the button that resets", reset, nil},
		{"words", func() {
			b.click(`document.getElementById("filter").elements.text`)
			b.do("Input.insertText", map[string]any{"text": "WEB0 6.2"}, nil)
		}, []string{"web02"}},
		{"a link to a row that is hidden", func() { b.click(`document.querySelector("#findings ~ ol a[href='#m5']")`) }, nil},
		{"a space, by keys", func() {
			b.eval(`document.getElementById("filter").elements.text.focus()`, nil)
			b.press("Tab", 9)
			b.press("ArrowDown", 40)
			b.press("ArrowDown", 40)
		}, []string{"=cmd|' /C calc'!A0", `<script>alert(1)</script>\n\u202egnp.exe`, "shop01", "shop02"}},
		{"and a result", func() { choose("result", "ok") }, []string{"shop02"}},
		{"nothing fits", func() { choose("node", "octo2") }, []string{}},
		{"the button that resets", reset, nil},
		{"a node", func() { choose("node", "octo4") }, []string{"web02", "web04"}},
		{"and a finding", func() { choose("finding", "health checks that") }, []string{"web04"}},
	} {
		step.do()
		names, said := b.shownRows()
		wanted := fmt.Sprintf("%d of %d are shown.", len(step.want), len(r.Machines))
		if step.want == nil {
			wanted = fmt.Sprintf("All %d are shown.", len(r.Machines))
		}
		if said != wanted || step.want != nil && !slices.Equal(names, step.want) || step.want == nil && len(names) != len(r.Machines) {
			t.Errorf("%s: %q, %s", step.what, names, said)
		}
	}
	if err := b.complaints(); err != nil {
		t.Error(err)
	}
}

// TestBrowserReadsAboutTheControls as a screen reader does.
func TestBrowserNamesWhatCanBeOperated(t *testing.T) {
	b := newBrowserTab(t)
	b.open(fleetHTML(t, madeUpFleet()))
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value string }
		}
	}
	b.do("Accessibility.getFullAXTree", nil, &tree)
	found := map[string]int{}
	for _, node := range tree.Nodes {
		if slices.Contains([]string{"button", "combobox", "searchbox", "link", "region", "table", "navigation", "form", "image"}, node.Role.Value) && !node.Ignored {
			found[node.Role.Value]++
			if node.Name.Value == "" {
				t.Errorf("a %s has no name", node.Role.Value)
			}
		}
	}
	if found["combobox"] != 4 || found["searchbox"] != 1 || found["table"] != 3 || found["button"] < 5 || found["navigation"] != 1 {
		t.Errorf("%v", found)
	}
}

func TestBrowserKeepsTheTitlesOfALongTable(t *testing.T) {
	b := newBrowserTab(t)
	b.size(400, 800)
	b.open(fleetHTML(t, madeUpFleet()))
	var got struct{ Title, Name float64 }
	b.eval(`(() => {
		const box = document.querySelector(".matrix");
		box.style.maxHeight = "300px";
		box.scrollTo(120, 200);
		const edge = box.getBoundingClientRect();
		return { Title: box.querySelector("thead th").getBoundingClientRect().top - edge.top - box.clientTop,
			Name: document.getElementById("m9").cells[0].getBoundingClientRect().left - edge.left - box.clientLeft };
	})()`, &got)
	if got.Title != 0 || got.Name != 0 {
		t.Errorf("scrolled away: %+v", got)
	}
}

func TestBrowserPrintsTheReportOfAFleet(t *testing.T) {
	b := newBrowserTab(t)
	b.size(1000, 1400)
	b.look("print", "dark")
	r := madeUpFleet()
	b.open(fleetHTML(t, r))
	var got facts
	b.eval(pageFacts, &got)
	if got.Filter || got.Buttons > 0 || got.Rows != len(r.Machines) || len(got.Faint) > 0 {
		t.Errorf("%+v", got)
	}
	var cut bool
	b.eval(`[...document.querySelectorAll(".table")].some((e) => e.scrollHeight > e.clientHeight && getComputedStyle(e).overflow !== "visible")`, &cut)
	if bright := meanBrightness(t, b.picture("printed")); cut || bright < 0.8 {
		t.Errorf("cut: %v, brightness %.2f", cut, bright)
	}
}

func TestBrowserShowsTenThousandTentacles(t *testing.T) {
	b := newBrowserTab(t)
	const machines = 10000
	page := fleetHTML(t, fleetOf(machines))
	b.size(1280, 1000)
	b.open(page)
	b.click(`document.querySelector("button[data-show]")`)
	names, said := b.shownRows()
	if wanted := fmt.Sprintf("%d of %d are shown.", machines/10, machines); len(names) != machines/10 || said != wanted {
		t.Errorf("%d rows, %s", len(names), said)
	}
	b.picture("ten-thousand")
	if err := b.complaints(); err != nil {
		t.Error(err)
	}
	t.Logf("%d bytes", len(page))
}
