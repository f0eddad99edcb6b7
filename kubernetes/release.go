package kubernetes

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

// Release is one revision of a Helm release: a Secret of the type helm.sh/release.v1, whose value
// is gzipped JSON in base64 (helm.sh/helm, pkg/storage/driver/util.go).
type Release struct {
	Name         string
	Namespace    string
	Revision     int
	Status       string // deployed, superseded, failed, pending-install, pending-upgrade, pending-rollback, uninstalling
	Description  string // of the revision, as helm history shows it
	LastDeployed time.Time
	Chart        string // such as kubernetes-agent
	ChartVersion string

	secret Secret
	body   map[string]json.RawMessage // everything; what is not known here is kept
}

// releaseKey is where a revision's Secret has it.
const releaseKey = "release"

// maxRelease is more than any release has, decompressed: a Secret has one MiB at most, in base64,
// and charts and manifests are compressed to a fifth.
const maxRelease = 8 << 20

var errTooLarge = fmt.Errorf("it is larger than %d MiB", maxRelease>>20)

// secretOf is the name of the Secret that keeps a revision (helm.sh/helm, pkg/storage/storage.go).
func secretOf(release string, revision int) string {
	return fmt.Sprintf("sh.helm.release.v1.%s.v%d", release, revision)
}

// decodeRelease reads the revision that a Secret keeps.
func decodeRelease(s Secret) (*Release, error) {
	r, err := parseRelease(s.Data[releaseKey])
	if err != nil {
		return nil, fmt.Errorf("secret/%s/%s is no revision of a Helm release that can be read: %w", s.Meta.Namespace, s.Meta.Name, err)
	}
	// By its name it is found, and the next one is named like it.
	if s.Meta.Name != secretOf(r.Name, r.Revision) {
		return nil, fmt.Errorf("secret/%s/%s has revision %d of the Helm release %q, which is not what its name says", s.Meta.Namespace, s.Meta.Name, r.Revision, r.Name)
	}
	r.secret, r.Namespace = s, s.Meta.Namespace // which is where Helm finds it, whatever it says itself
	return r, nil
}

// parseRelease reads the value of a revision's Secret.
func parseRelease(value []byte) (*Release, error) {
	content := make([]byte, base64.StdEncoding.DecodedLen(len(value)))
	n, err := base64.StdEncoding.Decode(content, value)
	if err != nil {
		return nil, err
	}
	if content, err = unzip(content[:n]); err != nil {
		return nil, err
	}
	r := &Release{}
	limits := boundedjson.Limits{Total: maxRelease, Value: maxRelease}
	if err := boundedjson.NewReader(context.Background(), bytes.NewReader(content), limits).Decode(&r.body); err != nil {
		return nil, err
	}
	var info struct {
		Status       string    `json:"status"`
		Description  string    `json:"description"`
		LastDeployed time.Time `json:"last_deployed"`
	}
	var chart struct {
		Metadata struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"metadata"`
	}
	for key, field := range map[string]any{"name": &r.Name, "version": &r.Revision, "info": &info, "chart": &chart} {
		if raw, has := r.body[key]; has {
			if err := json.Unmarshal(raw, field); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if r.Name == "" || r.Revision < 1 {
		return nil, errors.New("it has no name or no version")
	}
	r.Status, r.Description, r.LastDeployed = info.Status, info.Description, info.LastDeployed
	r.Chart, r.ChartVersion = chart.Metadata.Name, chart.Metadata.Version
	return r, nil
}

// unzip decompresses what is compressed; the first versions of Helm did not compress.
func unzip(content []byte) ([]byte, error) {
	if !bytes.HasPrefix(content, []byte{0x1f, 0x8b, 0x08}) {
		return content, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxRelease+1))
	if err == nil && len(plain) > maxRelease {
		return nil, errTooLarge
	}
	return plain, err
}

// encode is the value of the Secret that keeps this revision. The fields of the body are written as
// they were read, byte for byte.
func (r *Release) encode() ([]byte, error) {
	var content bytes.Buffer
	z, err := gzip.NewWriterLevel(&content, gzip.BestCompression) // as Helm does
	if err != nil {
		return nil, err
	}
	separator := byte('{')
	for _, key := range slices.Sorted(maps.Keys(r.body)) {
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		_, _ = z.Write(slices.Concat([]byte{separator}, name, []byte{':'}, r.body[key])) // a Buffer takes everything
		separator = ','
	}
	_, _ = z.Write([]byte{'}'})
	if err := z.Close(); err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode(nil, content.Bytes()), nil
}

// Addresses are the values agent.serverCommsAddress and agent.serverCommsAddresses: those given to
// Helm, else the chart's own (helm-charts, kubernetes-agent, values.yaml).
func (r *Release) Addresses() Addresses {
	var chart struct {
		Values json.RawMessage `json:"values"`
	}
	_ = json.Unmarshal(r.body["chart"], &chart) // no values there are none
	given, own := agentValues(r.body["config"]), agentValues(chart.Values)
	value := func(key string) json.RawMessage {
		if raw, is := given[key]; is { // null takes the chart's own away
			return raw
		}
		return own[key]
	}
	var a Addresses
	_ = json.Unmarshal(value("serverCommsAddress"), &a.One)
	many := value("serverCommsAddresses")
	if json.Unmarshal(many, &a.Many) != nil {
		a.Many = nil
		var joined string // the chart takes a text for the list
		_ = json.Unmarshal(many, &joined)
		a.Many = splitAddresses(joined)
	}
	return a
}

// agentValues are the values below agent; none where they are anything else.
func agentValues(values json.RawMessage) map[string]json.RawMessage {
	var all struct {
		Agent json.RawMessage `json:"agent"`
	}
	var agent map[string]json.RawMessage
	if json.Unmarshal(values, &all) != nil || json.Unmarshal(all.Agent, &agent) != nil {
		return nil
	}
	return agent
}
