package octoapi

import (
	"context"
	"fmt"
)

// pagesOfPolling bounds how much of a large server is read to find a subscription: a page has 200
// deployment targets or workers, of about 3 kB each, and each Tentacle of a fleet may ask.
const pagesOfPolling = 5

// A TooManyError says that a space has more polling deployment targets or workers than were looked
// at.
type TooManyError struct {
	Kind   Kind
	Space  string
	Looked int // at so many
}

func (e *TooManyError) Error() string {
	where := ""
	if e.Space != "" {
		where = " of space " + e.Space
	}
	return fmt.Sprintf("only the first %d polling %ss%s were looked at", e.Looked, e.Kind, where)
}

// WithSubscription finds the deployment targets and workers that the server reaches with one of
// these subscriptions, whatever their thumbprint, in all spaces that the account may use. Style is
// Polling or Kubernetes. The API has no filter for subscriptions (OctopusClients,
// MachineRepository.cs), so those of that style are read, up to 1,000 of each kind in each space.
//
// The error says why not all were looked at; it is ErrForbidden, a *TooManyError, or another. What
// was found all the same is returned with it.
func (c *Client) WithSubscription(ctx context.Context, style string, subscriptions []string) ([]Registration, error) {
	found, failed, _, err := c.everywhere(ctx, func(ctx context.Context, ms Machines) ([]Machine, error) {
		return ms.polledWith(ctx, style, subscriptions)
	})
	if err != nil {
		return nil, err
	}
	if len(failed) > 0 {
		return found, failed[0].Err
	}
	return found, nil
}

func (ms Machines) polledWith(ctx context.Context, style string, subscriptions []string) ([]Machine, error) {
	values := parameters{"commStyles": style} // which an old server ignores
	target := ms.space.source().to(kinds[ms.kind].link, ms.usual(), firstPage(values))
	read, err := follow(ctx, ms.space.client, target, func(ctx context.Context, template string) (pages[Machine], error) {
		return readPages(ctx, ms.space.client, template, values, pagesOfPolling, func(m Machine) bool {
			return Registration{Machine: m}.PolledWith(subscriptions)
		})
	})
	if err == nil && read.next != "" {
		err = &TooManyError{Kind: ms.kind, Space: ms.space.Name, Looked: read.count}
	}
	return read.items, err
}
