package octoapi

import (
	"context"
	"maps"
	"slices"
)

// source is a document with links: the root of the API, or that of a space.
type source struct {
	links func(context.Context) (links, error)
	ahead bool // the document is not known yet, and what it links to may be asked for meanwhile
}

// rootSource are the links of the root document.
func (c *Client) rootSource() source {
	return source{
		links: func(ctx context.Context) (links, error) {
			root, err := c.Root(ctx)
			return root.Links, err
		},
		ahead: c.mayAskAhead(),
	}
}

// mayAskAhead says whether it makes sense, and is safe, to ask for something while the root
// document is still being read. Over http it is not, unless with a session: signing in waits for
// the root.
func (c *Client) mayAskAhead() bool {
	return !c.root.has() && (c.base().Scheme == "https" || c.signsIn())
}

// target is something that a document links to.
type target struct {
	from   source
	usual  string             // the template of its well-known path
	link   func(links) string // the template that the document gives
	values parameters         // for either template
}

// to is what a link of that name leads to.
func (s source) to(name, usual string, values parameters) target {
	return target{s, usual, func(l links) string { return l.linkOr(name, usual) }, values}
}

// follow reads a target: at its usual path, at the same time as the document with the link, if that
// leads there; else the link.
func follow[T any](ctx context.Context, c *Client, t target, read func(ctx context.Context, template string) (T, error)) (T, error) {
	aheadCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	usual := meanwhile(t.from.ahead, func() (T, error) { return read(aheadCtx, t.usual) })
	known, err := t.from.links(ctx)
	if err != nil {
		var none T
		return none, err
	}
	if link := t.link(known); !c.sameResource(expand(link, t.values), expand(t.usual, t.values)) {
		return read(ctx, link)
	}
	return usual()
}

// followOne follows a target that is one document.
func followOne[T any](ctx context.Context, c *Client, t target) (T, error) {
	return follow(ctx, c, t, func(ctx context.Context, template string) (value T, err error) {
		err = c.get(ctx, expand(template, t.values), &value)
		return value, err
	})
}

// meanwhile loads something in the background, if it is to be started now, and returns the function
// that waits for it. Else that function loads it.
func meanwhile[T any](now bool, load func() (T, error)) (wait func() (T, error)) {
	if !now {
		return load
	}
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := load()
		done <- outcome{value, err}
	}()
	return func() (T, error) {
		o := <-done
		return o.value, o.err
	}
}

// sameResource says whether two links lead to the same, in whatever order their parameters are.
func (c *Client) sameResource(a, b string) bool {
	if a == b {
		return true
	}
	first, err := c.resolve(a)
	if err != nil {
		return false
	}
	second, err := c.resolve(b)
	return err == nil && first.EscapedPath() == second.EscapedPath() &&
		maps.EqualFunc(first.Query(), second.Query(), slices.Equal)
}
