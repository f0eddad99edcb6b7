//go:build unix

// Bench measures the octo-tentacle program from outside, as its users run it. Every figure is a ratio of two things measured in turns, so that a busy or a
// slow machine changes both. It fails when a run does not do its work, never because of a figure.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/octo-tentacle/octo-tentacle/octoapi/octotest"
)

const (
	starts      = 200 // runs of each program for the start-up
	runs        = 15  // runs of each other measurement
	quickStarts = 40
	quickRuns   = 3

	latency = 100 * time.Millisecond
)

func main() {
	var b bench
	flag.StringVar(&b.program, "octo-tentacle", "", "the `program` measured")
	flag.StringVar(&b.hello, "hello", "", "the hello-world `program` it is compared with")
	quick := flag.Bool("quick", false, "fewer runs")
	flag.Parse()
	b.starts, b.runs = starts, runs
	if *quick {
		b.starts, b.runs = quickStarts, quickRuns
	}
	if err := b.all(); err != nil {
		fmt.Fprintln(os.Stderr, "testdata/bench/run:", err)
		os.Exit(1)
	}
}

type bench struct {
	program, hello string
	starts, runs   int
	folder         string
}

// all leaves the clusters to the end: what this process occupies counts as memory of the programs it starts.
func (b *bench) all() error {
	var err error
	if b.folder, err = os.MkdirTemp("", "octo-tentacle-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.folder)
	// No instance index of this machine, no proxy, no credentials.
	os.Clearenv()
	os.Setenv("TentacleMachineConfigurationHomeDirectory", filepath.Join(b.folder, "home"))
	os.Setenv("HOME", b.folder)

	fmt.Printf("medians of %d and %d runs, %d CPUs\n\n", b.starts, b.runs, runtime.NumCPU())
	fmt.Printf("%-56s %10s %10s %7s  %s\n", "", "compared", "measured", "ratio", "aim")
	return errors.Join(b.startUp(), b.manyServers(), b.manyNodes())
}

// startUp compares list-servers with a program that does nothing.
func (b *bench) startUp() error {
	for _, servers := range []int{0, 3} {
		config, err := b.configuration(tentacle(servers, someThumbprint))
		if err != nil {
			return err
		}
		hello, list, err := b.inTurns(b.starts, command(b.hello), b.list(config, servers))
		if err != nil {
			return err
		}
		row(fmt.Sprintf("list-servers, %d servers, against hello-world", servers), hello, list, 1.5)
	}
	return nil
}

// manyServers compares ten thousand trusted servers with a thousand.
func (b *bench) manyServers() error {
	const few, many = 1_000, 10_000
	var configs [2]string
	for i, servers := range []int{few, many} {
		var err error
		if configs[i], err = b.configuration(tentacle(servers, someThumbprint)); err != nil {
			return err
		}
	}
	fewer, more, err := b.inTurns(b.runs, b.list(configs[0], few), b.list(configs[1], many))
	if err != nil {
		return err
	}
	row("list-servers, 10,000 servers, against 1,000", fewer, more, many/few)
	memory("list-servers, 10,000 servers", more)

	fewer, more, err = b.inTurns(b.runs, b.add(configs[0], few), b.add(configs[1], many))
	if err != nil {
		return err
	}
	row("poll-server, 10,000 servers, against 1,000", fewer, more, many/few)
	memory("poll-server, 10,000 servers", more)
	return nil
}

// manyNodes compares a change for several nodes with one for a single node of the same cluster.
func (b *bench) manyNodes() error {
	for _, of := range []struct {
		nodes   int
		latency time.Duration
	}{{3, 0}, {50, latency}} {
		cluster, err := octotest.Start(octotest.Options{NodeCount: of.nodes, Latency: of.latency})
		if err != nil {
			return err
		}
		config, err := b.configuration(tentacle(1, cluster.Thumbprint()))
		if err != nil {
			return err
		}
		one, all, err := b.inTurns(b.runs, b.poll(config, cluster, 1), b.poll(config, cluster, of.nodes))
		cluster.Close()
		if err != nil {
			return err
		}
		row(fmt.Sprintf("poll-server, %d nodes at %v, against one", of.nodes, of.latency), one, all, 1.3)
	}
	return nil
}

// A work is one run of a program: how to prepare it, and whether it has done what it should.
type work struct {
	arguments []string
	before    func() error
	after     func(output []byte) error
}

func command(arguments ...string) work { return work{arguments: arguments} }

// list lists the servers of a configuration.
func (b *bench) list(config string, servers int) work {
	return work{
		arguments: []string{b.program, "list-servers", "--config", config, "--format", "json"},
		after: func(output []byte) error {
			if got := bytes.Count(output, []byte("poll://")); got != servers {
				return fmt.Errorf("listed %d servers, want %d", got, servers)
			}
			return nil
		},
	}
}

// add adds one address to a fresh copy of a configuration with so many servers, without a network.
func (b *bench) add(original string, servers int) work {
	return b.change(original, servers+1, "--reuse-server-thumbprint", "--server-comms-address", "https://added:10943")
}

// poll adds the first nodes of a cluster to a fresh copy of a configuration with one server.
func (b *bench) poll(original string, cluster *octotest.Cluster, nodes int) work {
	arguments := []string{"--server", cluster.URL(), "--apikey", octotest.APIKey}
	for _, address := range cluster.Addresses()[:nodes] {
		arguments = append(arguments, "--server-comms-address", address)
	}
	return b.change(original, 1+nodes, arguments...)
}

// change runs poll-server on a fresh copy of a configuration, which polls so many servers afterwards.
func (b *bench) change(original string, servers int, arguments ...string) work {
	config := filepath.Join(b.folder, "Tentacle.config")
	return work{
		arguments: append([]string{b.program, "poll-server", "--config", config, "--no-restart"}, arguments...),
		before:    func() error { return copyFile(original, config) },
		after:     func([]byte) error { return polls(config, servers) },
	}
}

// A result is what the runs of one work took.
type result struct {
	median time.Duration
	peak   int64 // bytes, the most that a run had in memory
}

// inTurns does one work and the other so many times, after a run of each that does not count.
func (b *bench) inTurns(times int, one, other work) (result, result, error) {
	var results [2]result
	var took [2][]time.Duration
	for i := range times + 1 {
		for which, w := range []work{one, other} {
			duration, peak, err := w.run()
			if err != nil {
				return result{}, result{}, err
			}
			if i > 0 {
				took[which] = append(took[which], duration)
				results[which].peak = max(results[which].peak, peak)
			}
		}
	}
	for which := range took {
		slices.Sort(took[which])
		results[which].median = took[which][times/2]
	}
	return results[0], results[1], nil
}

func (w work) run() (time.Duration, int64, error) {
	if w.before != nil {
		if err := w.before(); err != nil {
			return 0, 0, err
		}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(w.arguments[0], w.arguments[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err == nil && w.after != nil {
		err = w.after(stdout.Bytes())
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w\n%s", strings.Join(w.arguments[:min(len(w.arguments), 4)], " "), err, stderr.String())
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" { // which alone counts bytes: getrusage(2)
		peak *= 1024
	}
	return took, peak, nil
}

func row(what string, compared, measured result, aim float64) {
	ratio := float64(measured.median) / float64(compared.median)
	fmt.Printf("%-56s %7.2f ms %7.2f ms %7.2f  ≤ %v%s\n", what, ms(compared), ms(measured), ratio, aim, missed(ratio > aim))
}

func memory(what string, r result) {
	const aim = 64 << 20
	fmt.Printf("%-56s %31.1f MiB  < %d MiB%s\n", what+", peak memory", float64(r.peak)/(1<<20), aim>>20, missed(r.peak >= aim))
}

func missed(is bool) string {
	if is {
		return "  missed"
	}
	return ""
}

func ms(r result) float64 { return float64(r.median) / float64(time.Millisecond) }

const someThumbprint = "0123456789ABCDEF0123456789ABCDEF01234567"

// tentacle is the configuration of a Tentacle that polls so many nodes of the cluster with that thumbprint.
func tentacle(servers int, thumbprint string) string {
	var list strings.Builder
	for i := range servers {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `{"Thumbprint":"%s","CommunicationStyle":2,"Address":"https://octopus%d.example.com:10943","Squid":null,"SubscriptionId":"poll://1f2e3d4c5b6a79880011/"}`, thumbprint, i)
	}
	return "\ufeff" + `<?xml version="1.0" encoding="utf-8"?>
<octopus-settings>
  <set key="Octopus.Home">/home/octopus</set>
  <set key="Tentacle.CertificateThumbprint">89ABCDEF0123456789ABCDEF0123456789ABCDEF</set>
  <set key="Tentacle.Communication.TrustedOctopusServers">[` + list.String() + `]</set>
  <set key="Tentacle.Services.NoListen">true</set>
</octopus-settings>
`
}

// configuration writes a configuration to a file of its own.
func (b *bench) configuration(text string) (string, error) {
	file, err := os.CreateTemp(b.folder, "*.config")
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(text)
	return file.Name(), errors.Join(err, file.Close())
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// polls checks that a run has saved what it should.
func polls(config string, servers int) error {
	text, err := os.ReadFile(config)
	if got := bytes.Count(text, []byte("poll://")); err == nil && got != servers {
		return fmt.Errorf("the Tentacle polls %d servers now, want %d", got, servers)
	}
	return err
}
