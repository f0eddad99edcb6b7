package octoapi

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/lazyregexp"
)

// links are a resource's links: paths, many of them URI templates.
type links map[string]string

// parameters fill a template's variables.
type parameters map[string]string

// templateGroup is {name}, {/name} or {?name,name} of RFC 6570, which is all that Octopus's links
// use.
var templateGroup = lazyregexp.New(`\{([/?&]?)([^{}]*)\}`)

// expand fills the template in. Variables without a value vanish, values without a variable are
// dropped: servers of different age know different filters.
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

// linkOr is the link of that name, or the well-known path when the server does not name one.
func (l links) linkOr(name, wellKnown string) string { return cmp.Or(l[name], wellKnown) }

// itemLink is the link of one item of a collection.
func itemLink(collection, id string) string {
	if strings.Contains(collection, "{/id}") {
		return expand(collection, parameters{"id": id})
	}
	collection, _, _ = strings.Cut(collection, "{")
	collection, _, _ = strings.Cut(collection, "?")
	return strings.TrimRight(collection, "/") + "/" + url.PathEscape(id)
}
