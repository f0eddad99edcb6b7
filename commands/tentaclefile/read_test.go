package tentaclefile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/octo-tentacle/octo-tentacle/internal/hint"
)

const whole = `instance: web
configuration: /etc/octopus/web/Tentacle.config
home: /etc/octopus/web
applications: /home/Octopus/Applications/web
certificate: if-blank
communication: polling
listen: {port: 10933, address: 0.0.0.0}
server: https://octopus.example.com
space: Default
nodes: [https://octo1:10943, https://octo2:10943]
thumbprints: [0123456789ABCDEF0123456789ABCDEF01234567]
pollingProxy: {host: proxy, port: 3128, user: u, passwordFile: proxy.txt}
pollingConnectionCount: 5
registrations:
  - kind: target
    space: Default
    name: web01
    environments: [Production]
    roles: [web-server]
    tenants: []
    tenantTags: [CustomerType/VIP]
    tenantedDeploymentParticipation: Untenanted
    policy: Default Machine Policy
  - kind: worker
    workerPools: [Linux]
service: {install: true, account: {user: octopus}, start: true}
`

// numbered is a text for each number from 1 to n.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

// TestFilesAreTakenAndRefusedAsTheSchemaSays: an editor marks what octo-tentacle refuses. Where
// only one of them can know, the row says which.
func TestFilesAreTakenAndRefusedAsTheSchemaSays(t *testing.T) {
	compiled := compiledSchema(t)
	const both, readAlone, schemaAlone = "", "only octo-tentacle refuses it", "only the schema refuses it"
	for _, c := range []struct{ name, content, mistakes, by string }{
		{"everything", whole, "", both},
		{"a list of nodes alone", "nodes:\n- https://octo1:10943\n", "", both},
		{"JSON", "{\n\t\"instance\": \"web\",\n\t\"nodes\": [\"https://a:1\"]\n}\n", "", both},
		{"words of old YAML are texts", "space: no\nregistrations: [{name: yes, environments: [on, 2026-01-02], roles: [off]}]", "", both},
		{"ports of one address", "nodes: [https://octopus.example.com]\nports: 10943-10945", "", both},
		{"several ports", "nodes: [https://octopus.example.com]\nports: [10943, 10950-10951]", "", both},
		{"no proxy", "pollingProxy: false", "", both},
		{"the system's proxy", "pollingProxy: system", "", both},
		{"a listening Tentacle", "communication: listening\nlisten: true\nregistrations: [{publicHostName: web01, tentacleCommsPort: 10934, proxy: dmz}]", "", both},
		{"no tenants", "registrations: [{tenants: [], tenantTags: []}]", "", both},
		{"a user of a proxy that is none", "pollingProxy: {host: proxy, user: ''}", "", both},

		{"nothing", "", "line 1: it is empty", both},
		{"a comment alone", "# nodes\n", "line 1: it is empty", both},
		{"an empty mapping", "{}", "line 1: it is empty", both},
		{"a list", "- https://octo1:10943", "line 1: expected keys and values, not a list", both},
		{"a text", "API-0123456789", "line 1: expected keys and values, not text", both},
		{"no YAML", "instance: web\nnodes: a: b", "line 2: this is not YAML: mapping values are not allowed in this context", both},
		{"a secret that looks like an alias", "instance: web\nserver: *correct-horse", "line 1: this is not YAML: an alias (*name) has no anchor; put a text that begins with * in quotes", both},
		{"a second document", "instance: web\n---\ninstance: db", "line 2: a second document (after ---) begins here; expected one", readAlone},
		{"a key twice", "instance: a\nspace: s\ninstance: b", "line 3: instance: the key is there twice, first in line 1", both},
		{"an unknown key", "instance: web\nnode: [https://a:1]", "line 2: there is no key node; did you mean nodes?", both},
		{"an unknown key inside", "registrations:\n  - kind: target\n    envs: [a]\n    role: [a]",
			"line 3: registrations[0]: there is no key envs here\nline 4: registrations[0]: there is no key role here; did you mean roles?", both},
		{"a case that is another", "Instance: web", "line 1: there is no key Instance; did you mean instance?", both},
		{"no key at all", "Api key API-0123456789: x", "line 1: there is no such key", both},
		{"an API key", "apiKey: API-0123456789", "line 1: a secret does not belong in this file: apiKey", both},
		{"a password", "pollingProxy: {host: p, password: correct-horse}", "line 1: pollingProxy: a secret does not belong in this file: password", both},
		{"a subscription", "subscription: poll://abc/", "line 1: a secret does not belong in this file: subscription", both},
		{"no value", "nodes:\nspace:", "line 1: nodes: it has no value: give one, or omit the key to leave this as it is\n" +
			"line 2: space: it has no value: give one, or omit the key to leave this as it is", both},
		{"an empty text", "space: ' '", "line 1: space: it has no value: give one, or omit the key to leave this as it is", both},
		{"an empty section", "service: {}", "line 1: service: it has no value: give one, or omit the key to leave this as it is", both},
		{"a number as text", "space: 12", "line 1: space: expected text, not a number: put it in quotes", both},
		{"a boolean as text", "space: true", "line 1: space: expected text, not true: put it in quotes", both},
		{"a list as text", "space: [a]", "line 1: space: expected text, not a list", both},
		{"a text as list", "nodes: https://a:1", "line 1: nodes: expected a list of values, not text", both},
		{"a text as number", "pollingConnectionCount: '5'", "line 1: pollingConnectionCount: expected a whole number from 1, like 5", both},
		{"no connection", "pollingConnectionCount: 0", "line 1: pollingConnectionCount: expected a whole number from 1, like 5", both},
		{"a port that is none", "listen: {port: 70000}", "line 1: listen.port: expected a port, 1 to 65535", both},
		{"the highest port", "listen: {port: 65535}", "", both},
		{"the port above it", "listen: {port: 65536}", "line 1: listen.port: expected a port, 1 to 65535", both},
		{"numbers and words without a value", "pollingConnectionCount:\nservice: {start: }\nports:", "line 1: pollingConnectionCount: it has no value: give one, or omit the key to leave this as it is\n" +
			"line 2: service.start: it has no value: give one, or omit the key to leave this as it is\nline 3: ports: expected ports, like 10943, or a range like 10943-10945", both},
		{"a list as the name of a key", "[instance]: web", "line 1: expected the name of a key", both},
		{"a tag of the name of a key", "!!str instance: web", "line 1: expected the name of a key", readAlone},
		{"ports that are none", "nodes: [https://a]\nports: [true]", "line 2: ports: expected ports, like 10943, or a range like 10943-10945", both},
		{"a text in the place of keys", "service: web", "line 1: service: expected keys and values, not text", both},
		{"another word", "certificate: new", "line 1: certificate: expected if-blank, or the keys pfx, passwordFile", both},
		{"yes", "service: {start: yes}", "line 1: service.start: expected true or false", both},
		{"not started", "service: {start: false}", "line 1: service.start: it can only be true: omit it to leave this as it is, or use the command service with --stop", both},
		{"a tag", "space: !!str 12", "line 1: space: a tag like !!str or !vault has no meaning here: omit it", readAlone},
		{"a merge key", "a: &a {name: b}\nregistrations: [{<<: *a}]",
			"line 1: there is no key a\nline 2: registrations[0]: merge keys (<<) have no meaning here: write the values out", both},
		{"a list of lists", "nodes: [[https://a:1]]", "line 1: nodes[0]: expected text, not a list", both},
		{"an item twice", "registrations:\n- roles: [web, db,\n    Web]", "line 3: registrations[0].roles[2]: Web is in the list twice", readAlone},
		{"two addresses that are one", "nodes: [https://a, 'https://A:443/']", "line 1: nodes[1]: https://a:443 is in the list twice", readAlone},
		{"a line break", "space: \"a\\nb\"", "line 1: space: it has a line break or another control character", readAlone},
		{"a path of Windows", `configuration: C:\Octopus\web\Tentacle.config
certificate: {pfx: 'C:\new\web.pfx', passwordFile: \\files\web\password.txt}
home: "C:\\Octopus"`, "", both},
		{"a path of Windows in double quotes", `home: "C:\Octopus"`, "line 1: this is not YAML: found unknown escape character", both},
		{"one whose escapes there are", `home: "C:\new\tentacle"`, "line 1: home: it has a line break or another control character", readAlone},
		{"one in a usual folder", `home: "C:\Program Files"`, "line 1: home: it has a line break or another control character", readAlone},
		{"a name of no instance", "instance: a/b", `line 1: instance: "a/b" is not a valid instance name: it must not contain / \ : * ? " < > |`, both},
		{"an address that is none", "nodes: [octo1:10943]", `line 1: nodes[0]: "octo1:10943" is not an address to poll: it does not begin with https://`, both},
		{"an address with a password", "nodes: ['https://u:correct-horse@octo1']", "line 1: nodes[0]: it must not contain a user name or password (there is an @ in it)", both},
		{"a server that is none", "server: octopus", "line 1: server: the address of the Octopus Server, octopus, does not begin with https:// or http://", both},
		{"a thumbprint that is none", "thumbprints: [abc]", "line 1: thumbprints[0]: it is not a thumbprint (40 hexadecimal digits)", both},
		{"three thumbprints", "thumbprints: [" + strings.Repeat("1A", 20) + "," + strings.Repeat("2A", 20) + "," + strings.Repeat("3A", 20) + "]",
			"line 1: thumbprints: expected one thumbprint of the cluster, or two while its certificate is renewed", both},
		{"a host with a port", "pollingProxy: {host: 'proxy:3128'}", "line 1: pollingProxy.host: expected a host name or an IP address alone, like web01.example.com; the port has a key of its own", readAlone},
		{"an address to listen on that is none", "listen: {address: localhost}", "line 1: listen.address: expected an IP address of this machine, like 10.0.0.5, or any", readAlone},
		{"a tag of a set without a name", "registrations: [{tenantTags: [/VIP]}]", "line 1: registrations[0].tenantTags[0]: expected a tag set and a tag, like CustomerType/VIP", both},
		{"a set without a tag", "registrations: [{tenantTags: [CustomerType/]}]", "line 1: registrations[0].tenantTags[0]: expected a tag set and a tag, like CustomerType/VIP", both},
		{"a tag without its set", "registrations: [{tenantTags: [VIP]}]", "line 1: registrations[0].tenantTags[0]: expected a tag set and a tag, like CustomerType/VIP", both},
		{"standard input as a file", "certificate: {pfx: '-'}", "line 1: certificate.pfx: expected the path of a file or folder: standard input (-) has none", readAlone},
		{"a home folder", "home: ~/web", "line 1: home: ~ has no meaning here: write the folder out", readAlone},
		{"a range that is none", "nodes: [https://a]\nports: 10945-10943", `line 2: ports: "10945-10943": the range ends before it begins`, readAlone},
		{"ports of nothing", "ports: 10943", "line 1: ports: there are no nodes that have these ports", both},
		{"ports of a web socket", "nodes: [wss://a:443/OctopusComms]\nports: 10943", "line 1: nodes[0]: a web socket address contains its port: omit ports", readAlone},

		{"nodes of a listening Tentacle", "communication: listening\nnodes: [https://a:1]",
			"line 2: nodes: a listening Tentacle polls nothing: omit nodes, or write communication: polling", both},
		{"a Tentacle that listens and does not", "communication: listening\nlisten: false", "line 2: listen: communication: listening and listen: false contradict each other", both},
		{"a password of nothing", "certificate: {passwordFile: a}", "line 1: certificate.passwordFile: there is no pfx to which the password belongs", both},
		{"a proxy without host", "pollingProxy: {port: 3128}", "line 1: pollingProxy: host is missing", both},
		{"an account without name", "service: {account: {passwordFile: a}}", "line 1: service.account: user is missing", both},
		{"environments of a worker", "registrations:\n- kind: worker\n  environments: [a]\n  roles: [b]",
			"line 3: registrations[0].environments: it is for kind: target\nline 4: registrations[0].roles: it is for kind: target", both},
		{"worker pools of a target", "registrations:\n- workerPools: [a]", "line 2: registrations[0].workerPools: it is for kind: worker", both},
		{"an address of one that polls", "communication: polling\nregistrations: [{publicHostName: a}]",
			"line 2: registrations[0].publicHostName: it is for communication: listening: nobody calls a Tentacle that polls", readAlone},
		{"the same registration twice", "space: S\nregistrations:\n- name: a\n- {name: A, space: s}\n- {kind: worker, name: a}",
			"line 4: registrations[1]: it is the same deployment target as that in line 3: give each a name, and each name once", readAlone},
		{"no registration", "registrations: []", "line 1: registrations: the list is empty: use deregister-from or deregister-worker to have no registration", both},
		{"no environment", "registrations: [{environments: []}]", "line 1: registrations[0].environments: the list is empty: a deployment target is in one or more", both},
		{"an empty list beside another mistake", "nodes: []\nspace: 1", "line 1: nodes: the list is empty: use remove-server to poll nothing\nline 2: space: expected text, not a number: put it in quotes", both},
		{"a list that is the same one", "registrations:\n- roles: &r [a]\n  environments: *r", "", both},
		{"no node", "nodes: []", "line 1: nodes: the list is empty: use remove-server to poll nothing", both},
		{"all mistakes at once", "instance: a/b\nhomee: x\nlisten: {port: x}", `line 1: instance: "a/b" is not a valid instance name: it must not contain / \ : * ? " < > |` +
			"\nline 2: there is no key homee; did you mean home?\nline 3: listen.port: expected a port, 1 to 65535", both},
		{"a word in capitals", "communication: Polling", "", schemaAlone},
		{"as many items as there may be", "registrations: [{roles: [" + numbered("r%d, ", 1000) + "]}]", "", both},
		{"as many addresses as there may be", "nodes: [" + numbered("'https://n%d',", 500) + "]\nports: 10943-10944", "", both},
		{"too many addresses", "nodes: [" + numbered("'https://n%d',", 501) + "]\nports: 10943-10944", "line 2: ports: nodes and ports make more than 1000 addresses", readAlone},
		{"too many values", "registrations: [" + numbered("{name: r%[1]d, policy: p, environments: [e], roles: [a, b, c, d, e, f, g, h, i, j, k, l, m, o, p]}, ", 1000) + "]",
			"line 1: registrations[952].roles[1]: the file has more than 20000 values", readAlone},
		{"too many items", "nodes: [" + strings.Repeat("'https://a:1',", 1001) + "]", "line 1: nodes: the list has more than 1000 items", readAlone},
	} {
		_, err := Read("", []byte(c.content))
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), "\n, ", "\n")[2:]
		}
		if got != c.mistakes {
			t.Errorf("%s:\n%s\nnot\n%s", c.name, got, c.mistakes)
		}
		refused := refusedBySchema(t, compiled, c.content)
		if (refused != nil) != ((c.mistakes != "" || c.by == schemaAlone) && c.by != readAlone) {
			t.Errorf("%s: the schema says %v, but: %q %s", c.name, refused, c.mistakes, c.by)
		}
	}
}

func TestAPathInDoubleQuotesIsExplained(t *testing.T) {
	for _, content := range []string{`home: "C:\Octopus"`, `home: "C:\xampp"`, `home: "C:\new\tentacle"`, `home: "C:\Program Files"`} {
		_, err := Read("", []byte(content))
		if hints := hint.Of(err); len(hints) != 1 || hints[0] != escapeHint {
			t.Errorf("%s: %v, hints %q", content, err, hints)
		}
	}
	if _, err := Read("", []byte("home: |-\n  C:\n  Octopus")); err == nil || len(hint.Of(err)) > 0 {
		t.Errorf("without quotes: %v, hints %q", err, hint.Of(err))
	}
}
