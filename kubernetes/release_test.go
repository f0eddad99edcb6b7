package kubernetes

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packed is a revision as Helm keeps it.
func packed(t testing.TB, plain string) []byte {
	t.Helper()
	var content bytes.Buffer
	z := gzip.NewWriter(&content)
	if _, err := z.Write([]byte(plain)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(content.Bytes()))
}

const revision = `{"name":"agent","namespace":"octopus","version":3,
	"info":{"first_deployed":"2026-01-01T10:00:00Z","last_deployed":"2026-11-26T10:00:00.5+01:00","status":"deployed","description":"Upgrade complete","notes":"<b>"},
	"chart":{"metadata":{"name":"kubernetes-agent","version":"2.17.0"},"values":{"agent":{"serverCommsAddress":"https://chart:10943","serverCommsAddresses":[]}},"lock":null},
	"config":{"agent":{"serverCommsAddress":"","serverCommsAddresses":["https://octo1:10943","https://octo2:10943"],"z":1.0,"a":"<&>"}},
	"manifest":"---\n# <x>\n","hooks":[{"z":1e2}],"apply_method":"ssa"}`

func TestARevisionIsReadAsHelmWritesIt(t *testing.T) {
	t.Parallel()
	for _, value := range [][]byte{packed(t, revision), []byte(base64.StdEncoding.EncodeToString([]byte(revision)))} {
		r, err := decodeRelease(Secret{Meta: Meta{Name: "sh.helm.release.v1.agent.v3", Namespace: "octopus"}, Data: map[string][]byte{releaseKey: value}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Name != "agent" || r.Namespace != "octopus" || r.Revision != 3 || r.Status != "deployed" || r.Description != "Upgrade complete" ||
			r.Chart != "kubernetes-agent" || r.ChartVersion != "2.17.0" || r.LastDeployed.UTC().Format("15:04:05.0") != "09:00:00.5" {
			t.Errorf("%+v", r)
		}
		if diff := cmp.Diff([]string{"https://octo1:10943", "https://octo2:10943"}, r.Addresses().List()); diff != "" {
			t.Errorf("addresses (-want +got):\n%s", diff)
		}
	}
}

func TestWhatIsNotKnownInARevisionStaysByteForByte(t *testing.T) {
	t.Parallel()
	r, err := parseRelease(packed(t, revision))
	if err != nil {
		t.Fatal(err)
	}
	value, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseRelease(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.body, again.body); diff != "" {
		t.Errorf("the body (-before +after):\n%s", diff)
	}
	if !strings.Contains(string(again.body["config"]), `"z":1.0,"a":"<&>"`) {
		t.Errorf("the values are %s", again.body["config"])
	}
}

func TestTheAddressesOfARevision(t *testing.T) {
	t.Parallel()
	const own = `{"agent":{"serverCommsAddress":"https://chart:10943","serverCommsAddresses":["https://a:10943"]}}`
	for _, c := range []struct {
		name, values, config string
		want                 []string
	}{
		{"given as a list", "{}", `{"agent":{"serverCommsAddresses":["https://a:1","https://b:1"]}}`, []string{"https://a:1", "https://b:1"}},
		{"given as a text", "{}", `{"agent":{"serverCommsAddresses":"https://a:1,https://b:1"}}`, []string{"https://a:1", "https://b:1"}},
		{"one beside the list goes first", "{}", `{"agent":{"serverCommsAddress":"https://lb:1","serverCommsAddresses":["https://a:1"]}}`, []string{"https://lb:1", "https://a:1"}},
		{"the chart's own where nothing is given", own, `null`, []string{"https://chart:10943", "https://a:10943"}},
		{"null takes the chart's own away", own, `{"agent":{"serverCommsAddress":null}}`, []string{"https://a:10943"}},
		{"an empty list, too", own, `{"agent":{"serverCommsAddress":"","serverCommsAddresses":[]}}`, nil},
		{"nothing", "{}", "{}", nil},
		{"nonsense", `[]`, `{"agent":{"serverCommsAddress":{},"serverCommsAddresses":7}}`, nil},
		{"nonsense for all", `{"agent":7}`, `{"agent":[]}`, nil},
	} {
		r, err := parseRelease(packed(t, `{"name":"a","version":1,"chart":{"values":`+c.values+`},"config":`+c.config+`}`))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := r.Addresses().List(); len(got)+len(c.want) > 0 && !cmp.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatIsNoRevisionIsAnError(t *testing.T) {
	t.Parallel()
	for name, value := range map[string][]byte{
		"no value":       nil,
		"not base64":     []byte("%"),
		"not JSON":       packed(t, "x"),
		"a list":         packed(t, "[]"),
		"null":           packed(t, "null"),
		"empty":          packed(t, "{}"),
		"no number":      packed(t, `{"name":"a"}`),
		"other types":    packed(t, `{"name":"a","version":"1"}`),
		"cut short":      packed(t, revision)[:200],
		"a wrong info":   packed(t, `{"name":"a","version":1,"info":7}`),
		"another name":   packed(t, `{"name":"b","version":1}`),
		"another number": packed(t, `{"name":"a","version":11}`),
	} {
		if r, err := decodeRelease(Secret{Meta: Meta{Name: "sh.helm.release.v1.a.v1", Namespace: "ns"}, Data: map[string][]byte{releaseKey: value}}); err == nil {
			t.Errorf("%s: %+v", name, r)
		} else if !strings.HasPrefix(err.Error(), "secret/ns/sh.helm.release.v1.a.v1 ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARevisionThatUnpacksWithoutEndIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := parseRelease(packed(t, strings.Repeat(" ", maxRelease+1))); err != errTooLarge {
		t.Errorf("the error is %v", err)
	}
}

func FuzzParseRelease(f *testing.F) {
	f.Add(packed(f, revision))
	f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(revision))))
	f.Add(packed(f, `{"name":"a","version":1,"config":{"agent":{"serverCommsAddresses":"x,,"}}}`))
	f.Add([]byte("H4sI"))
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := parseRelease(value)
		if err != nil {
			return
		}
		addresses := r.Addresses()
		packed, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseRelease(packed)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		before, _ := json.Marshal(r.body)
		after, _ := json.Marshal(again.body)
		if !bytes.Equal(before, after) || !cmp.Equal(addresses, again.Addresses()) || again.Name != r.Name || again.Revision != r.Revision {
			t.Errorf("written and read again:\n%s\n%s", before, after)
		}
	})
}
