package tentacleconfig

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"
)

const head = `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
	`<octopus-settings xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">` + "\n"

func parse(t testing.TB, data string) *Document {
	t.Helper()
	d, err := Parse("Tentacle.config", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func writeConfig(t testing.TB, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Tentacle.config")
	if err := os.WriteFile(path, []byte(data), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnEditKeepsEveryOtherByte(t *testing.T) {
	tests := map[string]struct{ before, after string }{
		"byte order mark": {bom + head + "  <set key=\"K\">old</set>\n</octopus-settings>", bom + head + "  <set key=\"K\">new</set>\n</octopus-settings>"},
		"windows line ends": {"<octopus-settings>\r\n\t<set key=\"K\">old</set>\r\n\r\n</octopus-settings>\r\n",
			"<octopus-settings>\r\n\t<set key=\"K\">new</set>\r\n\r\n</octopus-settings>\r\n"},
		"comments": {"<!-- a --><octopus-settings><!-- K --><set key=\"K\">old</set><!-- </set> --></octopus-settings><!-- z -->",
			"<!-- a --><octopus-settings><!-- K --><set key=\"K\">new</set><!-- </set> --></octopus-settings><!-- z -->"},
		"comment inside":         {`<octopus-settings><set key="K"> <!-- why --> old</set></octopus-settings>`, `<octopus-settings><set key="K"><!-- why -->new</set></octopus-settings>`},
		"element inside":         {`<octopus-settings><set key="K">ol<x>d</x>d<y/></set></octopus-settings>`, `<octopus-settings><set key="K">new<x>d</x><y/></set></octopus-settings>`},
		"cdata":                  {`<octopus-settings><set key="K"><![CDATA[o<ld]]></set><set key="L"><![CDATA[<x>]]></set></octopus-settings>`, `<octopus-settings><set key="K">new</set><set key="L"><![CDATA[<x>]]></set></octopus-settings>`},
		"single quotes":          {`<octopus-settings><set  key = 'K' >old</set ></octopus-settings>`, `<octopus-settings><set  key = 'K' >new</set ></octopus-settings>`},
		"self-closing":           {`<octopus-settings><set x='"' key="K" /></octopus-settings>`, `<octopus-settings><set x='"' key="K">new</set></octopus-settings>`},
		"self-closing, no space": {`<octopus-settings><set key="K"/></octopus-settings>`, `<octopus-settings><set key="K">new</set></octopus-settings>`},
		"empty":                  {`<octopus-settings><set key="K"></set></octopus-settings>`, `<octopus-settings><set key="K">new</set></octopus-settings>`},
		"saved by PowerShell": {"<octopus-settings>\r\n  <set key=\"K\">\r\n  </set>\r\n  <set key=\"L\" />\r\n</octopus-settings>",
			"<octopus-settings>\r\n  <set key=\"K\">new</set>\r\n  <set key=\"L\" />\r\n</octopus-settings>"},
		"duplicate":     {`<octopus-settings><set key="K">a</set><set key="k">b</set><set key="L">c</set></octopus-settings>`, `<octopus-settings><set key="K">a</set><set key="k">new</set><set key="L">c</set></octopus-settings>`},
		"other case":    {`<octopus-settings><set key="k">old</set></octopus-settings>`, `<octopus-settings><set key="k">new</set></octopus-settings>`},
		"foreign parts": {`<octopus-settings><x><set key="K">old</set></x><set key="K">old</set><n:set xmlns:n="u" key="K">old</n:set><set>K</set></octopus-settings>`, `<octopus-settings><x><set key="K">old</set></x><set key="K">new</set><n:set xmlns:n="u" key="K">old</n:set><set>K</set></octopus-settings>`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := parse(t, test.before)
			if got := string(d.Bytes()); got != test.before {
				t.Errorf("reading alone made %q", got)
			}
			d.Set("K", "new")
			if got := string(d.Bytes()); got != test.after {
				t.Errorf("\n got %q\nwant %q", got, test.after)
			}
			if value, ok := d.Get("k"); value != "new" || !ok {
				t.Errorf("then it says %q, %v", value, ok)
			}
		})
	}
}

func TestAFileInUTF16StaysInUTF16(t *testing.T) {
	text := "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<octopus-settings>\r\n  <!-- größer 😀 -->\r\n  <set key=\"K\">%s</set>\r\n</octopus-settings>"
	for name, order := range map[string]binary.ByteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian} {
		t.Run(name, func(t *testing.T) {
			wide := func(value string) string {
				var b []byte
				for _, unit := range utf16.Encode([]rune(fmt.Sprintf(text, value))) {
					b = order.(binary.AppendByteOrder).AppendUint16(b, unit)
				}
				return string(b)
			}
			path := writeConfig(t, wide("old"))
			if _, err := Update(t.Context(), path, Change{Edit: setK("new 漢")}); err != nil {
				t.Fatal(err)
			}
			if got := content(t, path); got != wide("new 漢") {
				t.Errorf("\n got %q\nwant %q", got, wide("new 漢"))
			}
		})
	}
}

// Tentacle reads the file as UTF-8 whatever is declared; PowerShell declares
// UTF-16 in XML that it then writes as UTF-8.
func TestTheDeclaredEncodingIsIgnored(t *testing.T) {
	for _, encoding := range []string{"utf-16", "iso-8859-1", "no such"} {
		data := `<?xml version="1.0" encoding="` + encoding + `"?><octopus-settings><!-- M` + "\xfc" + `nchen --><set key="K">ä</set></octopus-settings>`
		d := parse(t, data)
		d.Set("K", "ö")
		if got, want := string(d.Bytes()), strings.Replace(data, "ä", "ö", 1); got != want {
			t.Errorf("\n got %q\nwant %q", got, want)
		}
	}
}

func TestAMissingSettingIsAddedInTheFilesOwnStyle(t *testing.T) {
	tests := map[string]struct{ before, after string }{
		"new instance":         {`<?xml version='1.0' encoding='UTF-8' ?><octopus-settings></octopus-settings>`, "<?xml version='1.0' encoding='UTF-8' ?><octopus-settings>\n  <set key=\"M\">v</set>\n</octopus-settings>"},
		"self-closing root":    {`<octopus-settings a='1' />`, "<octopus-settings a='1'>\n  <set key=\"M\">v</set>\n</octopus-settings>"},
		"empty, windows lines": {"<?xml version='1.0'?>\r\n<octopus-settings/>", "<?xml version='1.0'?>\r\n<octopus-settings>\r\n  <set key=\"M\">v</set>\r\n</octopus-settings>"},
		"only a comment":       {"<octopus-settings>\n  <!-- c -->\n</octopus-settings>", "<octopus-settings>\n  <!-- c -->\n  <set key=\"M\">v</set>\n</octopus-settings>"},
		"first":                {"<octopus-settings>\n\t<set key=\"N\">n</set>\n</octopus-settings>", "<octopus-settings>\n\t<set key=\"M\">v</set>\n\t<set key=\"N\">n</set>\n</octopus-settings>"},
		"between": {"<octopus-settings>\n    <set key=\"a\">1</set>\n    <!-- b -->\n    <set key=\"N\">n</set>\n</octopus-settings>",
			"<octopus-settings>\n    <set key=\"a\">1</set>\n    <set key=\"M\">v</set>\n    <!-- b -->\n    <set key=\"N\">n</set>\n</octopus-settings>"},
		"last, windows lines": {"<octopus-settings>\r\n  <set key=\"A\">1</set>\r\n</octopus-settings>", "<octopus-settings>\r\n  <set key=\"A\">1</set>\r\n  <set key=\"M\">v</set>\r\n</octopus-settings>"},
		"after a comment on the line": {"<octopus-settings>\n  <set key=\"A\">1</set> <!-- a --> \n</octopus-settings>",
			"<octopus-settings>\n  <set key=\"A\">1</set> <!-- a -->\n  <set key=\"M\">v</set> \n</octopus-settings>"},
		"unsorted":        {"<octopus-settings>\n  <set key=\"Z\">1</set>\n  <set key=\"A\">1</set>\n</octopus-settings>", "<octopus-settings>\n  <set key=\"Z\">1</set>\n  <set key=\"A\">1</set>\n  <set key=\"M\">v</set>\n</octopus-settings>"},
		"all on one line": {`<octopus-settings><set key="A" /><set key="Z" /></octopus-settings>`, `<octopus-settings><set key="A" /><set key="M">v</set><set key="Z" /></octopus-settings>`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := parse(t, test.before)
			d.Set("M", "v")
			if got := string(d.Bytes()); got != test.after {
				t.Errorf("\n got %q\nwant %q", got, test.after)
			}
		})
	}
}

func TestAValueIsWrittenAsDotNetWritesIt(t *testing.T) {
	d := parse(t, `<octopus-settings></octopus-settings>`)
	d.Set(`k"<>`, `a & b < c > d "e" 'f'`)
	want := `<set key="k&quot;&lt;>">a &amp; b &lt; c &gt; d "e" 'f'</set>`
	if got := string(d.Bytes()); !strings.Contains(got, want) {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if value, _ := parse(t, string(d.Bytes())).Get(`k"<>`); value != `a & b < c > d "e" 'f'` {
		t.Errorf("read again: %q", value)
	}
}

func TestTheLastOfSeveralEqualKeysCounts(t *testing.T) {
	d := parse(t, `<octopus-settings><set key="A">1</set><set key="B"> </set><set key="a">2</set></octopus-settings>`)
	want := []Setting{{"B", ""}, {"a", "2"}}
	if got := d.Settings(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := d.Get("C"); ok {
		t.Error("a setting that is not there was found")
	}
}

func TestAnInvalidConfigurationIsRefusedWithFileAndLine(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"empty":             {"", "is empty"},
		"only a mark":       {bom + "\r\n", "is empty"},
		"not XML":           {"hello", "line 1: there is text outside"},
		"JSON":              {`{"a":1}`, "line 1: there is text outside"},
		"wrong root":        {"\n<configuration/>", "line 2: this is not a Tentacle's configuration: its root element is <configuration>"},
		"namespace":         {`<octopus-settings xmlns="urn:x"/>`, "namespace"},
		"no element":        {"<!-- nothing -->", "it has no element <octopus-settings>"},
		"truncated":         {bom + head + "  <set key=\"Tentacle.Communication.Trust", "line 3: the file is incomplete"},
		"truncated value":   {head + "  <set key=\"a\">b", "line 3: the file is incomplete"},
		"truncated CDATA":   {head + "  <set key=\"a\"><![CDATA[b", "line 3: the file is incomplete"},
		"tags crossed":      {"<octopus-settings>\n<set></octopus-settings></set>", "line 2: it is not well-formed XML"},
		"bad entity":        {`<octopus-settings><set key="a">&who;</set></octopus-settings>`, "line 1: it is not well-formed XML"},
		"blank line first":  {"\n<?xml version=\"1.0\"?><octopus-settings/>", "line 2: the XML declaration"},
		"declared within":   {"<octopus-settings><?xml version=\"1.0\"?></octopus-settings>", "line 1: the XML declaration"},
		"two roots":         {`<octopus-settings/><octopus-settings/>`, "second root"},
		"text after":        {"<octopus-settings/>\nx", "text outside"},
		"attribute twice":   {`<octopus-settings><set key="a" key="b"/></octopus-settings>`, "attribute key twice"},
		"document type":     {`<!DOCTYPE x [<!ENTITY a "b">]><octopus-settings/>`, "document type"},
		"half UTF-16":       {"\xff\xfe<\x00o", "begins like UTF-16"},
		"half a character":  {"\xff\xfe\x00\xd8", "begins like UTF-16"},
		"UTF-16, no mark":   {"<\x00o\x00", "is not a text file"},
		"older Windows":     {"<octopus-settings>\n<set key=\"a\">M\xfcnchen</set></octopus-settings>", "line 2: it is not UTF-8"},
		"zeroes":            {strings.Repeat("\x00", 4096), "contains nothing but zero bytes, as after a crash"},
		"zeroes at the end": {head + "  <set key=\"a\">b" + strings.Repeat("\x00", 100), "contains nothing but zero bytes from line 3 on"},
		"zeroes, UTF-16":    {"\xff\xfe<\x00\x00\x00\x00\x00", "contains nothing but zero bytes from line 1 on"},
		"prefix":            {"<octopus-settings>\n<p:x/></octopus-settings>", "line 2: p:x has a prefix that is not declared"},
		"prefix, attribute": {"<octopus-settings>\n<x p:a=''/></octopus-settings>", "line 2: p:a has a prefix that is not declared"},
		"prefix elsewhere":  {"<octopus-settings>\n<x xmlns:p='u'/><p:x/></octopus-settings>", "line 2: p:x has a prefix"},
		"prefix of a URI":   {"<octopus-settings>\n<x xmlns:q='p'><p:x/></x></octopus-settings>", "line 2: p:x has a prefix"},
		"prefix of none":    {"<octopus-settings>\n<x xmlns:p=''/></octopus-settings>", "line 2: xmlns:p is empty"},
		"only a prefix":     {"<octopus-settings><p:/></octopus-settings>", `line 1: "p:" is not a name`},
		"only a colon":      {"<octopus-settings><x :a=''/></octopus-settings>", `line 1: ":a" is not a name`},
		"no space":          {"<octopus-settings>\n<x a='1'b='2'/></octopus-settings>", "line 2: the element <x> has no space"},
		"one twice by URI":  {"<octopus-settings><x xmlns:p='u' xmlns:q='u' p:a='' q:a=''/></octopus-settings>", "attribute a twice"},
		"xml:space":         {"<octopus-settings xml:space='keep'/>", "line 1: xml:space is \"keep\""},
		"<?XML":             {"<?XML version='1.0'?><octopus-settings/>", "line 1: <?XML …?> has a name"},
		"colon in <?":       {"<octopus-settings><?a:b?></octopus-settings>", "line 1: <?a:b …?> has a name"},
		"no version":        {"<?xml encoding='utf-8'?><octopus-settings/>", "line 1: the XML declaration is not like"},
		"version 1.1":       {"<?xml version='1.1'?><octopus-settings/>", "line 1: unsupported version"},
		"standalone":        {"<?xml version='1.0' standalone='maybe'?><octopus-settings/>", "line 1: the XML declaration is not like"},
		"escaped outside":   {"<octopus-settings/>&#32;", "line 1: there is text outside"},
		"CDATA outside":     {"<octopus-settings/><![CDATA[ ]]>", "line 1: there is text outside"},
		"larger than 64 M":  {"<octopus-settings>" + strings.Repeat(" ", maxSize), "64 MiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeConfig(t, test.data)
			longAgo(t, path)
			_, err := Read(path)
			if err == nil {
				t.Fatal("it was accepted")
			}
			damage, is := errors.AsType[*DamagedError](err)
			if !is || damage.Path != path || !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("unclear: %v", err)
			}
		})
	}
}

