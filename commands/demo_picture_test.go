package commands

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The sizes of a picture of a terminal, in pixels; those of a character are such that any font for
// terminals fits.
const (
	pictureColumns    = 110
	charWidth         = 7.8
	lineHeight        = 18
	pictureMargin     = 16
	secondsOfALine    = 0.28 // that one has to read
	secondsOfScroll   = 0.8
	sequenceOfColours = `\x1b\[([0-9;]*)m`
)

// pictureStyle has the colours of a dark terminal, on a page of any colour. Who does not want
// motion, or has a viewer without it, sees the part to which the text is moved anyway.
const pictureStyle = `text { white-space: pre; fill: #e6edf3 }
    .bold { fill: #ffffff; font-weight: 700 }
    .faint { fill: #9198a1 }
    .red { fill: #ff7b72 }
    .green { fill: #56d364 }
    .yellow { fill: #e3b341 }
    @media (prefers-reduced-motion: no-preference) { #text { animation: scroll %.1fs linear infinite } }
    @keyframes scroll {%s }
`

// classes are the names of what the console uses: by its number, SGR of ECMA-48.
var classes = map[string]string{"1": "bold", "2": "faint", "31": "red", "32": "green", "33": "yellow"}

// terminalPicture draws what a program has printed, as an SVG: a window through which the text
// scrolls. It stops where a frame ends, which is the number of the first line that is not seen yet;
// the first frame fills the window, and none is longer. still is the frame without motion.
func terminalPicture(output string, title, description string, frames []int, still int) (string, error) {
	lines, firsts := wrapped(strings.Split(strings.TrimRight(output, "\n"), "\n"))
	rows := firsts[frames[0]]
	offset := func(frame int) int { return (firsts[frames[frame]] - rows) * lineHeight }
	duration, at := 0.0, make([]float64, len(frames)) // when each frame is reached
	seen := 0
	for i, end := range frames {
		at[i] = duration
		read := firsts[end] - seen
		if read > rows {
			return "", fmt.Errorf("frame %d has %d lines, and the window %d", i, read, rows)
		}
		duration += float64(read)*secondsOfALine + secondsOfScroll
		seen = firsts[end]
	}
	var keys strings.Builder
	for i := range frames {
		from, to := at[i], duration-0.01
		if i+1 < len(frames) {
			to = at[i+1] - secondsOfScroll
		}
		fmt.Fprintf(&keys, "\n      %.2f%%, %.2f%% { transform: translateY(-%dpx) }", 100*from/duration, 100*to/duration, offset(i))
	}
	fmt.Fprintf(&keys, "\n      100%% { transform: translateY(0) }\n   ")

	width, height := int(pictureColumns*charWidth)+2*pictureMargin, rows*lineHeight+2*pictureMargin
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" role="img" aria-labelledby="title description">
  <title id="title">%s</title>
  <desc id="description">%s</desc>
  <!-- Made from the output of the demo: go test ./commands -run TheDemoIsAsRecorded -update -->
  <style>
    %s  </style>
  <clipPath id="window"><rect x="0" y="%d" width="%d" height="%d"/></clipPath>
  <rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#0d1117" stroke="#6e7781"/>
  <g clip-path="url(#window)"><g id="text" transform="translate(0 -%d)">
`, width, height, title, description, fmt.Sprintf(pictureStyle, duration, keys.String()),
		pictureMargin, width, rows*lineHeight, width-1, height-1, offset(still))
	for i, line := range lines {
		if columns := line.columns(); columns > 0 {
			fmt.Fprintf(&svg, "<text x=\"%d\" y=\"%d\" textLength=\"%.1f\">%s</text>\n", pictureMargin, pictureMargin+i*lineHeight+13, float64(columns)*charWidth, line.tspans())
		}
	}
	svg.WriteString("  </g></g>\n</svg>\n")
	return svg.String(), nil
}

// A span is text of one colour.
type span struct{ class, text string }

type spans []span

func (line spans) columns() (n int) {
	for _, s := range line {
		n += utf8.RuneCountInString(s.text)
	}
	return n
}

func (line spans) tspans() string {
	var all strings.Builder
	for _, s := range line {
		text := strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(s.text)
		if s.class != "" {
			text = fmt.Sprintf(`<tspan class="%s">%s</tspan>`, s.class, text)
		}
		all.WriteString(text)
	}
	return all.String()
}

var colours = regexp.MustCompile(sequenceOfColours)

// wrapped breaks lines as a terminal does. firsts are the numbers of the rows at which the lines
// begin, and that of the row after the last one.
func wrapped(lines []string) (rows []spans, firsts []int) {
	class := "" // lasts beyond the end of a line
	for _, line := range lines {
		firsts = append(firsts, len(rows))
		row, room := spans{}, pictureColumns
		show := func(text string) {
			for runes := []rune(text); len(runes) > 0; {
				if room == 0 {
					rows = append(rows, row)
					row, room = spans{}, pictureColumns
				}
				n := min(room, len(runes))
				row = append(row, span{class, string(runes[:n])})
				runes, room = runes[n:], room-n
			}
		}
		end := 0
		for _, at := range colours.FindAllStringSubmatchIndex(line, -1) {
			show(line[end:at[0]])
			class, end = classes[line[at[2]:at[3]]], at[1] // that which ends a colour has none
		}
		show(line[end:])
		rows = append(rows, row)
	}
	return rows, append(firsts, len(rows))
}
