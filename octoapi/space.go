package octoapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Space is a space of the server, with what it holds.
type Space struct {
	Named
	client *Client

	home     string        // the link to the document with the space's links; "" for one that is not read
	document cached[links] // read when it is needed
	known    links         // without a document; nil when everything is at its well-known path
}

// links are those of the space's document.
func (s *Space) links(ctx context.Context) (links, error) {
	if s.home == "" {
		return s.known, nil
	}
	return s.document.get(ctx, func() (links, error) {
		var home struct{ Links links }
		err := s.client.get(ctx, s.home, &home)
		return home.Links, err
	})
}

// source are the links of the space's document, which is read while what it links to is asked for:
// by now it is known where the server is.
func (s *Space) source() source {
	return source{links: s.links, ahead: s.home != "" && !s.document.has()}
}

// link is the one of that name.
func (s *Space) link(ctx context.Context, name, wellKnown string) (string, error) {
	known, err := s.links(ctx)
	return known.linkOr(name, wellKnown), err
}

// Space finds a space by name (ignoring case), slug or ID among those the user may use; "" is the
// default one. The error lists them; it is ErrNoSpaces or ErrNoDefaultSpace where that is the
// reason.
func (c *Client) Space(ctx context.Context, ref string) (*Space, error) {
	spaces, err := c.mySpaces(ctx)
	if errors.Is(err, ErrNoSpaces) && ref == "" {
		return c.wholeServer(ctx)
	}
	if err != nil {
		return nil, err
	}
	chosen, err := c.chooseSpace(spaces, ref)
	if err != nil {
		return nil, err
	}
	root, err := c.Root(ctx)
	if err != nil {
		return nil, err
	}
	home := expand(root.Links.linkOr("SpaceHome", "/api/{spaceId}"), parameters{"spaceId": chosen.ID})
	return &Space{Named: chosen, client: c, home: home}, nil
}

// Spaces are those the user may use. Unlike those of Space they are not asked for their links: the
// deployment targets and workers of each are found at their well-known paths.
func (c *Client) Spaces(ctx context.Context) ([]*Space, error) {
	mine, err := c.mySpaces(ctx)
	if errors.Is(err, ErrNoSpaces) {
		all, err := c.wholeServer(ctx)
		if err != nil {
			return nil, err
		}
		return []*Space{all}, nil
	}
	var spaces []*Space
	for _, s := range mine {
		spaces = append(spaces, &Space{Named: s.Named, client: c})
	}
	return spaces, err
}

// wholeServer stands for the one space of a server that has none: its root document has the links.
func (c *Client) wholeServer(ctx context.Context) (*Space, error) {
	root, err := c.Root(ctx)
	if err != nil {
		return nil, err
	}
	return &Space{client: c, known: root.Links}, nil
}

// mySpaces lists the spaces that the user may use. The error is ErrNoSpaces on a server from before
// 2019.1.
func (c *Client) mySpaces(ctx context.Context) ([]spaceResource, error) {
	return c.spaces.get(ctx, func() ([]spaceResource, error) {
		user := meanwhile(c.mayAskAhead(), func() (userResource, error) { return c.user(ctx) })
		root, err := c.Root(ctx)
		if err != nil {
			return nil, err
		}
		if root.Links["Spaces"] == "" {
			return nil, &report{
				message: fmt.Sprintf("the Octopus Server at %s is version %s, which has no spaces", c.URL(), c.quote(root.Version)),
				causes:  []error{ErrNoSpaces},
			}
		}
		me, err := user()
		if err != nil {
			return nil, err
		}
		// The user's own list, not that of all spaces: a user may see spaces without access to
		// them.
		spaces, err := list[spaceResource](ctx, c, me.Links.linkOr("Spaces", itemLink("/api/users", me.ID)+"/spaces"), nil, nil)
		for _, space := range spaces {
			c.spaceNames.Store(space.ID, space.Name)
		}
		return spaces, err
	})
}

func (c *Client) chooseSpace(spaces []spaceResource, ref string) (Named, error) {
	var names []Named
	for _, s := range spaces {
		if s.IsDefault && ref == "" {
			return s.Named, nil
		}
		names = append(names, s.Named)
	}
	if ref == "" {
		return Named{}, &report{
			message: fmt.Sprintf("the Octopus Server at %s has no default space that the account may use", c.URL()),
			hints:   []string{"available: " + c.names(names)},
			causes:  []error{ErrNoDefaultSpace},
		}
	}
	found, err := c.pick("space", names, []string{ref}, "")
	if err != nil {
		return Named{}, err
	}
	return found[0], nil
}

