package octoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
)

const (
	pageSize = 200  // items asked for at once: few requests for any usual cluster, and answers of moderate size
	maxPages = 1000 // against a server that always has one more
)

// page is one page of a collection, or all of it.
type page[T any] struct {
	Items        []T
	TotalResults int
	Links        links
}

// UnmarshalJSON reads a page, or an array.
func (p *page[T]) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return json.Unmarshal(data, &p.Items)
	}
	type plain page[T]
	if err := json.Unmarshal(data, (*plain)(p)); err != nil {
		return err
	}
	if p.Items == nil { // "there are none" would be believed
		return errUnexpectedJSON
	}
	return nil
}

// firstPage are the values for the first page of a list.
func firstPage(values parameters) parameters {
	all := parameters{"skip": "0", "take": strconv.Itoa(pageSize)}
	maps.Copy(all, values)
	return all
}

// list reads all pages of a collection; some servers answer some collections as a bare array.
func list[T any](ctx context.Context, c *Client, template string, values parameters) ([]T, error) {
	read, err := readPages[T](ctx, c, template, values, maxPages)
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
	items []T
	next  string // the link to the rest; "" when there is none
}

// readPages reads at most so many pages of a collection.
func readPages[T any](ctx context.Context, c *Client, template string, values parameters, most int) (read pages[T], err error) {
	all := firstPage(values)
	seen := map[string]bool{}
	for link := expand(template, all); link != "" && !seen[link]; {
		if len(seen) == most {
			read.next = link
			return read, nil
		}
		seen[link] = true
		var p page[T]
		if err := c.get(ctx, link, &p); err != nil {
			return read, err
		}
		read.items = append(read.items, p.Items...)
		link = p.Links["Page.Next"]
		if all["skip"] = strconv.Itoa(len(read.items)); link == "" && len(p.Items) > 0 && len(read.items) < p.TotalResults {
			link = expand(template, all) // environments/v2 has no links
		}
	}
	return read, nil
}

// followList follows a link to a collection, and reads all of it.
func followList[T any](ctx context.Context, c *Client, from source, name, usual string, values parameters) ([]T, error) {
	return follow(ctx, c, from.to(name, usual, firstPage(values)), func(ctx context.Context, template string) ([]T, error) {
		return list[T](ctx, c, template, values)
	})
}
