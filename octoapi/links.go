package octoapi

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// links are a resource's links: paths, many of them URI templates.
type links map[string]string

// parameters fill a template's variables.
type parameters map[string]string

// templateGroup is {name}, {/name} or {?name,name} of RFC 6570, which is all that Octopus's links use.
// Compiled at first use: every start of the program would pay for it.
var templateGroup = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([/?&]?)([^{}]*)\}`) })

// expand fills the template in. Variables without a value vanish, values without a variable are dropped: servers of different age
// know different filters.
func expand(template string, values parameters) string {
	started := false
	return templateGroup().ReplaceAllStringFunc(template, func(group string) string {
		m := templateGroup().FindStringSubmatch(group)
		operator, names := m[1], m[2]
		var b strings.Builder
		for name := range strings.SplitSeq(names, ",") {
			value, ok := values[name]
			switch {
			case !ok:
			case operator == "/":
				b.WriteString("/" + url.PathEscape(value))
			case operator == "":
				b.WriteString(url.PathEscape(value))
			default:
				separator := "&"
				if operator == "?" && !started {
					separator = "?"
				}
				started = true
				b.WriteString(separator + name + "=" + url.QueryEscape(value))
			}
		}
		return b.String()
	})
}

// or is the link of that name, or the well-known path when the server does not name one.
func (l links) or(name, wellKnown string) string { return cmp.Or(l[name], wellKnown) }

// item is the link of one thing in a collection.
func item(collection, id string) string {
	if strings.Contains(collection, "{/id}") {
		return expand(collection, parameters{"id": id})
	}
	collection, _, _ = strings.Cut(collection, "{")
	collection, _, _ = strings.Cut(collection, "?")
	return strings.TrimRight(collection, "/") + "/" + url.PathEscape(id)
}

// resolve makes a whole URL of a link. Behind a reverse proxy the server does not know the virtual directory it is reached at, so
// that links come with or without it (OctopusClients, DefaultLinkResolver.cs, does the same). A link to another host is refused.
func (c *Client) resolve(link string) (*url.URL, error) {
	base := c.baseURL()
	u, err := url.Parse(strings.TrimPrefix(link, "~"))
	if err != nil || u.Opaque != "" {
		return nil, fmt.Errorf("the server at %s gave a link that is not one: %s", base, c.quote(link))
	}
	if u.Host != "" && !sameOrigin(u, base) || u.Scheme != "" && u.Host == "" {
		return nil, fmt.Errorf("the server at %s gave a link to another host, %s; it was not followed, and nothing secret was sent there", base, c.quote(u.Host))
	}
	raw := "/" + strings.TrimLeft(u.EscapedPath(), "/")
	// The server's own spelling of the directory may differ in case from what people paste.
	if directory := base.EscapedPath(); !strings.HasPrefix(strings.ToLower(raw)+"/", strings.ToLower(directory)+"/") {
		raw = directory + raw
	}
	resolved, err := base.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("the server at %s gave a link that is not one: %s", base, c.quote(link))
	}
	resolved.RawQuery = u.RawQuery
	return resolved, nil
}

// sameOrigin says whether scheme, host and port are the same: case does not matter, nor whether a default port is written.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if u.Port() == "" && u.Scheme == "http" {
		return "80"
	}
	return cmp.Or(u.Port(), "443")
}
