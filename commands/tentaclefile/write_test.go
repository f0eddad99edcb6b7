package tentaclefile

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/octo-tentacle/octo-tentacle/octoapi"
	"pgregory.net/rapid"
)

// named is a value or, half the time, the zero value: not named.
func named[T any](g *rapid.Generator[T]) *rapid.Generator[T] {
	var zero T
	return rapid.OneOf(rapid.Just(zero), g)
}

// texts are names as people give them, and those that YAML could take for something else.
var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"no", "yes", "on", "null", "~x", "true", "12", "1.0", "0x1F", "1e3", "2026-01-02", "- a", "a: b", "#a", "a #b", "!a", "&a", "*a",
		"%a", "@a", "`a", "'", `"`, "|", ">", "[a", "{a", "a,b", "=", "<<", "é", "日本", "\u2028x", "a\u00a0b", "\ufeffa", `C:\x`, "1_000", "12:30:45", "...", "---"}),
	rapid.StringMatching(`[A-Za-z0-9 _.:#'"-]{0,12}[A-Za-z0-9]`),
	rapid.String(),
).Filter(func(s string) bool { clean, err := aName(s); return err == nil && clean == s })

var paths = texts.Filter(func(s string) bool { clean, err := aPath(s); return err == nil && clean == s })

var hosts = rapid.OneOf(rapid.StringMatching(`[a-z0-9]{1,8}(\.example\.com)?`), rapid.SampledFrom([]string{"10.0.0.5", "fd00::1"}))

var ports = rapid.IntRange(1, 65535)

func lists(item *rapid.Generator[string], least int) *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(item, least, 4, strings.ToLower)
}

func section[S any](draw func(t *rapid.T, s *S)) *rapid.Generator[*S] {
	return named(rapid.Custom(func(t *rapid.T) *S {
		s := new(S)
		draw(t, s)
		return s
	}))
}

// files are all kinds of files that Read takes.
var files = rapid.Custom(func(t *rapid.T) File {
	f := File{
		Instance:      named(rapid.SampledFrom([]string{"web", "Web 1", "no", "1"})).Draw(t, "instance"),
		Configuration: named(paths).Draw(t, "configuration"),
		Home:          named(paths).Draw(t, "home"),
		Applications:  named(paths).Draw(t, "applications"),
		Certificate: section(func(t *rapid.T, c *Certificate) {
			if c.PFX = named(paths).Draw(t, "pfx"); c.PFX != "" {
				c.PasswordFile = named(paths).Draw(t, "passwordFile")
			}
		}).Draw(t, "certificate"),
		Communication: named(rapid.SampledFrom([]Communication{Polling, Listening})).Draw(t, "communication"),
		Listen: section(func(t *rapid.T, l *Listen) {
			l.Port = named(ports).Draw(t, "port")
			l.Address = named(rapid.SampledFrom([]string{Any, "10.0.0.5", "::"})).Draw(t, "address")
		}).Draw(t, "listen"),
		Server:      named(rapid.SampledFrom([]string{"https://octopus.example.com", "http://octopus:8080/octopus", "https://[fd00::1]"})).Draw(t, "server"),
		Space:       named(texts).Draw(t, "space"),
		Thumbprints: named(lists(rapid.StringMatching(`[0-9A-F]{40}`), 1).Filter(func(l []string) bool { return len(l) < 3 })).Draw(t, "thumbprints"),
		PollingProxy: section(func(t *rapid.T, p *PollingProxy) {
			switch rapid.IntRange(0, 2).Draw(t, "proxy") {
			case 0:
				p.Off = true
			case 1:
				p.System = true
			default:
				p.Host, p.Port, p.PasswordFile = hosts.Draw(t, "host"), named(ports).Draw(t, "port"), named(paths).Draw(t, "passwordFile")
				p.User = named(rapid.Ptr(rapid.OneOf(texts, rapid.Just("")), true)).Draw(t, "user")
			}
		}).Draw(t, "pollingProxy"),
		PollingConnectionCount: named(rapid.IntRange(1, 100)).Draw(t, "connections"),
		Service: section(func(t *rapid.T, s *Service) {
			s.Start = rapid.Bool().Draw(t, "start")
			s.Account = section(func(t *rapid.T, a *Account) {
				a.User, a.PasswordFile = texts.Draw(t, "user"), named(paths).Draw(t, "passwordFile")
			}).Draw(t, "account")
			s.Install = !s.Start && s.Account == nil || rapid.Bool().Draw(t, "install")
		}).Draw(t, "service"),
	}
	switch {
	case f.Communication != Listening:
		f.Nodes = named(rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
			return octoapi.AtPorts("https://"+strings.Trim(hosts.Draw(t, "host"), ":"), []int{ports.Draw(t, "port")})[0]
		}), 1, 4, rapid.ID)).Draw(t, "nodes")
		if f.Listen != nil && rapid.Bool().Draw(t, "off") {
			f.Listen = &Listen{Off: true}
		}
	}
	f.Registrations = named(rapid.SliceOfNDistinct(registrations(f.Communication), 1, 4, func(r Registration) string {
		space := r.Space
		if space == "" {
			space = f.Space
		}
		return r.Kind.String() + "\n" + strings.ToLower(space) + "\n" + strings.ToLower(r.Name)
	})).Draw(t, "registrations")
	return f
})

