package octoapi

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/octo-tentacle/octo-tentacle/internal/boundedjson"
)

const (
	pageSize = 200  // items asked for at once: few requests for any usual cluster, and answers of moderate size
	maxPages = 1000 // against a server that always has one more
)

// page is one page of a collection, or all of it. Only the items that are looked for are kept, and
// the others are gone once they were read.
type page[T item] struct {
	keep func(T) bool // nil: all
	room *room

	items []T
	count int // of the items, with those that are not kept
	total int // of all pages, as the server says
	next  string
}

func newPage[T item](ctx context.Context, keep func(T) bool) *page[T] {
	return &page[T]{keep: keep, room: roomOf(ctx)}
}

// readFrom reads a page, or an array, which some servers answer instead.
func (p *page[T]) readFrom(r *boundedjson.Reader) error {
	for _, kept := range p.items { // of a try that broke off
		p.room.take(-kept.size())
	}
	*p = page[T]{keep: p.keep, room: p.room}
	if begin, err := r.Peek(1); err == nil && string(begin) == "[" {
		return p.readItems(r)
	}
	listed := false
	err := r.Object(func(name string) error {
		switch {
		case strings.EqualFold(name, "Items"):
			listed = true
			return p.readItems(r)
		case strings.EqualFold(name, "TotalResults"):
			return r.Decode(&p.total)
		case strings.EqualFold(name, "Links"):
			var sent links
			err := r.Decode(&sent)
			p.next = sent["Page.Next"]
			return err
		}
		return r.Skip()
	})
	if err == nil && !listed { // "there are none" would be believed
		return errUnexpectedJSON
	}
	return err
}

func (p *page[T]) readItems(r *boundedjson.Reader) error {
	return r.Array(func() error {
		var one T
		if err := r.Decode(&one); err != nil {
			return err
		}
		if p.count++; p.count > maxItems {
			return errManyItems
		}
		if p.keep != nil && !p.keep(one) {
			return nil
		}
		if !p.room.take(one.size()) {
			return errMuchKept
		}
		p.items = append(p.items, one)
		return nil
	})
}

// firstPage are the values for the first page of a list.
func firstPage(values parameters) parameters {
	all := parameters{"skip": "0", "take": strconv.Itoa(pageSize)}
	maps.Copy(all, values)
	return all
}

// list reads all pages of a collection; some servers answer some collections as a bare array. It
// keeps the items that keep says, or all where that is nil.
func list[T item](ctx context.Context, c *Client, template string, values parameters, keep func(T) bool) ([]T, error) {
	read, err := readPages(ctx, c, template, values, maxPages, keep)
	if err == nil && read.next != "" {
		err = fmt.Errorf("the server at %s returns an endless list: %s", c.URL(), c.quote(read.next))
	}
	if err != nil {
		return nil, err
	}
	return read.items, nil
}

// pages are the first pages of a collection.
type pages[T any] struct {
	items []T    // those kept
	count int    // of all
	next  string // the link to the rest; "" when there is none
}

// readPages reads at most so many pages of a collection.
func readPages[T item](ctx context.Context, c *Client, template string, values parameters, most int, keep func(T) bool) (read pages[T], err error) {
	all := firstPage(values)
	seen := map[string]bool{}
	p := newPage(ctx, keep)
	for link := expand(template, all); link != "" && !seen[link]; {
		if len(seen) == most {
			read.next = link
			return read, nil
		}
		seen[link] = true
		p.items = nil
		if err := c.get(ctx, link, p); err != nil {
			return read, err
		}
		read.items = append(read.items, p.items...)
		read.count += p.count
		link = p.next
		if all["skip"] = strconv.Itoa(read.count); link == "" && p.count > 0 && read.count < p.total {
			link = expand(template, all) // environments/v2 has no links
		}
	}
	return read, nil
}

// followList follows a link to a collection, and reads all of it; keep is that of list.
func followList[T item](ctx context.Context, c *Client, from source, name, usual string, values parameters, keep func(T) bool) ([]T, error) {
	return follow(ctx, c, from.to(name, usual, firstPage(values)), func(ctx context.Context, template string) ([]T, error) {
		return list(ctx, c, template, values, keep)
	})
}