// TestWhatDotNetReadsIsRead: names with prefixes, what belongs to xml, and a reference to half of a
// character, which XmlTextReader takes without Normalization.
func TestWhatDotNetReadsIsRead(t *testing.T) {
	for name, data := range map[string]string{
		"prefixes":             `<octopus-settings xmlns:p="u"><p:x p:a="" a=""><q:y xmlns:q="v" q:b="1"/></p:x><set key="a">v</set></octopus-settings>`,
		"a prefix twice":       `<octopus-settings xmlns:p="u"><x xmlns:p="v"/><p:y/><set key="a">v</set></octopus-settings>`,
		"xml:space, xml:lang":  "<octopus-settings xml:space='preserve' xml:lang='de'>\n<set key='a' xml:space='default'>v</set></octopus-settings>",
		"half a character":     `<octopus-settings><!-- c --><other>&#xD800;</other><set key="a">v</set></octopus-settings>`,
		"all of a declaration": "<?xml version = '1.0'\n encoding='UTF-16' standalone = 'yes' ?><?xml-style a?><octopus-settings><set\n key = 'a' >v</set></octopus-settings>",
		"> in an attribute":    `<octopus-settings><x a="/>" b='>'/><set key="a" c=">">v</set></octopus-settings>`,
	} {
		d, err := Parse(name, []byte(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if value, _ := d.Get("a"); value != "v" || string(d.Bytes()) != data {
			t.Errorf("%s: value %q, %s", name, value, d.Bytes())
		}
		d.Set("a", "new")
		if want := strings.Replace(data, ">v<", ">new<", 1); string(d.Bytes()) != want {
			t.Errorf("%s: edited\n got %s\nwant %s", name, d.Bytes(), want)
		}
	}
}

func TestAFileThatCannotBeReadIsNamedOnce(t *testing.T) {
	folder := t.TempDir()
	for name, path := range map[string]string{"missing": filepath.Join(folder, "none.config"), "a folder": folder} {
		_, err := Read(path)
		if err == nil || strings.Count(err.Error(), path) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadingWaitsForATentacleThatIsWriting(t *testing.T) {
	path := writeConfig(t, "")
	go func() {
		time.Sleep(60 * time.Millisecond)
		_ = os.WriteFile(path, []byte(head+"</octopus-settings>"), 0o640)
	}()
	if _, err := Read(path); err != nil {
		t.Error(err)
	}
}

// piece is a part of a generated document; key is that of a setting, else "".
type piece struct{ text, key, value string }

func pieces(t *rapid.T) []piece {
	newline := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")
	lay := rapid.SampledFrom([]string{"", newline, newline + "  ", newline + "\t", newline + newline + "    ", " "})
	word := rapid.StringMatching(`[A-Za-z.]{1,6}`)
	plain := rapid.StringOf(rapid.SampledFrom([]rune("ab<>&\"' é\n漢[]{}:,1")))
	inXML := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	set := func() piece {
		key, value := word.Draw(t, "key"), orEmpty(plain.Draw(t, "value"))
		quote := rapid.SampledFrom([]string{`"`, `'`}).Draw(t, "quote")
		open := "<set" + rapid.SampledFrom([]string{" ", "\n  "}).Draw(t, "space") + "key=" + quote + key + quote + rapid.SampledFrom([]string{"", " ", ` other="x"`}).Draw(t, "rest")
		content := inXML(value)
		switch kind := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case kind == 0 && value == "":
			return piece{open + "/>", key, value}
		case kind == 1:
			content = "<![CDATA[" + strings.ReplaceAll(value, "]]>", "]]]]><![CDATA[>") + "]]>"
		case kind == 2:
			content = "<!-- " + word.Draw(t, "why") + " -->" + content
		case kind == 3:
			content += "<x>1</x>"
		}
		return piece{open + ">" + content + "</set>", key, value}
	}
	var list []piece
	add := func(s string) { list = append(list, piece{text: s}) }
	add(rapid.SampledFrom([]string{"", bom}).Draw(t, "mark"))
	add(rapid.SampledFrom([]string{"", `<?xml version="1.0" encoding="utf-8"?>`, "<?xml version='1.0'?>" + newline + "<!-- x -->"}).Draw(t, "head"))
	root := "<octopus-settings" + rapid.SampledFrom([]string{"", ` xmlns:xsi="http://x"`, " "}).Draw(t, "attributes")
	if rapid.IntRange(0, 9).Draw(t, "closed") == 0 {
		add(root + "/>")
		return list
	}
	add(root + ">")
	for range rapid.IntRange(0, 8).Draw(t, "settings") {
		add(lay.Draw(t, "before"))
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			add("<!-- <set key=\"" + word.Draw(t, "comment") + "\">no</set> -->")
		case 1:
			add(`<other><set key="` + word.Draw(t, "foreign") + `">no</set></other>`)
		default:
			list = append(list, set())
		}
	}
	add(lay.Draw(t, "before the end") + "</octopus-settings>" + rapid.SampledFrom([]string{"", newline, "<!-- end -->"}).Draw(t, "tail"))
	return list
}

// xmlOf is the text of a document in a file.
func xmlOf(d *Document) *xmlText { return d.body.(*xmlText) }

func joined(list []piece) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.text)
	}
	return b.String()
}

