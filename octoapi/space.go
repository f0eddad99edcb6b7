package octoapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// Named is something in a space that can be called by name, slug or Id.
type Named struct {
	ID   string `json:"Id"`
	Name string
	Slug string // "" where the server has none
}

// Space is a space of the server, with what it holds.
type Space struct {
	Named
	client *Client
	links  links
}

type spaceResource struct {
	Named
	IsDefault bool
	Links     links
}

// Space finds a space by name (ignoring case), slug or Id among those the user may use; "" is the default one. The error lists them.
func (c *Client) Space(ctx context.Context, ref string) (*Space, error) {
	root, err := c.Root(ctx)
	if err != nil {
		return nil, err
	}
	if root.Links["Spaces"] == "" { // before 2019.1 there were none, and the root document has a space's links
		if ref != "" {
			return nil, fmt.Errorf("--space %s: the Octopus Server at %s is version %s, which has no spaces; leave --space out", ref, c.URL(), c.quote(root.Version))
		}
		return &Space{client: c, links: root.Links}, nil
	}
	chosen, err := c.chooseSpace(ctx, ref)
	if err != nil {
		return nil, err
	}
	var document struct{ Links links }
	if err := c.get(ctx, expand(root.Links.or("SpaceHome", "/api/{spaceId}"), parameters{"spaceId": chosen.ID}), &document); err != nil {
		return nil, err
	}
	return &Space{Named: chosen, client: c, links: document.Links}, nil
}

// Spaces are those the user may use. Unlike those of Space they are not asked for their links: the machines and workers of each are found
// at their well-known paths.
func (c *Client) Spaces(ctx context.Context) ([]*Space, error) {
	root, err := c.Root(ctx)
	if err != nil {
		return nil, err
	}
	if root.Links["Spaces"] == "" { // see Space
		return []*Space{{client: c, links: root.Links}}, nil
	}
	mine, err := c.mySpaces(ctx)
	var spaces []*Space
	for _, s := range mine {
		spaces = append(spaces, &Space{Named: s.Named, client: c})
	}
	return spaces, err
}

func (c *Client) mySpaces(ctx context.Context) ([]spaceResource, error) {
	return c.spaces.get(func() ([]spaceResource, error) {
		me, err := c.user(ctx)
		if err != nil {
			return nil, err
		}
		// The user's own list, not that of all spaces: to see a space does not mean to be let in.
		spaces, err := list[spaceResource](ctx, c, me.Links.or("Spaces", item("/api/users", me.ID)+"/spaces"), nil)
		for i := range spaces {
			spaces[i].Name = printable(spaces[i].Name)
		}
		return spaces, err
	})
}

func (c *Client) chooseSpace(ctx context.Context, ref string) (Named, error) {
	spaces, err := c.mySpaces(ctx)
	if err != nil {
		return Named{}, err
	}
	var names []Named
	for _, s := range spaces {
		if s.IsDefault && ref == "" {
			return s.Named, nil
		}
		names = append(names, s.Named)
	}
	if ref == "" {
		return Named{}, fmt.Errorf("the Octopus Server at %s has no default space that the account may use: name one with --space; there are: %s", c.URL(), c.names(names))
	}
	found, err := c.pick("space", names, []string{ref}, "")
	if err != nil {
		return Named{}, err
	}
	return found[0], nil
}