// UnknownNameError says that nothing has some of the names asked for, or that the account may not
// see it.
type UnknownNameError struct {
	Kind      string   // what was asked for: environment, tenant…
	Names     []string // those that nothing has
	Available string   // the names of the first of those that the account sees, as a text

	where, server string // as in the message
}

func (e *UnknownNameError) Error() string {
	quoted := make([]string, len(e.Names))
	for i, name := range e.Names {
		quoted[i] = strconv.Quote(name)
	}
	return fmt.Sprintf("there is no %s %s%s on the Octopus Server at %s, or the account may not see it", e.Kind, strings.Join(quoted, ", "), e.where, e.server)
}

// Hints say which names there are.
func (e *UnknownNameError) Hints() []string { return []string{"available: " + e.Available} }

// Each are errors with one name each.
func (e *UnknownNameError) Each() []*UnknownNameError {
	each := make([]*UnknownNameError, len(e.Names))
	for i := range e.Names {
		one := *e
		one.Names = e.Names[i : i+1]
		each[i] = &one
	}
	return each
}

// pick finds each ref, by name, else by slug, else by ID, in the order of the refs and each thing
// once. The error names all that were not found.
func (c *Client) pick(kind string, among []Named, refs []string, where string) ([]Named, error) {
	var found []Named
	var unknown []string
	for _, ref := range refs {
		n, ok := lookup(among, strings.TrimSpace(ref))
		switch {
		case !ok:
			unknown = append(unknown, ref)
		case !slices.Contains(found, n):
			found = append(found, n)
		}
	}
	if len(unknown) > 0 {
		return nil, &UnknownNameError{Kind: kind, Names: unknown, Available: c.names(among), where: where, server: c.URL()}
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
	return itemLink("/api", s.ID) + "/" + collection
}

// list reads one of the space's collections; keep is that of list.
func (s *Space) list(ctx context.Context, link, path string, keep func(Named) bool) ([]Named, error) {
	return followList(sharing(ctx, s.client.forNames), s.client, s.source(), link, s.path(path)+"{?skip,take}", nil, keep)
}

// named finds the refs in one of the space's collections. Nothing asked for is nothing read.
func (s *Space) named(ctx context.Context, kind, link, path string, refs []string) ([]Named, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	all, err := s.list(ctx, link, path, nil)
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

// Environments finds environments by name (ignoring case), slug or ID, in the order of the refs.
// The error names all that are unknown.
func (s *Space) Environments(ctx context.Context, refs []string) ([]Named, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	const everything = "2147483647" // as OctopusClients asks: these are never many
	all, err := list[Named](sharing(ctx, s.client.forNames), s.client, s.path("environments/v2{?skip,take}"), parameters{"take": everything}, nil)
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

type tagSet struct {
	Tags []struct{ CanonicalTagName string }
}

// size makes it an item of lists.
func (s tagSet) size() int {
	size := 0
	for _, tag := range s.Tags {
		size += textSize(tag.CanonicalTagName)
	}
	const itself = 128
	return itself + size
}

// CheckTenantTags checks that each ref, "Set/Tag", is a tag of one of the space's tag sets.
func (s *Space) CheckTenantTags(ctx context.Context, refs []string) error {
	if len(refs) == 0 {
		return nil
	}
	sets, err := followList[tagSet](sharing(ctx, s.client.forNames), s.client, s.source(), "TagSets", s.path("tagsets{?skip,take}"), nil, nil)
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

// EnvironmentsByID are the environments with these IDs, in the server's order, without those that
// the account may not see. The same holds below.
func (s *Space) EnvironmentsByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "Environments", "environments", ids)
}

// TenantsByID are the tenants with these IDs.
func (s *Space) TenantsByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "Tenants", "tenants", ids)
}

// WorkerPoolsByID are the worker pools with these IDs.
func (s *Space) WorkerPoolsByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "WorkerPools", "workerpools", ids)
}

// PoliciesByID are the machine policies with these IDs.
func (s *Space) PoliciesByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "MachinePolicies", "machinepolicies", ids)
}

// ProxiesByID are the proxies with these IDs.
func (s *Space) ProxiesByID(ctx context.Context, ids []string) ([]Named, error) {
	return s.byID(ctx, "Proxies", "proxies", ids)
}

// HasTenants says whether the server knows tenants, and lets the account see them.
func (s *Space) HasTenants(ctx context.Context) (bool, error) {
	known, err := s.links(ctx)
	return known["Tenants"] != "", err
}

// byID looks through one of the space's collections. Nothing asked for is nothing read.
func (s *Space) byID(ctx context.Context, link, path string, ids []string) ([]Named, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return s.list(ctx, link, path, func(n Named) bool { return slices.Contains(ids, n.ID) })
}