// settled: what the document believes is what a fresh reading of its bytes says.
func settled(t *rapid.T, d *Document) {
	fresh, err := Parse("again", d.Bytes())
	if err != nil {
		t.Fatalf("%v\nin %q", err, d.Bytes())
	}
	if xmlOf(fresh).root != xmlOf(d).root || !slices.Equal(xmlOf(fresh).sets, xmlOf(d).sets) {
		t.Fatalf("believed %+v %+v\n  read %+v %+v\nin %q", xmlOf(d).root, xmlOf(d).sets, xmlOf(fresh).root, xmlOf(fresh).sets, xmlOf(d).data)
	}
}

func TestWhateverTheDocumentAnEditIsLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := pieces(t)
		before := joined(list)
		d, err := Parse("generated", []byte(before))
		if err != nil {
			t.Fatalf("%v\nin %q", err, before)
		}
		settled(t, d)
		key := rapid.StringMatching(`[A-Za-z.]{1,6}`).Draw(t, "edited key")
		if keys := d.Settings(); len(keys) > 0 && rapid.Bool().Draw(t, "existing") {
			key = rapid.SampledFrom(keys).Draw(t, "which").Key
		}
		value := rapid.String().Draw(t, "new value")
		last := -1
		for i, p := range list {
			if p.key != "" && strings.EqualFold(p.key, key) {
				last = i
			}
		}
		had := d.Settings()
		d.Set(key, value)
		after := string(d.Bytes())
		settled(t, d)
		if got, _ := d.Get(key); got != orEmpty(replaceInvalid(value)) {
			t.Fatalf("set to %q it says %q", value, got)
		}
		if last >= 0 {
			prefix, suffix := joined(list[:last]), joined(list[last+1:])
			if !strings.HasPrefix(after, prefix) || !strings.HasSuffix(after, suffix) {
				t.Fatalf("bytes outside of the setting changed:\n%q\n%q", before, after)
			}
		} else {
			insertedOnly(t, before, after)
		}
		others := func(s []Setting) []Setting {
			return slices.DeleteFunc(slices.Clone(s), func(s Setting) bool { return strings.EqualFold(s.Key, key) })
		}
		if !slices.Equal(others(had), others(d.Settings())) {
			t.Fatalf("other settings changed: %v to %v", had, d.Settings())
		}
		d.Set(key, value)
		if string(d.Bytes()) != after {
			t.Fatal("setting the same value again changed the file")
		}
	})
}

