package tentacleconfig

import (
	"slices"
	"strings"
	"testing"
)

const upper, lower = "ABCDEF0123456789ABCDEF0123456789ABCDEF01", "abcdef0123456789abcdef0123456789abcdef01"

// withSquid is a configuration with these trusted servers and that Squid.
func withSquid(t testing.TB, servers, squid string) *Document {
	t.Helper()
	d, err := Parse("Tentacle.config", []byte("<octopus-settings/>"))
	if err != nil {
		t.Fatal(err)
	}
	d.Set(KeyTrustedServers, servers)
	if squid != "" {
		d.Set(KeySquid, squid)
	}
	return d
}

func TestAnEntryWithoutSubscriptionPollsAsTheSquidOfTheTentacle(t *testing.T) {
	const entry = `{"Thumbprint":"` + upper + `","CommunicationStyle":2,"Address":"https://a:1","Squid":"SQ-OCTO-2","SubscriptionId":null}`
	for _, test := range []struct{ entry, squid, want string }{
		{entry, "SQ-WEB01-AAAA0000", "poll://sq-web01-aaaa0000/"},
		{entry, "", ""},
		{entry, " \n", ""},
		{strings.Replace(entry, "null", `"poll://own/"`, 1), "SQ-1", "poll://own/"},
		{strings.Replace(entry, "null", `""`, 1), "SQ-1", ""},
		{strings.Replace(entry, ":2,", ":11,", 1), "SQ-1", "poll://sq-1/"},
		{strings.Replace(entry, ":2,", `:11,"KubernetesTentacleCommunicationMode":"Listening",`, 1), "SQ-1", ""},
		{strings.Replace(entry, ":2,", ":1,", 1), "SQ-1", ""},
		{strings.Replace(entry, `"https://a:1"`, "null", 1), "SQ-1", ""},
	} {
		servers, err := withSquid(t, "["+test.entry+"]", test.squid).TrustedServers()
		if err != nil || servers[0].SubscriptionID != test.want || servers[0].Subscribes() != (test.want != "") {
			t.Errorf("%s, Squid %q: %q, %v", test.entry, test.squid, servers[0].SubscriptionID, err)
		}
		if got := FormatTrustedServers(servers); got != "["+test.entry+"]" {
			t.Errorf("%s is written as %s", test.entry, got)
		}
	}
}

func TestTheNullOfAnEntryStaysUntilItsSubscriptionChanges(t *testing.T) {
	const entry = `{"Thumbprint":"` + lower + `","CommunicationStyle":2,"Address":"https://a:1","Squid":null,"SubscriptionId":null}`
	d := withSquid(t, "["+entry+"]", "SQ-1")
	before := string(d.Bytes())
	now, err := d.TrustedServers()
	if err != nil {
		t.Fatal(err)
	}
	written := now[0]
	written.fields, written.SubscriptionID, written.followsSquid = nil, "POLL://SQ-1", false
	d.SetTrustedServers([]TrustedServer{written})
	if got := string(d.Bytes()); got != before || !Diff(now, []TrustedServer{written}).Empty() {
		t.Errorf("the same subscription, written: got %s", got)
	}
	after := Repair(Upsert(now, now[0].With("https://b:1")))
	want := `[` + strings.Replace(entry, lower, upper, 1) + `,` +
		strings.NewReplacer(lower, upper, "a:1", "b:1", `"SubscriptionId":null`, `"SubscriptionId":"poll://sq-1/"`).Replace(entry) + `]`
	if got := FormatTrustedServers(after); got != want {
		t.Errorf("another address:\n got %s\nwant %s", got, want)
	}
	changed := now[0]
	changed.SubscriptionID = "poll://new/"
	if got := FormatTrustedServers(Upsert(now, changed)); !strings.Contains(got, `"SubscriptionId":"poll://new/"`) {
		t.Errorf("another subscription: got %s", got)
	}
}

