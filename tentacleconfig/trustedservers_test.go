package tentacleconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

func list(t testing.TB, text string) []TrustedServer {
	t.Helper()
	list, err := ParseTrustedServers(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTrustedServersAreReadAsGenerouslyAsTentacleDoes(t *testing.T) {
	want := TrustedServer{Thumbprint: "AB", Style: StylePolling, Address: "https://octo1:10943", SubscriptionID: "poll://x/"}
	tests := map[string]string{
		"as written":      `[{"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://octo1:10943","Squid":null,"SubscriptionId":"poll://x/"}]`,
		"single quotes":   `[{'Thumbprint':'AB','CommunicationStyle':2,'Address':'https://octo1:10943','SubscriptionId':'poll://x/'}]`,
		"bare names":      `[{Thumbprint:"AB",CommunicationStyle:2,Address:"https://octo1:10943",SubscriptionId:"poll://x/"}]`,
		"names, any case": `[{"thumbprint":"AB","communicationSTYLE":2,"address":"https://octo1:10943","subscriptionid":"poll://x/"}]`,
		"style as name":   `[{"Thumbprint":"AB","CommunicationStyle":"TentacleActive","Address":"https://octo1:10943","SubscriptionId":"poll://x/"}]`,
		"style as text":   `[{"Thumbprint":"AB","CommunicationStyle":"2","Address":"https://octo1:10943","SubscriptionId":"poll://x/"}]`,
		"last one counts": `[{"Thumbprint":"no","CommunicationStyle":1,"thumbprint":" AB ","Address":"https://octo1:10943","SubscriptionId":"poll://x/","communicationstyle":2}]`,
		"style in octal":  `[{"Thumbprint":"AB","CommunicationStyle":02,"Address":"https://octo1:10943","SubscriptionId":"poll://x/"}]`,
		"style in hex":    `[{"Thumbprint":"AB","CommunicationStyle":0x2,"Address":"https://octo1:10943","SubscriptionId":"poll://x/"}]`,
		"style a decimal": `[{"Thumbprint":"AB","CommunicationStyle":2.0,"Address":"https://octo1:10943","SubscriptionId":"poll://x/"}]`,
		"trailing commas": `[{"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://octo1:10943","SubscriptionId":"poll://x/",},]`,
		"comments and lines": "// ours\n[ /* one */\r\n {\"Thumbprint\" : \"AB\", // the cluster's\n \"CommunicationStyle\":2,\n\t\"Address\":\"https:\\/\\/octo1\\u003a10943\"," +
			"\"SubscriptionId\":\"poll://x/\"}\n] // end",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got := list(t, text)
			if len(got) != 1 || !got[0].Equal(want) {
				t.Errorf("got %+v", got)
			}
		})
	}
	for _, text := range []string{"", " \n", "null", "/* none */", "[]", "[ ]"} {
		if got := list(t, text); len(got) != 0 {
			t.Errorf("%q is %v, not the empty list", text, got)
		}
	}
}