// insertedOnly: after is before with something put in, where a root without
// content was opened first.
func insertedOnly(t *rapid.T, before, after string) {
	if open, closed := strings.CutSuffix(before, "/>"); closed && !strings.Contains(open, "</") {
		before = strings.TrimRight(open, " ") + "></octopus-settings>"
	}
	for n := range len(before) + 1 {
		if strings.HasPrefix(after, before[:n]) && strings.HasSuffix(after[n:], before[n:]) {
			return
		}
	}
	t.Fatalf("bytes outside of the new setting changed:\n%q\n%q", before, after)
}

func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		"", bom, "<octopus-settings/>", head + `  <set key="a">b</set>` + "\n</octopus-settings>",
		`<octopus-settings><set key='a'><![CDATA[x]]><!-- c --></set><set key="A" /></octopus-settings>`,
		"<octopus-settings>\r\n  <set key=\"K\">\r\n  </set>\r\n</octopus-settings>",
		`<!DOCTYPE x><octopus-settings>&lt;</octopus-settings>`, "\xff\xfe<\x00", "\xff\xfe\x00\xd8<\x00", string(encode([]byte(bom+"<octopus-settings/>"), littleEndian)), `<octopus-settings xmlns="x"><set key="a"/></octopus-settings>`,
		`<octopus-settings xmlns:p="u"><p:x p:a='>' xml:space="default"/><set key="a" p:b=""/></octopus-settings>`, `<octopus-settings><x a="1"b=""/></octopus-settings>`,
		`<octopus-settings><?x y?><set key="a"><set key="b">1</set>2</set>]]&gt;</octopus-settings>`,
	} {
		f.Add([]byte(seed), "a", "new")
		f.Add([]byte(seed), "b\r\n\t>\"'", " \r]]>\x00")
	}
	f.Fuzz(func(t *testing.T, data []byte, key, value string) {
		d, err := Parse("fuzzed", data)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Bytes(), data) {
			t.Fatal("reading changed the bytes")
		}
		d.Set(key, value)
		again, err := Parse("again", d.Bytes())
		if err != nil {
			t.Fatalf("%v\nin %q", err, d.Bytes())
		}
		got, ok := again.Get(replaceInvalid(key))
		if want := orEmpty(replaceInvalid(value)); !ok || got != want {
			t.Fatalf("set to %q, says %q, %v\nin %q", want, got, ok, d.Bytes())
		}
		if !slices.Equal(xmlOf(again).sets, xmlOf(d).sets) || xmlOf(again).root != xmlOf(d).root {
			t.Fatalf("places differ: %v and %v", xmlOf(d).sets, xmlOf(again).sets)
		}
	})
}

