package svm

import (
	"gocluster/core/arena"
	"gocluster/core/kernel"
)

// cacheFrom is the number of features from which on a kernel value is read back
// (0.27 ns) rather than computed again.
const cacheFrom = 12

// columns keeps kernel columns of an active set for as long as the set is the same:
// that of position k lies at slot[k], or nowhere if that is −1.
type columns struct {
	values    []float32
	ld        int
	slot      []int32
	used, end int // slots from used up to end are empty
	// What a fork takes over: where its part begins, and what its origin kept.
	first     int
	inherited []int32
}

// newColumns makes room for the columns of a set of so many points in so many bytes, as
// far as they are worth keeping; height values are a column.
func newColumns(s *arena.Scope, pack *kernel.Pack, capacity, height int, bytes int64) (c columns, err error) {
	c.ld = height + 16
	if c.slot, err = arena.Make[int32](s, capacity); err != nil || pack.Kind == kernel.Linear || pack.Cols < cacheFrom {
		return c, err
	}
	c.end = int(min(int64(capacity), bytes/int64(4*c.ld)))
	c.values, err = arena.Make[float32](s, c.end*c.ld)
	return c, err
}

// forget empties the slots for a set of n points.
func (c *columns) forget(n int) {
	for k := copy(c.slot[:n], c.inherited); k < n; k++ {
		c.slot[k] = -1
	}
	c.used = c.first
}

// bytes is the size of the slots that are the set's own.
func (c *columns) bytes() int64 { return 4 * int64(c.end-c.first) * int64(c.ld) }

// lend empties the own slots and returns their memory, to be used until the next load.
func (c *columns) lend() []float64 {
	c.forget(len(c.slot))
	return arena.Float64s(c.values[c.first*c.ld : c.end*c.ld])
}

// full reports whether there is no empty slot.
func (c *columns) full() bool { return c.used == c.end }

// part limits a fork to one of several equal parts of the slots that its origin left
// empty; with kept it reads what is in the others.
func (c *columns) part(origin *columns, kept bool, k, parts int) {
	c.values, c.ld, c.inherited = origin.values, origin.ld, nil
	free := origin.first
	if kept {
		free, c.inherited = origin.used, origin.slot
	}
	size := (origin.end - free) / parts
	c.first = free + k*size
	c.end = c.first + size
	c.forget(len(c.slot))
}
