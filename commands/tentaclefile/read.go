package tentaclefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"github.com/octo-tentacle/octo-tentacle/tentacleconfig"
	"go.yaml.in/yaml/v3"
)

// Read reads a file's content, which is UTF-8. Source is what messages call the file. The error is
// all mistakes that were found, joined (errors.Join); each is a *Mistake. It repeats only values
// that cannot be secrets.
func Read(source string, content []byte) (File, error) {
	r := &reader{source: source, positions: positions{}}
	f := File{source: source, positions: r.positions}
	document := r.document(content)
	switch {
	case len(r.mistakes) > 0:
	case document == nil || isNull(document) || document.Kind == yaml.MappingNode && len(document.Content) == 0:
		r.wrong(1, "", errors.New("it is empty"))
	case document.Kind == yaml.SequenceNode:
		r.wrong(document.Line, "", hint.New("expected keys and values, not a list", "a list of addresses has the key nodes: here"))
	default:
		readInto(r, document, "", fileKeys, &f)
	}
	if len(r.mistakes) == 0 {
		r.complete(&f)
	}
	if len(r.mistakes) > 0 {
		return File{}, errors.Join(r.mistakes...)
	}
	return f, nil
}

// contradict notes that what a key says contradicts another.
func (r *reader) contradict(key, format string, a ...any) {
	r.wrong(r.positions[key], key, fmt.Errorf(format, a...))
}

// complete puts together what several keys say, and refuses what makes no sense together.
func (r *reader) complete(f *File) {
	r.completeNodes(f)
	if len(f.Thumbprints) > 2 {
		r.contradict("thumbprints", "expected one thumbprint of the cluster, or two while its certificate is renewed")
	}
	if f.Communication == Listening {
		if f.Nodes != nil {
			r.contradict("nodes", "a listening Tentacle polls nothing: omit nodes, or write communication: polling")
		}
		if f.Listen != nil && f.Listen.Off {
			r.contradict("listen", "communication: listening and listen: false contradict each other")
		}
	}
	if c := f.Certificate; c != nil && c.PFX == "" && c.PasswordFile != "" {
		r.contradict("certificate.passwordFile", "there is no pfx to which the password belongs")
	}
	if p := f.PollingProxy; p != nil && !p.Off && !p.System && p.Host == "" {
		r.contradict("pollingProxy", "host is missing")
	}
	if s := f.Service; s != nil && s.Account != nil && s.Account.User == "" {
		r.contradict("service.account", "user is missing")
	}
	r.completeRegistrations(f)
}

// completeNodes makes the addresses of nodes and ports.
func (r *reader) completeNodes(f *File) {
	if len(r.ports) == 0 {
		return
	}
	if f.Nodes == nil {
		r.contradict("ports", "there are no nodes that have these ports")
		return
	}
	if len(r.ports)*len(f.Nodes) > maxItems {
		r.contradict("ports", "nodes and ports make more than %d addresses", maxItems)
		return
	}
	var all []string
	lines, known := []int{}, tentacleconfig.AddressSet{}
	for i, node := range f.Nodes {
		if strings.HasPrefix(node, "wss:") {
			r.contradict(Key("nodes", i), "a web socket address contains its port: omit ports")
			return
		}
		for _, address := range octoapi.AtPorts(node, r.ports) {
			if known.Add(address) {
				all, lines = append(all, address), append(lines, r.positions[Key("nodes", i)])
			}
		}
	}
	f.Nodes = all
	for i, line := range lines {
		r.positions[Key("nodes", i)] = line
	}
}

func (r *reader) completeRegistrations(f *File) {
	seen := map[registrationID]int{}
	for i := range f.Registrations {
		one := &f.Registrations[i]
		at := Key("registrations", i)
		r.completeKind(at, one)
		for _, key := range []string{"publicHostName", "tentacleCommsPort", "proxy"} {
			if named := Key(at, key); r.positions[named] > 0 && f.Communication == Polling {
				r.contradict(named, "it is for communication: listening: nobody calls a Tentacle that polls")
			}
		}
		is := registrationID{one.Kind, strings.ToLower(one.Space), strings.ToLower(one.Name)}
		if is.space == "" {
			is.space = strings.ToLower(f.Space)
		}
		if first, twice := seen[is]; twice {
			r.contradict(at, "it is the same %s as that in line %d: give each a name, and each name once", one.Kind, r.positions[Key("registrations", first)])
		} else {
			seen[is] = i
		}
	}
}

// registrationID is what tells registrations of a file apart, in lower case.
type registrationID struct {
	kind        octoapi.Kind
	space, name string
}

// completeKind refuses the keys of the other kind.
func (r *reader) completeKind(at string, one *Registration) {
	keys, kind := []string{"workerPools"}, "worker"
	if one.Kind == octoapi.Worker {
		keys, kind = []string{"environments", "roles", "tenants", "tenantTags", "tenantedDeploymentParticipation"}, "target"
	}
	for _, key := range keys {
		if named := Key(at, key); r.positions[named] > 0 {
			r.contradict(named, "it is for kind: %s", kind)
		}
	}
}
