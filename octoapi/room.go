package octoapi

import (
	"context"
	"sync/atomic"
)

// maxKept is how many bytes of all items are kept of a list, or of several that share their room.
// For ten thousand machines, see answer.go, that is enough.
const maxKept = 24 << 20

// item is what lists are made of: it tells how much memory it takes, about.
type item interface {
	size() int
}

// room is what is left of maxKept. Several lists may share it.
type room struct{ left atomic.Int64 }

type roomKey struct{}

// sharing is a context for lists that share a room.
func sharing(ctx context.Context, r *room) context.Context {
	return context.WithValue(ctx, roomKey{}, r)
}

func newRoom() *room {
	r := new(room)
	r.left.Store(maxKept)
	return r
}

func roomOf(ctx context.Context) *room {
	if shared, is := ctx.Value(roomKey{}).(*room); is {
		return shared
	}
	return newRoom()
}

// take says whether there is room for so many bytes.
func (r *room) take(size int) bool { return r.left.Add(-int64(size)) >= 0 }

// textSize is the memory that texts take, in a list that grows.
func textSize(texts ...string) (size int) {
	const header = 32
	for _, text := range texts {
		size += header + len(text)
	}
	return size
}
