package kmeans

import (
	"gocluster/core/arena"
	"gocluster/core/dense"
)

// column is a number for each row of a stream: in memory, or in a file where memory is
// short.
type column[E int32 | float64] struct {
	all  []E
	file *dense.Table
}

// used reports whether there are numbers.
func (c *column[E]) used() bool { return c.all != nil || c.file != nil }

// load returns the numbers of some rows, in buf if they are in the file.
func (c *column[E]) load(first, rows int, buf []E) ([]E, error) {
	if c.file == nil {
		return c.all[first:][:rows], nil
	}
	buf = buf[:rows]
	return buf, c.file.Read(first, arena.Bytes(buf))
}

// store takes back what load returned.
func (c *column[E]) store(first int, part []E) error {
	if c.file == nil {
		return nil
	}
	return c.file.Write(first, arena.Bytes(part))
}

// make puts the numbers of so many rows into memory or into a scratch file.
func (c *column[E]) make(scope *arena.Scope, rows, unit int, inMemory bool) (err error) {
	switch {
	case c.used(): // the caller's
	case inMemory:
		c.all, err = arena.Make[E](scope, rows)
	default:
		c.file, err = dense.NewScratch(rows, unit)
	}
	return err
}
