package tentaclefile

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"go.yaml.in/yaml/v3"
)

// The keys of the file, in the order in which they are written.

var fileKeys = []key[File]{
	textKey("instance", func(f *File) *string { return &f.Instance }, instanceName),
	textKey("configuration", func(f *File) *string { return &f.Configuration }, aPath),
	textKey("home", func(f *File) *string { return &f.Home }, aPath),
	textKey("applications", func(f *File) *string { return &f.Applications }, aPath),
	sectionKey("certificate", func(f *File) **Certificate { return &f.Certificate }, certificateKeys,
		word[Certificate]{"!!str", "if-blank", Certificate{}}),
	sectionKey("listen", func(f *File) **Listen { return &f.Listen }, listenKeys,
		word[Listen]{"!!bool", "true", Listen{}}, word[Listen]{"!!bool", "false", Listen{Off: true}}),
	textKey("communication", func(f *File) *string { return (*string)(&f.Communication) }, oneOf(string(Polling), string(Listening)),
		string(Polling), string(Listening)),
	textKey("server", func(f *File) *string { return &f.Server }, serverAddress),
	textKey("space", func(f *File) *string { return &f.Space }, aName),
	textsKey("nodes", func(f *File) *[]string { return &f.Nodes }, nodeAddress, "use remove-server to poll nothing"),
	portsKey,
	textsKey("thumbprints", func(f *File) *[]string { return &f.Thumbprints }, clusterThumbprint, "omit it, and the cluster is asked"),
	sectionKey("pollingProxy", func(f *File) **PollingProxy { return &f.PollingProxy }, proxyKeys,
		word[PollingProxy]{"!!bool", "false", PollingProxy{Off: true}}, word[PollingProxy]{"!!str", "system", PollingProxy{System: true}}),
	numberKey("pollingConnectionCount", func(f *File) *int { return &f.PollingConnectionCount }, math.MaxInt32, "a whole number from 1, like 5"),
	registrationsKey,
	sectionKey("service", func(f *File) **Service { return &f.Service }, serviceKeys),
}

var certificateKeys = []key[Certificate]{
	textKey("pfx", func(c *Certificate) *string { return &c.PFX }, aPath),
	textKey("passwordFile", func(c *Certificate) *string { return &c.PasswordFile }, aPath),
}

var listenKeys = []key[Listen]{
	portKey("port", func(l *Listen) *int { return &l.Port }),
	textKey("address", func(l *Listen) *string { return &l.Address }, listenAddress),
}

var proxyKeys = []key[PollingProxy]{
	textKey("host", func(p *PollingProxy) *string { return &p.Host }, aHost),
	portKey("port", func(p *PollingProxy) *int { return &p.Port }),
	{
		name: "user",
		read: func(r *reader, n *yaml.Node, at string, into *PollingProxy) {
			if user, ok := r.text(n, at, plainText); ok {
				into.User = &user
			}
		},
		write: func(from *PollingProxy) *yaml.Node {
			if from.User == nil {
				return nil
			}
			return scalar("!!str", *from.User)
		},
		shape: shape{kind: "text"},
	},
	textKey("passwordFile", func(p *PollingProxy) *string { return &p.PasswordFile }, aPath),
}

