package commands_test

import (
	"os"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/commands"
	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// TestTheFixOfAnEntryRepairsItAndLosesNothing runs the commands that check names for entries that
// the Tentacle cannot use, until it has no more to say about them.
func TestTheFixOfAnEntryRepairsItAndLosesNothing(t *testing.T) {
	t.Parallel()
	const (
		entry     = `{"Thumbprint":"{THUMB}","CommunicationStyle":2,"Address":"{NODE1}","Squid":null,"SubscriptionId":"poll://mine/"}`
		second    = `{"Thumbprint":"{THUMB}","CommunicationStyle":2,"Address":"{NODE2}","Squid":null,"SubscriptionId":"poll://mine/"}`
		listening = `{"Thumbprint":"1111111111111111111111111111111111111111","CommunicationStyle":1,"Address":null,"Squid":null,"SubscriptionId":null}`
		another   = `{"Thumbprint":"2222222222222222222222222222222222222222","CommunicationStyle":2,"Address":"https://127.0.0.1:1","Squid":null,"SubscriptionId":"poll://theirs/"}`
		rest      = "," + listening + "," + another
		restAfter = " 1111111111111111111111111111111111111111 null; https://127.0.0.1:1 2222222222222222222222222222222222222222 poll://theirs/"
		mine      = "{NODE1} {THUMB} poll://mine/;"
	)
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(entry) }
	for name, test := range map[string]struct{ before, squid, after string }{
		"a thumbprint in lower case":                      {before: with("{THUMB}", "{thumb}") + rest, after: mine + restAfter},
		"an address without https://":                     {before: with("{NODE1}", "{BARE1}") + rest, after: mine + restAfter},
		"both, and twice":                                 {before: with("{THUMB}", "{thumb}", "{NODE1}", "{BARE1}") + "," + entry + rest, after: mine + restAfter},
		"an address that names no host, beside one":       {before: with("{NODE1}", "https://:1") + "," + entry + rest, after: mine + restAfter},
		"a scheme of its own":                             {before: with("https", "tcp", "{NODE1}", "tcp://{BARE1}") + rest, after: restAfter[1:] + "; " + mine[:len(mine)-1]},
		"a second time":                                   {before: entry + "," + entry + rest, after: mine + restAfter},
		"a second time, without a style":                  {before: entry + "," + with(`"CommunicationStyle":2`, `"CommunicationStyle":0`) + rest, after: mine + restAfter},
		"a second time, under another subscription":       {before: entry + "," + with("poll://mine/", "poll://registered/") + rest, after: "{NODE1} {THUMB} poll://registered/;" + restAfter},
		"a second time, under no subscription":            {before: with(`"poll://mine/"`, "null") + "," + entry + rest, after: mine + restAfter},
		"two subscriptions":                               {before: entry + "," + with("{NODE1}", "{NODE2}", "poll://mine/", "poll://registered/") + rest, after: "{NODE1} {THUMB} poll://registered/; {NODE2} {THUMB} poll://registered/;" + restAfter},
		"a thumbprint that is none":                       {before: entry + "," + with("{THUMB}", "0123") + rest, after: mine + restAfter},
		"an address with a path":                          {before: with("{NODE1}", "{NODE1}/x") + rest, after: restAfter[1:] + "; " + mine[:len(mine)-1]},
		"no address beside one":                           {before: entry + "," + with(`"{NODE1}"`, "null") + rest, after: mine + " {THUMB} null;" + restAfter},
		"an empty subscription of several":                {before: with("poll://mine/", "") + "," + second + rest, after: mine + " {NODE2} {THUMB} poll://mine/;" + restAfter},
		"a subscription that is no URI":                   {before: with("poll://mine/", "mine") + "," + second + rest, after: mine + " {NODE2} {THUMB} poll://mine/;" + restAfter},
		"an empty subscription with a Squid":              {before: with("poll://mine/", "") + rest, squid: "SQ-1", after: "{NODE1} {THUMB} poll://sq-1/;" + restAfter},
		"an empty subscription alone":                     {before: with("poll://mine/", "") + rest, after: "{NODE1} {THUMB} poll://registered/;" + restAfter},
		"no URI as subscription, alone":                   {before: with("poll://mine/", "mine") + rest, after: "{NODE1} {THUMB} poll://registered/;" + restAfter},
		"no subscription of several":                      {before: with(`"poll://mine/"`, "null") + "," + second + rest, after: mine + " {NODE2} {THUMB} poll://mine/;" + restAfter},
		"no subscription, alone":                          {before: with(`"poll://mine/"`, "null") + rest, after: "{NODE1} {THUMB} poll://registered/;" + restAfter},
		"a thumbprint in lower case, and no subscription": {before: with("{THUMB}", "{thumb}", `"poll://mine/"`, "null") + rest, after: "{NODE1} {THUMB} poll://registered/;" + restAfter},
		"a pasted thumbprint of a listening one": {before: entry + strings.Replace(rest, "1111", "11 11:", 1),
			after: mine + restAfter},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "Tentacle", octotest.Options{NodeCount: 2})
			node := s.cluster.Addresses()
			bare := strings.TrimPrefix(node[0], "https://")
			host, _, _ := strings.Cut(bare, ":")
			fill := strings.NewReplacer("{THUMB}", s.cluster.Thumbprint(), "{thumb}", strings.ToLower(s.cluster.Thumbprint()),
				"{NODE1}", node[0], "{NODE2}", node[1], "{BARE1}", bare, "{HOST1}", host)
			machine := commands.HostName() // so that it is plain whose the registration is
			if err := s.cluster.AddMachine(octotest.Machine{Name: machine, Thumbprint: tentacleThumbprint(), Subscription: "poll://registered/"}); err != nil {
				t.Fatal(err)
			}
			document := read(t, s.config)
			document.Set(tentacleconfig.KeyTrustedServers, "["+fill.Replace(test.before)+"]")
			if test.squid != "" {
				document.Set(tentacleconfig.KeySquid, test.squid)
			}
			if err := os.WriteFile(s.config, document.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			for tries := 0; ; tries++ {
				fix := s.fixOfEntry(t)
				if fix == "" && tries == 0 || fix != "" && tries == 3 {
					t.Fatalf("after %d fixes the next is %q", tries, fix)
				}
				if fix == "" {
					break
				}
				s.run(t, 0, append(strings.Fields(fix)[1:], "--no-restart")...)
			}
			servers, err := read(t, s.config).TrustedServers()
			if err != nil {
				t.Fatal(err)
			}
			var after []string
			for _, one := range servers {
				subscription := one.SubscriptionID
				if subscription == "" {
					subscription = "null"
				}
				after = append(after, strings.TrimSpace(one.Address+" "+one.Thumbprint+" "+subscription))
			}
			if got, want := strings.Join(after, "; "), fill.Replace(strings.TrimSpace(test.after)); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

func read(t *testing.T, config string) *tentacleconfig.Document {
	t.Helper()
	document, err := tentacleconfig.Read(config)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// fixOfEntry is the first command that check names for an entry; "" if all are fine.
func (s *scene) fixOfEntry(t *testing.T) string {
	t.Helper()
	return s.fixOf(t, "trusted-servers", "subscriptions", "duplicate-addresses")
}
