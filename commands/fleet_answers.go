package commands

import (
	"encoding/base64"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/commands/fleet"
	"github.com/octo-tentacle/octo-tentacle/internal/thumbprint"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
)

// marker is how the lines begin in which Tentacles answer.
func marker(nonce string) string { return "octo-tentacle-fleet " + nonce + " " }

// machineAnswer is what a Tentacle said of itself.
type machineAnswer struct {
	id         string // of the machine, as Octopus told the script; "" where it did not
	failed     string // why it could not tell; "" for no reason
	thumbprint string
	servers    []tentacleconfig.TrustedServer
	overridden bool
	text       string // all of it, to compare
}

// failures are the reasons that the scripts give.
var failures = map[string]string{
	"no-configuration": "the script did not find its configuration",
	"no-access":        "the account that runs scripts may not read its configuration",
	"no-awk":           "the machine has no awk",
	"no-base64":        "the machine has no base64",
	"too-long":         "its list of trusted servers is too long for a log",
	"unreadable":       "its configuration could not be read",
}

// readAnswer reads a line of a log, with whatever stands in front of it. It is false for a line
// that is none, and for one that is cut and does not say whose it is.
func readAnswer(line, nonce string) (a machineAnswer, is bool) {
	_, rest, found := strings.Cut(line, marker(nonce))
	if !found {
		return a, false
	}
	words := strings.Fields(rest)
	if len(words) == 0 {
		return a, false
	}
	if a.id = words[0]; a.id == "-" {
		a.id = ""
	}
	switch {
	case len(words) == 3 && words[1] == "failed":
		a.failed = failures[words[2]]
		if a.failed == "" {
			a.failed = "the script gave a reason that is not known"
		}
	case len(words) == 5 && words[1] == "ok" && words[4] == "end" && words[2] == strconv.Itoa(len(words[3])):
		a.text = words[3]
		a.failed = a.read()
	default:
		a.failed = "its answer was cut off"
	}
	return a, a.id != "" || a.thumbprint != ""
}

// read reads the text, and says what is wrong with it.
func (a *machineAnswer) read() (failed string) {
	decoded, err := base64.StdEncoding.DecodeString(a.text)
	if err != nil {
		return "its answer was cut off"
	}
	parts := strings.SplitN(string(decoded), "\n", 4)
	if len(parts) < 4 || parts[0] != "1" {
		return "its answer is of a form that is not known"
	}
	a.thumbprint = thumbprint.Clean(parts[2])
	setting := strings.TrimSpace(parts[3])
	switch parts[1] {
	case "xml":
		if setting, err = textOfElement(setting); err != nil {
			return "its setting is not XML"
		}
	case "json":
	case "variable":
		a.overridden = true
	default:
		return "its answer is of a form that is not known"
	}
	if a.servers, err = tentacleconfig.ParseTrustedServers(setting); err != nil {
		return "its trusted servers are not a list: " + err.Error()
	}
	return ""
}

// textOfElement is the text of an XML element; "" for no element.
func textOfElement(element string) (string, error) {
	if element == "" {
		return "", nil
	}
	var set struct {
		Text string `xml:",chardata"`
	}
	decoder := xml.NewDecoder(strings.NewReader(element))
	err := decoder.Decode(&set)
	return set.Text, err
}

// takeAnswers gives the machines of a task the answers that its log has, and returns how many
// answered. A line says itself whose it is, so it has to fit: it has the thumbprint that is
// registered, and where several machines share that, the subscription or the ID. What contradicts
// itself is no answer.
func takeAnswers(machines []*fleet.Evident, lines []string, nonce string) (answered int) {
	said := map[*fleet.Evident]machineAnswer{}
	for _, line := range lines {
		a, is := readAnswer(line, nonce)
		if !is {
			continue
		}
		for _, m := range a.owners(machines) {
			its := a
			if before, several := said[m]; several && (before.text != a.text || before.failed != a.failed) {
				its.failed = "it answered in several ways, or another machine answered in its place"
			}
			said[m] = its
		}
	}
	for m, a := range said {
		if a.failed != "" {
			m.State, m.Why = fleet.Unreadable, a.failed
			continue
		}
		m.State, m.Why, m.Servers, m.Overridden = fleet.Answered, "", a.servers, a.overridden
		answered++
	}
	return answered
}

// owners are the machines whose answer it may be: one, unless several are registered as one
// Tentacle.
func (a machineAnswer) owners(machines []*fleet.Evident) []*fleet.Evident {
	fits := func(by func(*fleet.Evident) bool) (some []*fleet.Evident) {
		for _, m := range machines {
			if by(m) {
				some = append(some, m)
			}
		}
		return some
	}
	if a.thumbprint == "" { // it could not read its configuration
		return fits(func(m *fleet.Evident) bool { return m.ID == a.id })
	}
	same := fits(func(m *fleet.Evident) bool { return thumbprint.Same(m.Endpoint.Thumbprint, a.thumbprint) })
	if len(same) < 2 {
		return same
	}
	if i := slices.IndexFunc(same, func(m *fleet.Evident) bool { return m.ID == a.id }); i >= 0 {
		return same[i : i+1]
	}
	subscribes := func(m *fleet.Evident) bool {
		return slices.ContainsFunc(a.servers, func(s tentacleconfig.TrustedServer) bool {
			return s.Polls() && fleet.SubscriptionFits(s.SubscriptionID, m.Endpoint.URI)
		})
	}
	return slices.DeleteFunc(same, func(m *fleet.Evident) bool { return !subscribes(m) })
}