// pick finds each ref, by name, else by slug, else by Id, in the order of the refs and each thing once. The error names all that were
// not found.
func (c *Client) pick(kind string, among []Named, refs []string, where string) ([]Named, error) {
	var found []Named
	var unknown []string
	for _, ref := range refs {
		n, ok := lookup(among, strings.TrimSpace(ref))
		switch {
		case !ok:
			unknown = append(unknown, fmt.Sprintf("%q", ref))
		case !slices.Contains(found, n):
			found = append(found, n)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("there is no %s %s%s on the Octopus Server at %s, or the account may not see it\n  there are: %s",
			kind, strings.Join(unknown, ", "), where, c.URL(), c.names(among))
	}
	return found, nil
}

func lookup(among []Named, ref string) (Named, bool) {
	for _, field := range []func(Named) string{
		func(n Named) string { return strings.TrimSpace(n.Name) },
		func(n Named) string { return n.Slug },
		func(n Named) string { return n.ID },
	} {
		for _, n := range among {
			if ref != "" && strings.EqualFold(field(n), ref) {
				return n, true
			}
		}
	}
	return Named{}, false
}

const maxNames = 20

func (c *Client) names(list []Named) string {
	var names []string
	for _, n := range list[:min(len(list), maxNames)] {
		names = append(names, c.quote(n.Name))
	}
	if more := len(list) - maxNames; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// where is the space in an error.
func (s *Space) where() string {
	if s.Name == "" {
		return ""
	}
	return " in the space " + s.client.quote(s.Name)
}

// path is the well-known path of a collection in this space.
func (s *Space) path(collection string) string {
	if s.ID == "" {
		return "/api/" + collection
	}
	return item("/api", s.ID) + "/" + collection
}

// named finds the refs in one of the space's collections. Nothing asked for is nothing read.
func (s *Space) named(ctx context.Context, kind, link, path string, refs []string) ([]Named, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	all, err := list[Named](ctx, s.client, s.links.or(link, s.path(path)+"{?skip,take}"), nil)
	if err != nil {
		return nil, err
	}
	return s.client.pick(kind, all, refs, s.where())
}

func (s *Space) one(ctx context.Context, kind, link, path, ref string) (Named, error) {
	found, err := s.named(ctx, kind, link, path, []string{ref})
	if err != nil {
		return Named{}, err
	}
	return found[0], nil
}

// Environments finds environments by name (ignoring case), slug or Id, in the order of the refs. All that are unknown are named.
func (s *Space) Environments(ctx context.Context, refs []string) ([]Named, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	const everything = "2147483647" // as OctopusClients asks: these are never many
	all, err := list[Named](ctx, s.client, s.path("environments/v2{?skip,take}"), parameters{"take": everything})
	if isNotFound(err) { // a server from before 2025
		return s.named(ctx, "environment", "Environments", "environments", refs)
	}
	if err != nil {
		return nil, err
	}
	return s.client.pick("environment", all, refs, s.where())
}

// Policy finds a machine policy.
func (s *Space) Policy(ctx context.Context, ref string) (Named, error) {
	return s.one(ctx, "machine policy", "MachinePolicies", "machinepolicies", ref)
}

// Proxy finds a proxy through which the server calls listening Tentacles.
func (s *Space) Proxy(ctx context.Context, ref string) (Named, error) {
	return s.one(ctx, "proxy", "Proxies", "proxies", ref)
}

// Tenants finds tenants, in the order of the refs.
func (s *Space) Tenants(ctx context.Context, refs []string) ([]Named, error) {
	return s.named(ctx, "tenant", "Tenants", "tenants", refs)
}

// WorkerPools finds worker pools, in the order of the refs.
func (s *Space) WorkerPools(ctx context.Context, refs []string) ([]Named, error) {
	return s.named(ctx, "worker pool", "WorkerPools", "workerpools", refs)
}

// CheckTenantTags checks that each ref, "Set/Tag", is a tag of one of the space's tag sets.
func (s *Space) CheckTenantTags(ctx context.Context, refs []string) error {
	if len(refs) == 0 {
		return nil
	}
	type tagSet struct {
		Tags []struct{ CanonicalTagName string }
	}
	sets, err := list[tagSet](ctx, s.client, s.links.or("TagSets", s.path("tagsets{?skip,take}")), nil)
	if err != nil {
		return err
	}
	var tags []Named
	for _, set := range sets {
		for _, tag := range set.Tags {
			tags = append(tags, Named{Name: tag.CanonicalTagName})
		}
	}
	_, err = s.client.pick("tenant tag", tags, refs, s.where())
	return err
}
