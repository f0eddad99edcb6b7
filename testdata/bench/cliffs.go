//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
)

// unusualFiles compares configurations as nobody has them, each with one that has a tenth of it.
func unusualFiles(b *bench) error {
	const times = 10
	for _, of := range []struct {
		what string
		work func(tenths int) (work, error)
	}{
		{"list-servers, 99,000 settings, against 9,900", func(tenths int) (work, error) {
			setting := func(i int) string { return fmt.Sprintf("  <set key=\"Other.Setting%d\">value</set>\n", i) }
			config, err := b.padded("  <set key=\"Tentacle.Services.NoListen\">", 9_900*tenths, setting)
			return b.list(config, 1), err
		}},
		{"poll-server, an entry with 60,000 fields, against 6,000", func(tenths int) (work, error) {
			config, err := b.padded(`"SubscriptionId"`, 6_000*tenths, func(i int) string { return fmt.Sprintf(`"Field%d":%d,`, i, i) })
			return b.change(config, 2, "poll-server", "--reuse-server-thumbprint", "--server-comms-address", "https://added:10943"), err
		}},
		{"poll-server, 1,000 addresses at 10,000 servers, against a tenth", func(tenths int) (work, error) {
			config, err := b.configuration(someThumbprint, somewhere(1_000*tenths))
			addresses := make([]string, 100*tenths)
			for i := range addresses {
				addresses[i] = fmt.Sprintf("https://added%d:10943", i)
			}
			return b.change(config, 1_100*tenths, "poll-server",
				"--reuse-server-thumbprint", "--server-comms-address", strings.Join(addresses, ",")), err
		}},
	} {
		small, err := of.work(1)
		if err != nil {
			return err
		}
		large, err := of.work(times)
		if err != nil {
			return err
		}
		results, err := inTurns(b.times(15, 3), small, large)
		if err != nil {
			return err
		}
		ratio(of.what, results[0], results[1], times)
	}
	return nil
}

// padded is a new configuration with one server, and with so many pieces more where it says before.
func (b *bench) padded(before string, pieces int, piece func(i int) string) (string, error) {
	config, err := b.configuration(someThumbprint, somewhere(1))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return "", err
	}
	var added strings.Builder
	for i := range pieces {
		added.WriteString(piece(i))
	}
	return config, os.WriteFile(config, []byte(strings.Replace(string(text), before, added.String()+before, 1)), 0o644)
}
