package kubernetes

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// Log is what the log of an agent's container says about polling.
type Log struct {
	// Started says that the log has the start of the agent: Polls is all that it polls. It is false
	// while the container is still being prepared, and of a log whose beginning is gone.
	Started bool
	Polls   []Poll    // in the order of the settings
	Read    time.Time // when the agent said so, having read its settings; zero where that is not known

	Nodes    []NodeLog // what became of the connections, by address, in the order of the log
	LastLine string    // the last one that is not empty, without the time

	unexplained string // the address whose failure the next line explains
}

// Poll is an address that an agent polls since its start.
type Poll struct {
	Address      string // as the settings have it, possibly with a slash at the end
	Subscription string
	Thumbprint   string // that it expects there
}

// NodeLog is what the log says about the connections to an address.
type NodeLog struct {
	Address   string    // host and scheme in lower case, with a slash at the end
	Connected time.Time // when the last connection was made; zero if the log has none
	Failed    time.Time // when one failed last; zero if none did
	Failures  int
	Error     string // the cause of the last failure, in the words of Halibut
	Presented string // the thumbprint that was met there instead of the expected one; "" if that was not it
}

// Failing says that the last word about the address is a failure.
func (n *NodeLog) Failing() bool { return n.Failed.After(n.Connected) }

// Node is what the log says about an address; nil if it says nothing.
func (l *Log) Node(address string) *NodeLog {
	for i := range l.Nodes {
		if sameLogAddress(l.Nodes[i].Address, address) {
			return &l.Nodes[i]
		}
	}
	return nil
}

func sameLogAddress(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/"))
}

// Lines of the log (OctopusTentacle: Tentacle.exe.k8s.nlog, Communications/HalibutInitializer.cs;
// Halibut: Diagnostics/InMemoryConnectionLog.cs, Transport/SecureClient.cs,
// Transport/PollingClient.cs, Transport/TcpConnectionFactory.cs,
// Transport/UnexpectedCertificateException.cs).
var (
	// The time that the API puts in front, then the time and the level that Tentacle writes.
	logPrefix = lazyregexp.New(`^(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) )?(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)[ |\d]+(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)[ |]+)?`)

	pollLine    = lazyregexp.New(`Agent will poll Octopus Server at (\S+) for subscription (\S*) expecting thumbprint (\S+)`)
	trustLine   = lazyregexp.New(`^(?:Agent will trust Octopus Servers with the thumbprint: |The agent is not configured to trust any Octopus Servers)`)
	halibutLine = lazyregexp.New(`^((?:https?|wss)://\S+)\s+\d+\s\s(.*)$`)
	failedLine  = lazyregexp.New(`^(?:Halibut client exception: |Exception in the polling loop)`)
	sameForAll  = lazyregexp.New(`^(?:[\w.]+Exception: |Halibut client exception: |Exception in the polling loop\b.*|An error occurred when sending a request to '[^']*', (?:before the request could begin|after the request began): )`)
	retrySuffix = lazyregexp.New(`\.? Retrying in [\d.,]+ seconds$`)
	presented   = lazyregexp.New(`presented a certificate with a thumbprint of '([0-9A-Fa-f]+)'`)
)

// maxLastLine is how much of the last line is worth showing, in bytes.
const maxLastLine = 1000

const connectedLine = "Secure connection established."

// parseLog understands parts of a log, from its start to its end. What a part repeats of the one
// before counts once.
func parseLog(parts ...[]byte) *Log {
	l := &Log{}
	var read time.Time
	for _, part := range parts {
		begin := read
		for line := range bytes.Lines(part) {
			prefix, text := cutPrefix(string(line))
			if !prefix.time.IsZero() && !prefix.time.After(begin) {
				continue
			}
			if read = prefix.time; text != "" {
				l.add(prefix, text)
			}
		}
	}
	return l
}

// linePrefix is what stands in front of a line.
type linePrefix struct {
	time     time.Time // the API's, else Tentacle's; zero where there is neither
	tentacle bool      // Tentacle began an entry with the line
}

func cutPrefix(line string) (linePrefix, string) {
	found := logPrefix().FindStringSubmatch(line)
	prefix := linePrefix{tentacle: found[2] != ""}
	var err error
	if prefix.time, err = time.Parse(time.RFC3339Nano, found[1]); err != nil {
		// Containers have no other time zone than UTC unless somebody gives them one.
		prefix.time, _ = time.Parse("2006-01-02 15:04:05.999999999", found[2])
	}
	return prefix, strings.TrimSpace(line[len(found[0]):])
}

func (l *Log) add(prefix linePrefix, text string) {
	l.LastLine = shortened(text, maxLastLine)
	unexplained := l.unexplained
	l.unexplained = ""
	halibut := halibutLine().FindStringSubmatch(text)
	switch poll := pollLine().FindStringSubmatch(text); {
	case poll != nil:
		l.Started, l.Read = true, prefix.time
		if p := (Poll{poll[1], poll[2], poll[3]}); len(l.Polls) < mostNodes && !slices.Contains(l.Polls, p) {
			l.Polls = append(l.Polls, p)
		}
	case trustLine().MatchString(text): // the agent says this before what it polls
		l.Started, l.Read = true, prefix.time
	case halibut != nil:
		n := l.node(halibut[1])
		if n.add(prefix.time, halibut[2]); n.Failing() && n.Error == "" {
			l.unexplained = n.Address
		}
	case unexplained != "" && !prefix.tentacle:
		l.node(unexplained).explain(text)
	}
}

// mostNodes is more than any cluster has.
const mostNodes = 200

// node is the place for what the log says about an address. What a log has beyond mostNodes is not
// kept.
func (l *Log) node(address string) *NodeLog {
	if n := l.Node(address); n != nil {
		return n
	}
	if len(l.Nodes) == mostNodes {
		return &NodeLog{Address: address}
	}
	l.Nodes = append(l.Nodes, NodeLog{Address: address})
	return &l.Nodes[len(l.Nodes)-1]
}

func (n *NodeLog) add(at time.Time, text string) {
	switch {
	case strings.HasPrefix(text, connectedLine):
		n.Connected = at
	case failedLine().MatchString(text):
		n.Failed = at
		n.Failures++
		n.explain(text)
	}
}

// explain takes the cause of a failure out of a text, without the words that are the same for all.
func (n *NodeLog) explain(text string) {
	for {
		begin := sameForAll().FindString(text)
		if begin == "" {
			break
		}
		text = text[len(begin):]
	}
	n.Error = strings.TrimSuffix(retrySuffix().ReplaceAllString(text, ""), ".")
	n.Presented = ""
	if met := presented().FindStringSubmatch(text); met != nil {
		n.Presented = strings.ToUpper(met[1])
	}
}
