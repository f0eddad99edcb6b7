package history

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// change is an entry that has everything.
func change() Entry {
	return Entry{
		Time: time.Date(2026, 11, 26, 4, 15, 0, 0, time.UTC), Host: "web01", Version: "1.2.3",
		Instance: "web", Configuration: "/etc/octopus/web/Tentacle.config",
		Command: "octo-tentacle poll-server --replace", User: "root", Login: "jane", Task: "ServerTasks-4711", Reason: `node "3"`,
		Outcome: "failed", Error: "busy",
		Added:    []Server{{"TentacleActive", "https://octo1:10943", "AA", "poll://a/"}, {"TentacleActive", "https://octo2:10943", "AA", "poll://a/"}},
		Updated:  []Server{{"TentaclePassive", "", "BB", ""}},
		Removed:  []Server{{"TentacleActive", "https://octo3:10943", "CC", "poll://c/"}},
		Settings: []Setting{{"Octopus.Home", new("/etc/octopus/web")}, {"A", nil}, {"B", new("")}},
		Done:     []string{"service web was stopped"}, Backup: "/etc/octopus/web/Tentacle.config.bak-20261126T041500Z", Restart: RestartPending,
	}
}

func TestAMessageIsOneLineWithAllThatMatters(t *testing.T) {
	want := `jane as root ran octo-tentacle poll-server --replace: service web was stopped, ~ trusted BB, + https://octo1:10943 AA, + https://octo2:10943 AA, ` +
		`- https://octo3:10943 CC, ~ Octopus.Home = /etc/octopus/web, ~ A removed, ~ B emptied; restart: pending; reason: node "3"; task: ServerTasks-4711; error: busy`
	if got := change().Message(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (Entry{User: "root", Command: "octo-tentacle x"}).Message(); got != "root ran octo-tentacle x" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(change().Summary(), ", "); strings.Contains(got, "AA") || !strings.Contains(got, "+ https://octo1:10943, + https://octo2:10943") {
		t.Errorf("the summary is %s", got)
	}
}

// texts are all texts of a value.
func texts(v reflect.Value) (list []string) {
	switch v.Kind() {
	case reflect.String:
		list = append(list, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			list = append(list, texts(v.Elem())...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, texts(v.Index(i))...)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range v.NumField() {
			list = append(list, texts(v.Field(i))...)
		}
	}
	return list
}

func TestEveryTextOfAnEntryIsReplaced(t *testing.T) {
	e := change()
	before := len(texts(reflect.ValueOf(e)))
	for _, text := range texts(reflect.ValueOf(e.Map(func(string) string { return "hidden" }))) {
		if text != "hidden" {
			t.Errorf("%q was not replaced", text)
		}
	}
	if after := len(texts(reflect.ValueOf(e))); after != before || *e.Settings[0].Value != "/etc/octopus/web" {
		t.Errorf("the original was changed: %+v", e)
	}
	for name, list := range map[string]any{"added": (Entry{}).Map(strings.ToLower).Added, "settings": (Entry{}).Map(strings.ToLower).Settings, "done": (Entry{}).Map(strings.ToLower).Done} {
		if reflect.ValueOf(list).IsNil() {
			t.Errorf("%s is null, not []", name)
		}
	}
}

func TestAnEventHasTheMessageAndTheFieldsInLines(t *testing.T) {
	lines := strings.Split(eventText(change()), "\r\n")
	if lines[0] != change().Message() || lines[1] != "" || lines[2] != "Instance: web" {
		t.Errorf("it begins with %q", lines[:3])
	}
	for _, want := range []string{
		"User: root", "Login: jane", "Task: ServerTasks-4711", "Added: https://octo1:10943 AA, https://octo2:10943 AA", "Removed: https://octo3:10943 CC",
		"Settings: Octopus.Home = /etc/octopus/web, A removed, B emptied", "Restart: pending", "Outcome: failed", "Version: 1.2.3",
	} {
		if !strings.Contains(strings.Join(lines, "\n"), want+"\n") && lines[len(lines)-1] != want {
			t.Errorf("there is no %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if got := eventText(Entry{Command: "x", User: "y"}); strings.Contains(got, "Reason") {
		t.Errorf("an empty field is shown: %s", got)
	}
}

func TestAnEventHasNothingThatTheViewerReplaces(t *testing.T) {
	text := eventText(Entry{Command: "octo-tentacle --server=https://octo/a%20b%%1%1 --reason=100%", User: "y"})
	if first, _, _ := strings.Cut(text, "\r\n"); first != "y ran octo-tentacle --server=https://octo/a% 20b%% 1% 1 --reason=100%" || insertion().MatchString(text) {
		t.Errorf("got %s", text)
	}
}

func TestALogGetsNoMoreThanItTakes(t *testing.T) {
	long := change()
	long.Reason = strings.Repeat("ä", 20000)
	if text := eventText(long); len(text) > eventSize || !strings.HasSuffix(text, "…") || !utf8.ValidString(text) {
		t.Errorf("an event has %d bytes", len(text))
	}
	for _, c := range []struct {
		text string
		size int
		want string
	}{{"short", 5, "short"}, {"longer", 5, "lo…"}, {"äöü", 5, "ä…"}, {"äöü", 6, "äöü"}} {
		if got := shortened(c.text, c.size); got != c.want {
			t.Errorf("%s in %d bytes is %s, not %s", c.text, c.size, got, c.want)
		}
	}
}