func large(entries int) []byte {
	list := make([]TrustedServer, entries)
	for i := range list {
		list[i] = TrustedServer{Thumbprint: strings.Repeat("A", 40), Style: StylePolling, Address: fmt.Sprintf("https://octo%d.example.com:10943", i), SubscriptionID: "poll://g3662re9njtelsyfhm7t/"}
	}
	d, _ := Parse("large", []byte("<octopus-settings></octopus-settings>"))
	d.SetTrustedServers(list)
	return d.Bytes()
}

func BenchmarkReadListAndEdit(b *testing.B) {
	for _, entries := range []int{1000, 10000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			data := large(entries)
			b.ReportAllocs()
			for b.Loop() {
				d, err := Parse("large", data)
				if err != nil {
					b.Fatal(err)
				}
				before, err := d.TrustedServers()
				if err != nil {
					b.Fatal(err)
				}
				after := Upsert(before, before[0].With("https://new.example.com:10943"))
				if diff := Diff(before, after); len(diff.Added) != 1 || len(diff.Unchanged) != entries {
					b.Fatal("the difference is wrong")
				}
				d.SetTrustedServers(after)
			}
		})
	}
}

func TestAFileOfCountlessElementsIsRefusedBeforeItTakesTheMemory(t *testing.T) {
	for _, piece := range []string{"<a/>", "<a>", `<set key=""/>`} {
		text := "<octopus-settings>" + strings.Repeat(piece, 16<<20/len(piece))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse("Tentacle.config", []byte(text))
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "more than 100000 elements") {
			t.Errorf("%s: %v", piece, err)
		}
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 128 {
			t.Errorf("%s: it took %d MiB", piece, took)
		}
	}
}

func TestKeysAreFoldedAsTheyAreCompared(t *testing.T) {
	keys := []string{"K", "k", "\u212a" /* Kelvin */, "s", "\u017f" /* long s */, "ß", "ẞ", "ss", "σ", "ς", "Σ", "i", "ı", "İ", "é", "É", ""}
	for _, a := range keys {
		for _, b := range keys {
			if got, want := foldCase(a) == foldCase(b), strings.EqualFold(a, b); got != want {
				t.Errorf("%q and %q are the same: %v, want %v", a, b, got, want)
			}
		}
	}
}