func TestSubscriptionsAreComparedAsURIs(t *testing.T) {
	for _, pair := range [][2]string{{"poll://abc/", "poll://abc"}, {"POLL://Abc/", "poll://abc/"}, {"", ""}} {
		if !sameSubscription(pair[0], pair[1]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
	if sameSubscription("poll://abc/", "poll://abd/") || sameSubscription("poll://abc/", "") {
		t.Error("different ones are the same")
	}
}

func TestWhatKeepsATentacleFromStartingIsKnown(t *testing.T) {
	for _, test := range []struct {
		address, subscription string // null where it is ""
		subscribes            bool
		address_, sub_        bool // prevents the start
	}{
		{"https://a:1", `"poll://x/"`, true, false, false},
		{"http://A:1/x?y", `"POLL://X"`, true, false, false},
		{"octo1:10943", `"poll://x/"`, true, false, false}, // a URI of the scheme octo1
		{"octo1.example.com:10943", `"poll://x/"`, true, false, false},
		{"127.0.0.1:10943", `"poll://x/"`, true, true, false},
		{"[::1]:10943", `"poll://x/"`, true, true, false},
		{"octo1", `"poll://x/"`, true, true, false},
		{"https://", `"poll://x/"`, true, true, false},
		{"https://a b:1", `"poll://x/"`, true, true, false},
		{"https://a:65536", `"poll://x/"`, true, true, false},
		{"wss://a/OctopusComms", "null", false, false, false}, // polls poll:///
		{"https://a:1", `"poll:///"`, false, false, false},
		{"https://a:1", `""`, false, false, true},
		{"https://a:1", `" "`, false, false, true},
		{"https://a:1", `"abc"`, false, false, true},
		{"https://a:1", `"abc/def"`, false, false, true},
	} {
		for style, polls := range map[string]bool{"2": true, "11": true, "1": false, "0": false} {
			s := list(t, `[{"Thumbprint":"`+upper+`","CommunicationStyle":`+style+`,"Address":"`+test.address+`","SubscriptionId":`+test.subscription+`}]`)[0]
			if s.Subscribes() != (polls && test.subscribes) || s.AddressPreventsStart() != (polls && test.address_) || s.SubscriptionPreventsStart() != (polls && test.sub_) {
				t.Errorf("%s of style %s under %s: %v, %v, %v", test.address, style, test.subscription, s.Subscribes(), s.AddressPreventsStart(), s.SubscriptionPreventsStart())
			}
			want := "" // what is wrong
			switch {
			case polls && test.address_:
				want = test.address + "\" is not an address to poll"
			case polls && test.sub_:
				want = test.address + " is polled under " + test.subscription
			}
			err := Startable([]TrustedServer{{Thumbprint: upper, Style: StyleListening}, s})
			if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s of style %s under %s: %v", test.address, style, test.subscription, err)
			}
		}
	}
}

func TestWhatTheTentacleCannotUseIsRepaired(t *testing.T) {
	entry := func(style, thumbprint, address, subscription string) string {
		return `{"Thumbprint":"` + thumbprint + `","CommunicationStyle":` + style + `,"Address":` + address + `,"Squid":null,"SubscriptionId":` + subscription + `}`
	}
	polled := func(thumbprint, address, subscription string) string {
		return entry("2", thumbprint, `"`+address+`"`, subscription)
	}
	const x, y, null, other = `"poll://x/"`, `"poll://y/"`, "null", "1111111111111111111111111111111111111111"
	for name, test := range map[string]struct {
		before []string
		squid  string
		after  []string // nil: as before
	}{
		"nothing to repair": {before: []string{polled(upper, "http://A:1/", x), polled(other, "https://a:1/x", y), polled("abc", "https://b:1", null), entry("2", upper, null, `""`)}},
		"lower case":        {before: []string{polled(lower, "https://a:1", x)}, after: []string{polled(upper, "https://a:1", x)}},
		"lower case, of one that listens, or is not set": {before: []string{entry("1", lower, null, null), entry("0", lower, `"a:1"`, `""`)}},
		"blanks and marks":                   {before: []string{polled("\u200eab "+lower[2:], "https://a:1", x)}, after: []string{polled(upper, "https://a:1", x)}},
		"an agent":                           {before: []string{entry("11", lower, `"https://a:1"`, x)}, after: []string{entry("11", upper, `"https://a:1"`, x)}},
		"no https://":                        {before: []string{polled(upper, "Octo1:010943/", x)}, after: []string{polled(upper, "https://octo1:10943", x)}},
		"an IPv6 address":                    {before: []string{polled(upper, "[::1]:10943", x)}, after: []string{polled(upper, "https://[::1]:10943", x)}},
		"no port either":                     {before: []string{polled(upper, "octo1", x)}},
		"an empty subscription, and others":  {before: []string{polled(upper, "https://a:1", `""`), polled(lower, "https://b:1", x), polled(upper, "https://c:1", y)}, after: []string{polled(upper, "https://a:1", x), polled(upper, "https://b:1", x), polled(upper, "https://c:1", y)}},
		"no URI, and one of another cluster": {before: []string{polled(upper, "https://a:1", `"abc"`), polled(other, "https://b:1", x)}},
		"an empty subscription, and a Squid": {before: []string{polled(upper, "https://a:1", `""`)}, squid: "SQ", after: []string{polled(upper, "https://a:1", `"poll://sq/"`)}},
		"an empty subscription, and others of the Squid": {before: []string{polled(upper, "https://a:1", null), polled(upper, "https://b:1", `""`)}, squid: "SQ",
			after: []string{polled(upper, "https://a:1", null), polled(upper, "https://b:1", `"poll://sq/"`)}},
		"null, and others":                                 {before: []string{polled(upper, "https://a:1", null), polled(upper, "https://b:1", x)}},
		"twice, once right":                                {before: []string{polled(lower, "https://a:1", y), polled(upper, "a:1", y), polled(upper, "https://a:1", x)}, after: []string{polled(upper, "https://a:1", x)}},
		"twice the same":                                   {before: []string{polled(upper, "https://a:1", x), polled(other, "https://a:1", x), polled(upper, "HTTP://A:1/", `"POLL://X"`), entry("11", upper, `"https://a:1"`, x)}, after: []string{polled(upper, "https://a:1", x), polled(other, "https://a:1", x)}},
		"twice, under two subscriptions":                   {before: []string{polled(upper, "https://a:1", x), polled(upper, "https://a:1", y)}},
		"twice, once without a style":                      {before: []string{entry("0", upper, `"https://a:1"`, x), polled(upper, "https://a:1", x), entry("0", upper, `"https://b:1"`, x)}, after: []string{polled(upper, "https://a:1", x), entry("0", upper, `"https://b:1"`, x)}},
		"twice without an address":                         {before: []string{entry("0", upper, null, null), entry("1", upper, null, null), entry("1", lower, null, null), entry("2", upper, null, x)}, after: []string{entry("1", upper, null, null), entry("2", upper, null, x)}},
		"a listening one with blanks":                      {before: []string{entry("1", lower[:2]+" "+lower[2:], null, null)}, after: []string{entry("1", upper, null, null)}},
		"twice wrong":                                      {before: []string{polled(lower, "a:1", x), polled(upper, "a:1", y)}, after: []string{polled(upper, "https://a:1", x)}},
		"twice wrong, once without a style":                {before: []string{entry("0", lower+" ", `"https://a:1"`, x), polled(lower, "https://a:1", x)}, after: []string{polled(upper, "https://a:1", x)}},
		"twice, and only the wrong one has a subscription": {before: []string{polled(lower, "https://a:1", x), polled(upper, "https://a:1", null)}, after: []string{polled(upper, "https://a:1", x), polled(upper, "https://a:1", null)}},
	} {
		t.Run(name, func(t *testing.T) {
			d := withSquid(t, "["+strings.Join(test.before, ",")+"]", test.squid)
			now, err := d.TrustedServers()
			if err != nil {
				t.Fatal(err)
			}
			before := FormatTrustedServers(now)
			if test.after == nil {
				test.after = test.before
			}
			repaired := Repair(now)
			if got, want := FormatTrustedServers(repaired), "["+strings.Join(test.after, ",")+"]"; got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if FormatTrustedServers(now) != before {
				t.Error("the argument was modified")
			}
			if d := Diff(now, repaired); len(d.Added) > 0 || len(d.Removed) != len(now)-len(repaired) {
				t.Errorf("it is not told as an update: %+v", d)
			}
		})
	}
}

func TestAnEntryThatTheTentacleCannotUseIsReplacedByOneThatItCan(t *testing.T) {
	want := TrustedServer{Thumbprint: upper, Style: StylePolling, Address: "https://a:1", SubscriptionID: "poll://x/"}
	for text, replaced := range map[string]bool{
		`{"Thumbprint":"` + lower + `","CommunicationStyle":2,"Address":"https://a:1","SubscriptionId":"poll://x/"}`: true,
		`{"Thumbprint":"` + upper + `","CommunicationStyle":2,"Address":"a:1","SubscriptionId":"poll://x/"}`:         true,
		`{"Thumbprint":"` + upper + `","CommunicationStyle":2,"Address":"HTTP://A:1/","SubscriptionId":"POLL://X"}`:  false,
	} {
		before := list(t, "["+text+"]")
		after := Upsert(before, want)
		if len(after) != 1 || Diff(before, after).Empty() == replaced || replaced && !after[0].Equal(want) {
			t.Errorf("%s became %s", text, FormatTrustedServers(after))
		}
	}
	listening := list(t, `[{"Thumbprint":"`+lower+`","CommunicationStyle":1}]`)
	if got := Upsert(listening, TrustedServer{Thumbprint: upper, Style: StyleListening}); !slices.EqualFunc(got, listening, TrustedServer.Equal) {
		t.Errorf("an entry that listens became %s", FormatTrustedServers(got))
	}
	pasted := list(t, `[{"Thumbprint":"`+lower[:2]+" "+lower[2:]+`","CommunicationStyle":1}]`)
	if got := Upsert(pasted, TrustedServer{Thumbprint: upper, Style: StyleListening}); got[0].Thumbprint != upper {
		t.Errorf("a pasted thumbprint became %s", FormatTrustedServers(got))
	}
}

func TestAWrongAddressMayStillNameAPort(t *testing.T) {
	const address = "https://octo1:10943"
	for wrong, leads := range map[string]bool{
		"https://OCTO1:10943/":             true,
		"http://octo1:10943":               true,
		"https://octo1:10943/OctopusComms": true,
		"tcp://octo1:10943?x":              true,
		"octo1:10943":                      true,
		"octo1":                            true, // the port is not known
		" octo1 ":                          true,
		"octo1:10944":                      false,
		"https://octo1":                    false, // 443
		"https://octo1/x":                  false,
		"https://octo10:10943":             false,
		"wss://octo1:10943/x":              false,
		"https://octo 1:10943":             false,
		"https://:10943":                   false,
		"":                                 false,
	} {
		if got := (TrustedServer{Address: wrong}).LeadsTo(address); got != leads {
			t.Errorf("%q: %t", wrong, got)
		}
	}
}

// FuzzRepair: what is written always starts a Tentacle, and it connects with it.
func FuzzRepair(f *testing.F) {
	for _, seed := range []string{
		`[{"Thumbprint":"` + lower + `","CommunicationStyle":2,"Address":"https://a:1","SubscriptionId":"poll://x/"},{"Thumbprint":"` + upper + `","CommunicationStyle":2,"Address":"a:1","SubscriptionId":""}]`,
		`[{"Thumbprint":"A","CommunicationStyle":11,"Address":"[::1]:1"},{"Thumbprint":"` + upper[:9] + " " + upper[9:] + `","CommunicationStyle":2,"Address":"127.0.0.1:1","SubscriptionId":null}]`,
		`[{"Thumbprint":"A","CommunicationStyle":2,"Address":"x y","SubscriptionId":"abc"}]`,
	} {
		f.Add(seed, "SQ-1")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, text, squid string) {
		plain, err := ParseTrustedServers(text)
		if err != nil {
			return
		}
		now := slices.Clone(plain)
		for i := range now {
			now[i].followSquid(squid)
		}
		if FormatTrustedServers(now) != FormatTrustedServers(plain) {
			t.Fatalf("a Squid changes what is written to %s", FormatTrustedServers(now))
		}
		repaired := Repair(now)
		if !slices.EqualFunc(Repair(repaired), repaired, TrustedServer.Equal) {
			t.Fatalf("%s is repaired twice", FormatTrustedServers(repaired))
		}
		if Startable(repaired) != nil {
			return // refused
		}
		written, err := ParseTrustedServers(FormatTrustedServers(repaired))
		if err != nil {
			t.Fatal(err)
		}
		nulls := 0
		for _, s := range written {
			if s.misspelled() && s.Polls() || s.AddressPreventsStart() || s.SubscriptionPreventsStart() {
				t.Errorf("a Tentacle cannot use %+v", s)
			}
			if s.Polls() && s.SubscriptionID == "" {
				nulls++
			}
		}
		for _, s := range plain {
			if s.Polls() && s.SubscriptionID == "" && !s.emptySubscription() {
				nulls--
			}
		}
		if nulls > 0 {
			t.Errorf("%s has a null more than %s", FormatTrustedServers(written), text)
		}
	})
}