func registrations(communication Communication) *rapid.Generator[Registration] {
	return rapid.Custom(func(t *rapid.T) Registration {
		r := Registration{
			Kind:   rapid.SampledFrom([]octoapi.Kind{octoapi.Target, octoapi.Worker}).Draw(t, "kind"),
			Space:  named(texts).Draw(t, "space"),
			Name:   named(texts).Draw(t, "name"),
			Policy: named(texts).Draw(t, "policy"),
		}
		if r.Kind == octoapi.Worker {
			r.WorkerPools = named(lists(texts, 1)).Draw(t, "pools")
		} else {
			r.Environments, r.Roles = named(lists(texts, 1)).Draw(t, "environments"), named(lists(texts, 1)).Draw(t, "roles")
			r.Tenants = named(lists(texts, 0)).Draw(t, "tenants")
			r.TenantTags = named(lists(rapid.StringMatching(`[A-Z][a-z ]{0,4}x/[a-z]{1,4}`), 0)).Draw(t, "tags")
			r.TenantedDeploymentParticipation = named(rapid.SampledFrom(octoapi.Participations)).Draw(t, "participation")
		}
		if communication != Polling {
			r.PublicHostName, r.TentacleCommsPort = named(hosts).Draw(t, "host"), named(ports).Draw(t, "port")
			r.Proxy = named(texts).Draw(t, "proxy")
		}
		return r
	})
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	compiled := compiledSchema(t)
	rapid.Check(t, func(rt *rapid.T) {
		f := files.Draw(rt, "file")
		comments := map[string]string{"": texts.Draw(rt, "comment"), "nodes": "a\n" + texts.Draw(rt, "comment"), "registrations[0]": "b", "registrations[0].name": "c", "service.account": "d"}
		content := Write(f, comments)
		got, err := Read("", content)
		if len(Write(f, nil)) == 0 {
			if err == nil {
				rt.Fatalf("nothing is read from\n%s", content)
			}
			return
		}
		if err != nil {
			rt.Fatalf("%v, of\n%s", err, content)
		}
		if diff := cmp.Diff(f, got, cmpopts.IgnoreUnexported(File{})); diff != "" {
			rt.Fatalf("%s, of\n%s", diff, content)
		}
		if again := Write(got, comments); string(again) != string(content) {
			rt.Fatalf("%s, not\n%s", again, content)
		}
		if err := refusedBySchema(t, compiled, string(content)); err != nil {
			rt.Fatalf("the schema refuses: %v, of\n%s", err, content)
		}
	})
}

func TestCommentsStandAboveTheirKeys(t *testing.T) {
	t.Parallel()
	f := File{
		Instance: "web", Space: "no", Nodes: []string{"https://octo1:10943", "https://octo2:10943"},
		Registrations: []Registration{{Kind: octoapi.Target, Name: "a\u202eb\U000e0001", Environments: []string{"12:30"}, Tenants: []string{}}},
	}
	got := string(Write(f, map[string]string{
		"": "Of web.\n\nTwo paragraphs.", "space": "The space.", Key("nodes", 1): "The second\x1b.", Key(Key("registrations", 0), "name"): "Its name.",
		Key("registrations", 0): "The first.", "home": "Not there.",
	}))
	const want = `# Of web.
#
# Two paragraphs.

instance: web
# The space.
space: "no"
nodes:
  - https://octo1:10943
  # The second\x1b.
  - https://octo2:10943
registrations:
  # The first.
  - kind: target
    # Its name.
    name: "a\u202eb\U000E0001"
    environments:
      - "12:30"
    tenants: []
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := string(Write(File{}, map[string]string{"": "Nothing."})); got != "# Nothing.\n\n" {
		t.Errorf("%q", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add("nodes: &a [https://a:1]\nthumbprints: *a\nports: '1-3'\n")
	f.Add("a: b: c\n---\n<<: *x")
	f.Add("[a: {b: !!binary x}]")
	f.Fuzz(func(t *testing.T, content string) {
		file, err := Read("f", []byte(content))
		if err == nil {
			if again, err := Read("f", Write(file, nil)); err != nil || !cmp.Equal(file, again, cmpopts.IgnoreUnexported(File{})) {
				t.Errorf("%v, of %q", err, Write(file, nil))
			}
			return
		}
		joined, is := err.(interface{ Unwrap() []error })
		if !is {
			t.Fatalf("%#v is not several mistakes", err)
		}
		for _, one := range joined.Unwrap() {
			mistake, is := errors.AsType[*Mistake](one)
			if !is || mistake.Line < 1 || mistake.Line > strings.Count(content, "\n")+strings.Count(content, "\r")+2 {
				t.Errorf("%#v names no line of %q", one, content)
			}
		}
	})
}