var registrationKeys = []key[Registration]{
	{
		name: "kind",
		read: func(r *reader, n *yaml.Node, at string, into *Registration) {
			if kind, ok := r.text(n, at, oneOf(kinds[:]...)); ok && kind == kinds[octoapi.Worker] {
				into.Kind = octoapi.Worker
			}
		},
		write: func(from *Registration) *yaml.Node { return scalar("!!str", kinds[from.Kind]) },
		shape: shape{kind: "text", words: kinds[:]},
	},
	textKey("space", func(r *Registration) *string { return &r.Space }, aName),
	textKey("name", func(r *Registration) *string { return &r.Name }, aName),
	textsKey("environments", func(r *Registration) *[]string { return &r.Environments }, aName, "a deployment target is in one or more"),
	textsKey("roles", func(r *Registration) *[]string { return &r.Roles }, aName, "a deployment target has one or more"),
	textsKey("tenants", func(r *Registration) *[]string { return &r.Tenants }, aName, ""),
	textsKey("tenantTags", func(r *Registration) *[]string { return &r.TenantTags }, tenantTag, ""),
	textKey("tenantedDeploymentParticipation", func(r *Registration) *string { return &r.TenantedDeploymentParticipation },
		oneOf(octoapi.Participations...), octoapi.Participations...),
	textsKey("workerPools", func(r *Registration) *[]string { return &r.WorkerPools }, aName, "a worker is in one or more"),
	textKey("policy", func(r *Registration) *string { return &r.Policy }, aName),
	textKey("publicHostName", func(r *Registration) *string { return &r.PublicHostName }, aHost),
	portKey("tentacleCommsPort", func(r *Registration) *int { return &r.TentacleCommsPort }),
	textKey("proxy", func(r *Registration) *string { return &r.Proxy }, aName),
}

// kinds are the texts of a registration's kind.
var kinds = [...]string{octoapi.Target: "target", octoapi.Worker: "worker"}

var serviceKeys = []key[Service]{
	trueKey("install", func(s *Service) *bool { return &s.Install }, "the command service with --uninstall"),
	sectionKey("account", func(s *Service) **Account { return &s.Account }, accountKeys),
	trueKey("start", func(s *Service) *bool { return &s.Start }, "the command service with --stop"),
}

var accountKeys = []key[Account]{
	textKey("user", func(a *Account) *string { return &a.User }, aName),
	textKey("passwordFile", func(a *Account) *string { return &a.PasswordFile }, aPath),
}

func portKey[T any](name string, field func(*T) *int) key[T] {
	return numberKey(name, field, math.MaxUint16, "a port, 1 to 65535")
}

// portsKey is what makes several addresses of each node. They are written out.
var portsKey = key[File]{
	name: "ports",
	read: func(r *reader, n *yaml.Node, at string, _ *File) {
		n, ok := r.value(n, at)
		if !ok {
			return
		}
		items := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			items = n.Content
		}
		var texts []string
		for _, item := range items {
			if item.Kind != yaml.ScalarNode || item.Tag != "!!int" && item.Tag != "!!str" || item.Style&yaml.TaggedStyle != 0 {
				r.wrong(item.Line, at, errors.New("expected ports, like 10943, or a range like 10943-10945"))
				return
			}
			for text := range strings.SplitSeq(item.Value, ",") {
				texts = append(texts, strings.TrimSpace(text))
			}
		}
		ports, err := octoapi.ParsePorts(texts)
		switch {
		case err != nil:
			r.wrong(n.Line, at, err)
		case len(ports) == 0:
			r.wrong(n.Line, at, errNoValue)
		}
		r.ports = ports
	},
	write: func(*File) *yaml.Node { return nil },
	shape: shape{kind: "ports"},
}

var registrationsKey = key[File]{
	name: "registrations",
	read: func(r *reader, n *yaml.Node, at string, into *File) {
		ok := r.list(n, at, "registrations", func(n *yaml.Node, at string) {
			registration := Registration{}
			if n, ok := r.value(n, at); ok && readInto(r, n, at, registrationKeys, &registration) {
				into.Registrations = append(into.Registrations, registration)
			}
		})
		if ok && len(aliased(n).Content) == 0 {
			r.wrong(n.Line, at, errors.New("the list is empty: use deregister-from or deregister-worker to have no registration"))
		}
	},
	write: func(from *File) *yaml.Node {
		if len(from.Registrations) == 0 {
			return nil
		}
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range from.Registrations {
			list.Content = append(list.Content, nodeOf(registrationKeys, &from.Registrations[i]))
		}
		return list
	},
	shape: shape{kind: "sections", least: 1, keys: schemaKeys(registrationKeys)},
}

// oneOf is one of the words, whatever its case.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		for _, word := range words {
			if strings.EqualFold(strings.TrimSpace(text), word) {
				return word, nil
			}
		}
		last := len(words) - 1
		return "", fmt.Errorf("expected %s or %s", strings.Join(words[:last], ", "), words[last])
	}
}
