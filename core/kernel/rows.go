package kernel

import (
	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Rows is a gathered set of rows, Cols one of columns: the same points of a
// Pack in the two layouts that a tile multiplies. Both are buffers to be filled
// again and again, up to the capacity that they were made with.
type Rows struct {
	pack   *Pack
	idx    []int32
	packed bool
	narrow panels[float32]
	wide   panels[float64]
}

// Cols is the second operand of a tile; see Rows.
type Cols struct {
	pack   *Pack
	idx    []int32
	packed bool
	narrow groups[float32]
	wide   groups[float64]
	sum    []float64 // linear: Σ δ_j x_j
}

// NewRows makes room for up to capacity rows.
func (p *Pack) NewRows(s *arena.Scope, capacity int) (r *Rows, err error) {
	span := 0
	if p.sparse != nil { // four of them at least, for as many threads
		span = max(128, min(spanRows(p.sparse.common+group), capacity/4))
	}
	return p.newRows(s, capacity, span)
}

// newRows makes room for rows of which a span is worked on at a time.
func (p *Pack) newRows(s *arena.Scope, capacity, span int) (r *Rows, err error) {
	r = &Rows{pack: p}
	if p.stored() != nil {
		return r, nil
	}
	if p.wide != nil {
		r.wide, err = newPanels(s, p.wide, capacity, nil, span)
	} else {
		r.narrow, err = newPanels(s, p.narrow, capacity, nil, span)
	}
	return r, err
}

// NewCols makes room for up to capacity columns.
func (p *Pack) NewCols(s *arena.Scope, capacity int) (c *Cols, err error) {
	c = &Cols{pack: p}
	if p.stored() != nil {
		return c, nil
	}
	if p.Kind == Linear {
		c.sum = make([]float64, p.Cols)
	}
	if p.wide != nil {
		c.wide, err = newGroups(s, p.wide, capacity)
	} else {
		c.narrow, err = newGroups(s, p.narrow, capacity)
	}
	return c, err
}

// Gather chooses the rows, different ones; idx is kept, not copied.
func (r *Rows) Gather(idx []int32) {
	r.idx, r.packed = idx, false
	r.narrow.idx, r.wide.idx = idx, idx
}

// Gather chooses the columns; idx is kept, not copied.
func (c *Cols) Gather(idx []int32) {
	c.idx, c.packed = idx, false
	c.narrow.idx, c.wide.idx = idx, idx
}

// Pack gathers the rows now and not when they are used first, so that they may be used
// by many at once.
func (r *Rows) Pack(ctl *parallel.Control) { r.pack1(ctl) }

func (r *Rows) pack1(ctl *parallel.Control) {
	if r.packed {
		return
	}
	r.packed = true
	n, p, chunkOf := r.panels(), r.pack, r.span()
	_ = parallel.Share(ctl, (n+chunkOf-1)/chunkOf, len(r.idx)*p.rowCost(), func(chunk int) {
		first, last := chunk*chunkOf, min(n, (chunk+1)*chunkOf)
		if p.wide != nil {
			r.wide.pack(p.wide, r.idx, first, last)
		} else {
			r.narrow.pack(p.narrow, r.idx, first, last)
		}
	})
}

func (c *Cols) pack1(ctl *parallel.Control) {
	if c.packed {
		return
	}
	c.packed = true
	n, p := roundUp(len(c.idx), group)/group, c.pack
	const groupChunk = 8
	_ = parallel.Share(ctl, (n+groupChunk-1)/groupChunk, len(c.idx)*p.rowCost(), func(chunk int) {
		first, last := chunk*groupChunk, min(n, (chunk+1)*groupChunk)
		if p.wide != nil {
			c.wide.pack(p.wide, c.idx, first, last)
		} else {
			c.narrow.pack(p.narrow, c.idx, first, last)
		}
	})
}

func (r *Rows) lanes() int {
	if r.pack.wide != nil {
		return r.pack.wide.lanes
	}
	return r.pack.narrow.lanes
}

// span is the number of panels that a chunk takes.
func (r *Rows) span() int {
	if r.pack.wide != nil {
		return r.wide.span
	}
	return r.narrow.span
}

func (r *Rows) panels() int { return roundUp(len(r.idx), r.lanes()) / r.lanes() }

// weigh sets the weights of the columns for a sum.
func (c *Cols) weigh(ctl *parallel.Control, delta []float64) {
	p := c.pack
	if p.Kind == Linear {
		clear(c.sum)
		for k, i := range c.idx {
			p.axpyRow(delta[k], int(i), c.sum)
		}
		return
	}
	c.pack1(ctl)
	if p.wide != nil {
		c.wide.weigh(delta)
	} else {
		c.narrow.weigh(delta)
	}
}

func (p *Pack) axpyRow(alpha float64, i int, sum []float64) {
	if p.sparse != nil {
		p.sparse.Row(i).Scatter(alpha, sum)
	} else if p.wide != nil {
		simd.Axpy(alpha, p.wide.row(i), sum)
	} else {
		simd.AxpyMixed(alpha, p.narrow.row(i), sum)
	}
}

func (p *Pack) dotRow(i int, w []float64) float64 {
	if p.sparse != nil {
		return p.sparse.Row(i).Dot(w)
	}
	if p.wide != nil {
		return simd.Dot(p.wide.row(i), w)
	}
	return simd.DotMixed(p.narrow.row(i), w)
}

// Columns stores kernel values: out[j·ld+i] = K(row i, column j). Rows are
// padded to a multiple of 32, and ld must leave room for the padding.
func Columns(ctl *parallel.Control, r *Rows, c *Cols, out []float32, ld int) {
	storeColumns(ctl, r, c, out, ld, nil)
}

const (
	// squareFrom is the number of features from which on half of the values of a
	// symmetric matrix cost more than copying them.
	squareFrom = 24
	// squareRows is the number of rows of a chunk.
	squareRows = 128
)

// Square is Columns where rows and columns are the same points. Most values are computed
// once for both of their places, if that is quicker.
func Square(ctl *parallel.Control, r *Rows, c *Cols, out []float32, ld int) {
	p, n := r.pack, len(r.idx)
	if p.stored() != nil || p.sparse != nil || p.Cols < squareFrom || n <= squareRows {
		Columns(ctl, r, c, out, ld)
		return
	}
	r.pack1(ctl)
	c.pack1(ctl)
	chunks := (n + squareRows - 1) / squareRows
	each := func(work int, body func(first, last int)) {
		_ = parallel.Share(ctl, chunks, work, func(chunk int) { // the longest come first
			first := (chunks - 1 - chunk) * squareRows
			body(first, min(n, first+squareRows))
		})
	}
	l := r.lanes()
	each(n*n/2*p.cost(), func(first, last int) {
		if p.wide != nil {
			columns(p.wide, &r.wide, c.wide, last, first/l, roundUp(last, l)/l, out, ld, nil)
		} else {
			columns(p.narrow, &r.narrow, c.narrow, last, first/l, roundUp(last, l)/l, out, ld, nil)
		}
	})
	each(2*n*n, func(first, last int) { simd.Mirror(out, ld, first, last) })
}

// AddColumns is Columns and AddSums in one pass over the columns.
func AddColumns(ctl *parallel.Control, r *Rows, c *Cols, delta, f []float64, out []float32, ld int) {
	if r.pack.stored() == nil && r.pack.narrow != nil && r.pack.narrow.both != nil {
		c.weigh(ctl, delta)
		storeColumns(ctl, r, c, out, ld, f)
		return
	}
	storeColumns(ctl, r, c, out, ld, nil)
	AddSums(ctl, r, c, delta, f)
}

func storeColumns(ctl *parallel.Control, r *Rows, c *Cols, out []float32, ld int, f []float64) {
	if g := r.pack.stored(); g != nil {
		g.columns(ctl, r.idx, c.idx, out, ld)
		return
	}
	r.pack1(ctl)
	c.pack1(ctl)
	p, n, cols, chunkOf := r.pack, r.panels(), len(c.idx), r.span()
	_ = parallel.Share(ctl, (n+chunkOf-1)/chunkOf, len(r.idx)*cols*p.cost(), func(chunk int) {
		first, last := chunk*chunkOf, min(n, (chunk+1)*chunkOf)
		if p.wide != nil {
			columns(p.wide, &r.wide, c.wide, cols, first, last, out, ld, nil)
		} else {
			columns(p.narrow, &r.narrow, c.narrow, cols, first, last, out, ld, f)
		}
	})
}

// AddSums adds Σ_j K(row i, column j)·delta[j] to f[i]. f is padded like the
// rows of Columns; what the padding holds means nothing.
func AddSums(ctl *parallel.Control, r *Rows, c *Cols, delta, f []float64) {
	p := r.pack
	if g := p.stored(); g != nil {
		_ = g.sums(ctl, r.idx, c.idx, delta, f)
		return
	}
	c.weigh(ctl, delta)
	if p.Kind == Linear {
		const chunkRows = 1024
		_ = parallel.Share(ctl, (len(r.idx)+chunkRows-1)/chunkRows, len(r.idx)*p.cost(), func(chunk int) {
			for k := chunk * chunkRows; k < min(len(r.idx), (chunk+1)*chunkRows); k++ {
				f[k] += p.dotRow(int(r.idx[k]), c.sum)
			}
		})
		return
	}
	r.pack1(ctl)
	n, cols, chunkOf := r.panels(), len(c.idx), r.span()
	_ = parallel.Share(ctl, (n+chunkOf-1)/chunkOf, len(r.idx)*cols*p.cost(), func(chunk int) {
		first, last := chunk*chunkOf, min(n, (chunk+1)*chunkOf)
		if p.wide != nil {
			sums(p.wide, &r.wide, c.wide, cols, first, last, f)
		} else {
			sums(p.narrow, &r.narrow, c.narrow, cols, first, last, f)
		}
	})
}