func TestTwoEntriesSayTheSameWhateverTheOrderOfTheirFields(t *testing.T) {
	const entry = `"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://octo1:10943"`
	one := list(t, `[{`+entry+`,"Ours":1,"Theirs":[2]}]`)[0]
	for text, want := range map[string]bool{
		`[{"Theirs":[2],` + entry + `,"Ours":1}]`: true,
		`[{` + entry + `,"Ours":1,"Theirs":[3]}]`: false,
		`[{` + entry + `,"Ours":1}]`:              false,
	} {
		if other := list(t, text)[0]; one.Equal(other) != want || other.Equal(one) != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

func TestAnInvalidListOfServersIsRefusedWithItsPlace(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"an object":         {`{"Thumbprint":"AB"}`, "line 1, column 1: expected a list in [ ], found an object"},
		"text":              {`"[]"`, "line 1, column 1: expected a list"},
		"a null entry":      {"[{\"Thumbprint\":\"AB\"},\n null]", "line 2, column 2: expected an entry in { }, found null"},
		"an entry of text":  {`["AB"]`, "line 1, column 2: expected an entry in { }, found text"},
		"cut off":           {`[{"Thumbprint":"AB"`, "line 1, column 2: the text ends before"},
		"cut off in text":   {`[{"Thumbprint":"AB`, "line 1, column 16: the text ends inside the string"},
		"cut off list":      {`[`, "line 1, column 1: the text ends before"},
		"no bracket":        {`[{oops`, `line 1, column 7: expected a colon after "oops", found the end`},
		"no comma":          {`[{"Thumbprint":"AB" "Address":null}]`, `line 1, column 21: expected a comma or '}', found '"'`},
		"two commas":        {`[{"Thumbprint":"AB"},,]`, "line 1, column 22: expected a value, found ','"},
		"more after it":     {`[] []`, "line 1, column 4: unexpected text"},
		"unknown style":     {`[{"Thumbprint":"AB","CommunicationStyle":"Carrier pigeon"}]`, `line 1, column 42: "Carrier pigeon" is not a communication style`},
		"style in brackets": {`[{"Thumbprint":"AB","CommunicationStyle":[2]}]`, "line 1, column 42: CommunicationStyle is neither a number nor a name"},
		"address an object": {`[{"Thumbprint":"AB","Address":{}}]`, "line 1, column 31: Address is neither"},
		"no thumbprint":     {`[{"Address":null}]`, "line 1, column 2: an entry has no Thumbprint"},
		"bad escape":        {`[{"Thumbprint":"\x41"}]`, `line 1, column 17: a backslash`},
		"bad escape, long":  {`[{"Thumbprint":"\x0041"}]`, `line 1, column 17: a backslash`},
		"open comment":      {`[] /* why`, "line 1, column 4: the text ends inside the comment"},
		"undefined":         {`[{"Thumbprint":undefined}]`, "line 1, column 16: Thumbprint is neither"},
		"style misspelled":  {`[{"Thumbprint":"AB","CommunicationStyle":"tentacleACTIVE"}]`, `line 1, column 42: "tentacleACTIVE" is not spelled as Tentacle needs it: write TentacleActive`},
		"style too large":   {`[{"Thumbprint":"AB","CommunicationStyle":3e9}]`, "line 1, column 42: 3e9 is not the number of a"},
		"style NaN":         {`[{"Thumbprint":"AB","CommunicationStyle":NaN}]`, "line 1, column 42: CommunicationStyle is neither a number"},
		"octal 8":           {`[{"Thumbprint":"AB","x":08}]`, "line 1, column 25: expected a value"},
		"hexadecimal g":     {`[{"Thumbprint":"AB","x":0xg}]`, "line 1, column 25: expected a value"},
		"a plus":            {`[{"Thumbprint":"AB","x":+1}]`, "line 1, column 25: expected a value"},
		"null, large":       {`[{"Thumbprint":"AB","x":Null}]`, "line 1, column 25: expected a value"},
		"negative NaN":      {`[{"Thumbprint":"AB","x":-NaN}]`, "line 1, column 25: expected a value"},
		"wide characters":   {`[{"é漢":1 2}]`, "line 1, column 10"},
		"very deep":         {`[{"Thumbprint":"AB","x":` + strings.Repeat("[", 100000), "nested"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTrustedServers(test.text)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("\n got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestAnUnreadableListIsRefusedWithFileAndLine(t *testing.T) {
	d := parse(t, head+"  <set key=\"tentacle.communication.trustedoctopusservers\">\n[\n  {oops]\n</set>\n</octopus-settings>")
	_, err := d.TrustedServers()
	want := `Tentacle.config, line 3: the setting Tentacle.Communication.TrustedOctopusServers is not a list of servers: in its value, line 3, column 8: expected a colon after "oops", found ']'`
	if damage, is := errors.AsType[*DamagedError](err); !is || damage.Line != 3 || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestAnEntryKeepsItsOrderAndTheFieldsWeDoNotKnow(t *testing.T) {
	before := `[{ "Future" : {"a":[1, 2.50e3 ,'é"<&>']}, thumbprint:'AB', "CommunicationStyle":"TentacleActive", "Squid":"", "x y":"\ud800\u0041", "Empty":{},"List":[] }]`
	want := `[{"Future":{"a":[1,2.50e3,"é\"<&>"]},"Thumbprint":"AB","CommunicationStyle":2,"Squid":"","x y":"\ud800\u0041","Empty":{},"List":[],"Address":"https://a:1/?<&>","SubscriptionId":null}]`
	got := list(t, before)
	got[0] = got[0].With("https://a:1/?<&>")
	if text := FormatTrustedServers(got); text != want {
		t.Errorf("\n got %s\nwant %s", text, want)
	} else if !json.Valid([]byte(text)) {
		t.Error("that is not JSON")
	}
}

// TestOfAFieldThatIsThereTwiceTheLastOneCounts, as Newtonsoft.Json has it, however many there are.
func TestOfAFieldThatIsThereTwiceTheLastOneCounts(t *testing.T) {
	for _, more := range []int{0, 1, manyFields, 3 * manyFields} {
		var others strings.Builder
		for i := range more {
			fmt.Fprintf(&others, `"F%d":%d,`, i, i)
		}
		before := `[{"Thumbprint":"AB","It's":'it\'s',"Ours":1,` + others.String() + `"Ours":2,"thumbprint":"CD","Address":"","CommunicationStyle":2,"Ours":3,"SubscriptionId":null,"Squid":null}]`
		want := `[{"Thumbprint":"CD","It's":"it's","Ours":3,` + others.String() + `"Address":"https://a:1/","CommunicationStyle":2,"SubscriptionId":null,"Squid":null}]`
		got := list(t, before)
		got[0] = got[0].With("https://a:1/")
		if text := FormatTrustedServers(got); text != want {
			t.Errorf("%d more fields:\n got %s\nwant %s", more, text, want)
		}
	}
}

// TestWordsThatStrictJSONDoesNotHaveAreReadAndStay: Newtonsoft.Json reads them in fields that
// Tentacle does not know.
func TestWordsThatStrictJSONDoesNotHaveAreReadAndStay(t *testing.T) {
	words := []string{"NaN", "Infinity", "-Infinity", "undefined", "0x1F", "0XaB", "017", "-012", ".5", "5.", "-.5", "1e999", "007"}
	for _, word := range words {
		got := list(t, `[{"Thumbprint":"AB","x":`+word+`,"y":[{a:`+word+`}]}]`)
		text := FormatTrustedServers([]TrustedServer{got[0].With("https://a:1")})
		if !strings.Contains(text, `"x":`+word+`,"y":[{"a":`+word+`}]`) {
			t.Errorf("%s is written %s", word, text)
		}
		if again := list(t, text); !again[0].Equal(got[0].With("https://a:1")) {
			t.Errorf("%s: read again, %s is another entry", word, text)
		}
	}
	got := list(t, `[{"Thumbprint":0x1F,"Squid":true,"Address":NaN}]`)[0]
	if got.Thumbprint != "0x1F" || got.Squid != "true" || got.Address != "NaN" {
		t.Errorf("for a string: %+v", got)
	}
}

// TestStylesAreReadAsTentacleReadsThem: a name has just the case of the enumeration.
func TestStylesAreReadAsTentacleReadsThem(t *testing.T) {
	for value, want := range map[string]Style{
		`"Ssh"`: 3, `"StepPackage"`: 10, `"KubernetesTentacle"`: 11, `" TentaclePassive "`: 1, `"2"`: 2, "2.5": 2, "true": 1, "false": 0, "undefined": 0, "-1": -1,
	} {
		if got := list(t, `[{"Thumbprint":"AB","CommunicationStyle":`+value+`}]`); got[0].Style != want {
			t.Errorf("%s is %v", value, got[0].Style)
		}
	}
}

func TestANewEntryIsWrittenAsTentacleWritesIt(t *testing.T) {
	s := TrustedServer{Thumbprint: "AB", Style: StyleListening}
	want := `[{"Thumbprint":"AB","CommunicationStyle":1,"Address":null,"Squid":null,"SubscriptionId":null}]`
	if got := FormatTrustedServers([]TrustedServer{s}); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := FormatTrustedServers(nil); got != "[]" {
		t.Errorf("no servers are written as %s", got)
	}
}

func TestStylesAreReadByNameAndByNumber(t *testing.T) {
	for text, want := range map[string]Style{"None": 0, "tentaclepassive": 1, " TentacleActive ": 2, "KUBERNETESTENTACLE": 11, "2": 2, "9": 9} {
		if got, err := ParseStyle(text); got != want || err != nil {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Active", "2.0", "99999999999"} {
		if _, err := ParseStyle(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if got := list(t, `[{"Thumbprint":"A","CommunicationStyle":9},{"Thumbprint":"A","CommunicationStyle":null}]`); got[0].Style.String() != "9" || got[1].Style.String() != "None" {
		t.Errorf("got %v and %v", got[0].Style, got[1].Style)
	}
}

func TestOnlyEntriesThatPollPoll(t *testing.T) {
	tests := map[string]bool{
		`{"Thumbprint":"A","CommunicationStyle":2,"Address":"https://a:1"}`:                                                        true,
		`{"Thumbprint":"A","CommunicationStyle":2,"Address":null}`:                                                                 false,
		`{"Thumbprint":"A","CommunicationStyle":1,"Address":"https://a:1"}`:                                                        false,
		`{"Thumbprint":"A","CommunicationStyle":11,"Address":"https://a:1"}`:                                                       true,
		`{"Thumbprint":"A","CommunicationStyle":11,"KubernetesTentacleCommunicationMode":"Polling","Address":"https://a:1"}`:       true,
		`{"Thumbprint":"A","CommunicationStyle":"11","kubernetesTentacleCommunicationMode":"listening","Address":"https://a:1"}`:   false,
		`{"Thumbprint":"A","CommunicationStyle":11,"AgentCommunicationMode":"Listening","Address":"https://a:1"}`:                  false,
		`{"Thumbprint":"A","CommunicationStyle":11,"Ours":"Listening","Address":"https://a:1"}`:                                    true,
		`{"Thumbprint":"A","CommunicationStyle":2,"KubernetesTentacleCommunicationMode":"Listening","Address":"https://a:1"}`:      true,
		`{"Thumbprint":"A","CommunicationStyle":11,"KubernetesTentacleCommunicationMode":"Polling","Address":null,"Squid":"SQ-1"}`: false,
	}
	for text, want := range tests {
		if got := list(t, "["+text+"]")[0].Polls(); got != want {
			t.Errorf("%s polls: %v", text, got)
		}
	}
}

func TestUpsertReplacesTheSameServerAndAppendsAnotherOne(t *testing.T) {
	before := list(t, `[{"Thumbprint":"AB","CommunicationStyle":1,"Address":null},{"Thumbprint":"ab","CommunicationStyle":2,"Address":"https://Octo1:10943/","Squid":"SQ","SubscriptionId":"poll://x/","Future":1}]`)
	text := FormatTrustedServers(before)
	same := TrustedServer{Thumbprint: "AB", Style: StylePolling, Address: "https://octo1:10943", SubscriptionID: "poll://x/"}
	if got := FormatTrustedServers(Upsert(before, same)); got != text {
		t.Errorf("the same server in another spelling made %s", got)
	}
	same.SubscriptionID = "poll://y/"
	got := Upsert(before, same)
	want := `{"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://octo1:10943","Squid":"SQ","SubscriptionId":"poll://y/","Future":1}`
	if len(got) != 2 || FormatTrustedServers(got[1:]) != "["+want+"]" {
		t.Errorf("another subscription made %s", FormatTrustedServers(got))
	}
	got = Upsert(before, before[1].With("https://octo2:10943"))
	if len(got) != 3 || got[2].Address != "https://octo2:10943" || got[2].SubscriptionID != "poll://x/" {
		t.Errorf("another address made %s", FormatTrustedServers(got))
	}
	other := same
	other.Thumbprint = "CD"
	if got := Upsert(before, other); len(got) != 3 {
		t.Errorf("another thumbprint made %s", FormatTrustedServers(got))
	}
	if FormatTrustedServers(before) != text {
		t.Error("the argument was modified")
	}
}

func TestWithoutDropsOnlyWhatIsPicked(t *testing.T) {
	before := list(t, `[{"Thumbprint":"A"},{"Thumbprint":"B"},{"Thumbprint":"A"}]`)
	got := Without(before, func(s TrustedServer) bool { return s.Thumbprint == "A" })
	if len(got) != 1 || got[0].Thumbprint != "B" || len(before) != 3 || before[0].Thumbprint != "A" {
		t.Errorf("got %v, and the argument is %v", got, before)
	}
}

func TestDiffTellsWhatAChangeDoes(t *testing.T) {
	before := list(t, `[{"Thumbprint":"A","Address":"https://a:1","Squid":"1"},{"Thumbprint":"A","Address":"https://b:1"},{"Thumbprint":"A","Address":"https://c:1"},{"Thumbprint":"A","Address":"https://c:1"}]`)
	after := list(t, `[{"Thumbprint":"A","Address":"https://d:1"},{"Thumbprint":"a","Address":"https://A:1/","Squid":"2"},{"Thumbprint":"A","Address":"https://c:1"}]`)
	d := Diff(before, after)
	addresses := func(list []TrustedServer) (s []string) {
		for _, e := range list {
			s = append(s, e.Address)
		}
		return s
	}
	got := [][]string{addresses(d.Added), addresses(d.Updated), addresses(d.Removed), addresses(d.Unchanged)}
	want := [][]string{{"https://d:1"}, {"https://A:1/"}, {"https://b:1", "https://c:1"}, {"https://c:1"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if d.Empty() || !Diff(before, slices.Clone(before)).Empty() {
		t.Error("Empty is wrong")
	}
}

func TestSettingTheSameServersKeepsTheirForm(t *testing.T) {
	for _, value := range []string{
		"\n[ {'Thumbprint':'AB', 'CommunicationStyle':'TentacleActive', 'Address':'https://a:1', // hand-made\n}, ]\n", "null", "", "[ ]",
	} {
		before := `<octopus-settings><set key="Tentacle.Communication.TrustedOctopusServers">` + value + `</set></octopus-settings>`
		d := parse(t, before)
		servers, err := d.TrustedServers()
		if err != nil {
			t.Fatal(err)
		}
		d.SetTrustedServers(slices.Clone(servers))
		if got := string(d.Bytes()); got != before {
			t.Errorf("got %q", got)
		}
	}
	d := parse(t, "<octopus-settings/>")
	d.SetTrustedServers(nil)
	if got := string(d.Bytes()); got != "<octopus-settings/>" {
		t.Errorf("no servers where there were none made %q", got)
	}
}

func TestSubscriptionsAreRandom(t *testing.T) {
	form := regexp.MustCompile(`^poll://[a-z0-9]{20}/$`)
	a, b := NewSubscriptionID(), NewSubscriptionID()
	if !form.MatchString(a) || !form.MatchString(b) || a == b {
		t.Errorf("%s and %s", a, b)
	}
}

// What Tentacle made of files that people had edited (unknown fields
// aside, which it loses).
func TestEditsAgreeWithTheRecordedOnes(t *testing.T) {
	data, err := os.ReadFile("testdata/recorded-edits.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded []struct {
		Name, Before string
		Steps        []struct {
			Exit    int
			Trusted *string
		}
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded) < 15 {
		t.Fatalf("only %d recordings", len(recorded))
	}
	for _, r := range recorded {
		t.Run(r.Name, func(t *testing.T) {
			d, err := Parse("recorded", []byte(r.Before))
			for _, step := range r.Steps {
				var now []TrustedServer
				if err == nil {
					now, err = d.TrustedServers()
				}
				if step.Exit != 0 {
					if err == nil {
						t.Fatal("Tentacle refuses this")
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				recorded := list(t, *step.Trusted)
				d.SetTrustedServers(Upsert(now, recorded[len(recorded)-1]))
				got, _ := parse(t, string(d.Bytes())).Get(KeyTrustedServers)
				if got = strings.ReplaceAll(got, `"Future":{"a":1},`, ""); got != *step.Trusted {
					t.Errorf("\n got %s\nwant %s", got, *step.Trusted)
				}
			}
		})
	}
}

// looseWord finds what may be a word that strict JSON does not have.
var looseWord = regexp.MustCompile(`NaN|Infinity|undefined|\.([^0-9]|$)|(^|[^0-9])\.|0[0-9xX]`)

func FuzzTrustedServers(f *testing.F) {
	for _, seed := range []string{
		"", "null", "[]", `[{"Thumbprint":"AB","CommunicationStyle":2,"Address":"https://a:1","Squid":null,"SubscriptionId":"poll://x/"},]`,
		`[{'Thumbprint':'it\'s',/* c */ CommunicationStyle:'TentacleActive', x:{"y":[1,-2.5e-3,true,null,"\u00e9\"<"]}}] // end`,
		`[{"Thumbprint":"A","CommunicationStyle":0x2,"x":[NaN,undefined,-Infinity,.5,017,-012]}]`,
		`[{"Thumbprint":"A","thumbprint":7,"Squid":"","Future":{"a":1}}`, "[null]", `[{"a":"` + "\x01\xff" + `"}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := ParseTrustedServers(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("an error without a place: %v", err)
			}
			return
		}
		written := FormatTrustedServers(first)
		if !json.Valid([]byte(written)) && !looseWord.MatchString(text) {
			t.Fatalf("%q is not JSON", written)
		}
		second, err := ParseTrustedServers(written)
		if err != nil || !slices.EqualFunc(first, second, TrustedServer.Equal) {
			t.Fatalf("%q became %q: %v", text, written, err)
		}
		if again := FormatTrustedServers(second); again != written {
			t.Fatalf("%q is written %q the second time", written, again)
		}
		if !Diff(first, second).Empty() {
			t.Fatal("a difference between equal lists")
		}
	})
}

func TestAddressesAreStoredInOneForm(t *testing.T) {
	tests := map[string]string{
		"https://octo1.domain.com:10943":     "https://octo1.domain.com:10943",
		" https://OCTO1:10943/ ":             "https://octo1:10943",
		"http://127.0.0.2:10943":             "https://127.0.0.2:10943",
		"HTTPS://127.0.0.2":                  "https://127.0.0.2:443",
		"https://[2001:DB8:0::1]:10943":      "https://[2001:db8::1]:10943",
		"https://[::1]":                      "https://[::1]:443",
		"https://octo1:010943":               "https://octo1:10943",
		"https://Ökto.example:10943":         "https://xn--kto-rna.example:10943",
		"wss://Octo.example/OctopusComms":    "wss://octo.example/OctopusComms",
		"wss://octo.example:8443/Octopus/x/": "wss://octo.example:8443/Octopus/x/",
		"wss://octo.example/":                "wss://octo.example",
	}
	for text, want := range tests {
		got, err := AddressOf(text)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestAHostIsRefusedWithTheAddressThatItProbablyMeans(t *testing.T) {
	for text, want := range map[string]string{
		"octo1":                   "write it like https://octo1:10943",
		"octo1.example.com:10950": "write it like https://octo1.example.com:10950",
		"192.0.2.1":               "write it like https://192.0.2.1:10943",
		"-octo1":                  addressExample,
		"octo1/OctopusComms":      addressExample,
		"octo1:port":              addressExample,
	} {
		if _, err := AddressOf(text); err == nil || !slices.Equal(hint.Of(err), []string{want}) {
			t.Errorf("%q: %v, hints %q, want %q", text, err, hint.Of(err), want)
		}
	}
}

func TestBadAddressesAreRefusedWithAnExample(t *testing.T) {
	for _, text := range []string{
		"", "not a uri", "ftp://octo1:10943", "poll://abc/", "https://", "https://:10943", "https://octo1:0", "https://octo1:65536",
		"https://octo1:x", "https://octo1:-1", "https://octo1/OctopusComms", "https://octo1:10943?a=b", "https://octo1:10943#", "https://octo1:10943/?",
		"https://octo 1:10943", "https://öcto 1:10943", "https://ö\u2028:1", "https://\u00ad:1", "https://ö\uff1a:1", "https://a,b:1", "https://[::1", "https://::1:10943", "https://[fe80::1%25eth0]:1", "https://[fe80::1%eth0]:1", "{https://a:1", "https://a\x7f:1", "//octo1:10943", "wss://octo/x?y",
	} {
		if got, err := AddressOf(text); err == nil {
			t.Errorf("%q became %q", text, got)
		} else if !strings.Contains(printed(err), addressExample) || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("%q: unclear: %v", text, err)
		} else if strings.Contains(err.Error(), "net/url") || strings.Contains(err.Error(), "path segment") {
			t.Errorf("%q: in Go's words: %v", text, err)
		}
	}
}

func TestAPasswordInAnAddressIsNotShown(t *testing.T) {
	for _, text := range []string{"https://me:hunter2@octo1:10943", "me:hunter2@octo1", "https://me:hunter2@%zz"} {
		if _, err := AddressOf(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTwoSpellingsOfAnAddressAreTheSame(t *testing.T) {
	same := [][2]string{
		{"https://octo1:10943", "https://OCTO1:10943/"}, {"http://octo1:10943", "https://octo1:10943"}, {"https://octo1", "https://octo1:443/"},
		{"https://[::1]:10943", "https://[0:0::1]:10943"}, {"https://öcto:1", "https://xn--cto-rna:1"}, {"https://öcto:1", "https://ÖCTO:1"}, {"wss://o/OctopusComms", "wss://O:443/octopuscomms/"}, {"", ""}, {"Odd one", "odd ONE/"},
	}
	for _, pair := range same {
		if !SameAddress(pair[0], pair[1]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
	different := [][2]string{
		{"https://octo1:10943", "https://octo1:10944"}, {"https://octo1:10943", "https://octo2:10943"}, {"https://octo1:10943", "wss://octo1:10943"},
		{"", "https://octo1"}, {"wss://o/a", "wss://o/b"}, {"https://octo1:443", "https://octo1:80"},
	}
	for _, pair := range different {
		if SameAddress(pair[0], pair[1]) {
			t.Errorf("%q and %q are different", pair[0], pair[1])
		}
	}
}

func TestServersAreFoundByWhatTheyAre(t *testing.T) {
	listening := TrustedServer{Thumbprint: "AB", Style: StyleListening}
	polling := TrustedServer{Thumbprint: "CD", Style: StylePolling, Address: "https://octo1:10943", SubscriptionID: "poll://a/"}
	all := []TrustedServer{listening, polling}
	if Polling(nil) || Polling(all[:1]) || !Polling(all) {
		t.Error("whether any is polled")
	}
	if !polling.IsAt([]string{"https://octo2:10943", "HTTPS://OCTO1:10943/"}) || polling.IsAt([]string{"https://octo2:10943"}) || listening.IsAt([]string{""}) {
		t.Error("whether it is at an address")
	}
	unsubscribed := polling
	unsubscribed.SubscriptionID = ""
	for _, test := range []struct {
		servers             []TrustedServer
		thumbprint, address string
		want                bool
	}{
		{all, "cd", "https://OCTO1:10943/", true},
		{all, "AB", "https://octo1:10943", false},
		{all, "CD", "https://octo2:10943", false},
		{[]TrustedServer{unsubscribed}, "CD", "https://octo1:10943", false},
		{nil, "CD", "https://octo1:10943", false},
	} {
		if _, got := PolledIn(test.servers).At(test.thumbprint, test.address); got != test.want {
			t.Errorf("%s at %s is polled: %v", test.thumbprint, test.address, got)
		}
	}
}

func TestATentacleListensUnlessToldNotTo(t *testing.T) {
	for value, want := range map[string]bool{"": true, "False": true, " TRUE ": false, "true": false} {
		d := parse(t, "<octopus-settings/>")
		d.Set(KeyNoListen, value)
		if got := d.Listens(); got != want {
			t.Errorf("with NoListen %q: %v", value, got)
		}
	}
	if !parse(t, "<octopus-settings/>").Listens() {
		t.Error("without the setting")
	}
}
