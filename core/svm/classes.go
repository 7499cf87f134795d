package svm

import (
	"cmp"
	"slices"
	"sync"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// Of many classes each takes part in many pairs, whose problems ask for the kernel
// matrix of the class's own rows again and again. classColumns keeps the columns of one
// class that any pair has asked for. Values do not depend on who computes them.
type classColumns struct {
	rows       []int32
	set        *kernel.Rows // the rows as panels, which pairs use too
	padded, ld int          // rows rounded up; distance of two columns
	values     []float32    // what pads a column is zero

	mutex    sync.Mutex
	finished *sync.Cond
	slot     []int32 // of each row's column, or −1
	there    []bool  // its values have been computed
	used     int
}

const (
	// sharingClasses is the number of classes from which on columns are kept for other
	// pairs: those of points that are looked at and not changed are computed as well.
	sharingClasses = 4
	// sharingBudget is the share of the cache that they may take, all of them.
	sharingBudget = 0.5
)

// shareClasses makes room for the columns of all classes if all of them fit a share of
// the cache, and returns how many bytes that takes.
func shareClasses(ctl *parallel.Control, s *arena.Scope, pack *kernel.Pack, members [][]int32, cacheBytes float64) (shared []*classColumns, bytes float64, err error) {
	if len(members) < sharingClasses || pack.Kind == kernel.Linear || pack.Kind == kernel.Precomputed || pack.Sparse() != nil || pack.Cols < cacheFrom {
		return nil, 0, nil
	}
	element := 4
	if pack.Wide() {
		element = 8
	}
	outer, _, _ := workingSets(pack.Cols)
	largest := 0
	for _, rows := range members {
		padded := roundUp(len(rows), 32)
		bytes += float64(padded) * (4*float64(padded+16) + float64(element*pack.Cols))
		largest = max(largest, len(rows))
	}
	if bytes > sharingBudget*cacheBytes || 2*largest > outer.size {
		return nil, 0, nil
	}
	for _, rows := range members {
		c := &classColumns{rows: rows, padded: roundUp(len(rows), 32), slot: slices.Repeat([]int32{-1}, len(rows)), there: make([]bool, len(rows))}
		c.ld = c.padded + 16
		c.finished = sync.NewCond(&c.mutex)
		if c.values, err = arena.Make[float32](s, len(rows)*c.ld); err != nil {
			return nil, 0, err
		}
		if c.set, err = pack.NewRows(s, len(rows)); err != nil {
			return nil, 0, err
		}
		c.set.Gather(rows)
		c.set.Pack(ctl)
		shared = append(shared, c)
	}
	return shared, bytes, ctl.Err()
}

// column returns where the column of a row that require has been called for begins.
func (c *classColumns) column(row int32) int { return int(c.slot[row]) * c.ld }

// require returns once the columns of the given rows are there.
func (c *classColumns) require(ctl *parallel.Control, cols *kernel.Cols, rows []int32) {
	var mine, idx []int32
	c.mutex.Lock()
	first := c.used
	for _, row := range rows {
		if c.slot[row] < 0 {
			c.slot[row] = int32(c.used)
			c.used++
			mine, idx = append(mine, row), append(idx, c.rows[row])
		}
	}
	c.mutex.Unlock()
	if len(mine) > 0 {
		defer func() { // whatever happens, others wait for these
			c.mutex.Lock()
			for _, row := range mine {
				c.there[row] = true
			}
			c.mutex.Unlock()
			c.finished.Broadcast()
		}()
		cols.Gather(idx)
		c.fill(ctl, cols, c.values[first*c.ld:], c.ld, len(mine))
	}
}

// await waits for the columns that other pairs compute.
func (c *classColumns) await(rows []int32) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, row := range rows {
		for !c.there[row] {
			c.finished.Wait()
		}
	}
}

// fill computes the values of some columns with the rows of the class.
func (c *classColumns) fill(ctl *parallel.Control, cols *kernel.Cols, out []float32, ld, count int) {
	kernel.Columns(ctl, c.set, cols, out, ld)
	for j := range count {
		clear(out[j*ld:][len(c.rows):c.padded])
	}
}

// classPair is an active set of all the points of a pair: the rows of one class, then
// those of the other. Its own columns are of the rows of the other class only.
type classPair struct {
	class [2]*classColumns
	side  [2][]int32 // changed or chosen points, as rows of their class
	delta []float64
	sums  []float64
}

func newClassPair(s *arena.Scope, first, second *classColumns) (p *classPair, err error) {
	p = &classPair{class: [2]*classColumns{first, second}}
	p.sums, err = arena.Make[float64](s, max(first.padded, second.padded))
	return p, err
}

// begin is where the points of a side begin.
func (p *classPair) begin(side int) int { return side * len(p.class[0].rows) }

// divide sets side to the points of either class.
func (p *classPair) divide(points []int32) {
	p.side[0], p.side[1] = p.side[0][:0], p.side[1][:0]
	n := int32(p.begin(1))
	for _, i := range points {
		if i < n {
			p.side[0] = append(p.side[0], i)
		} else {
			p.side[1] = append(p.side[1], i-n)
		}
	}
}

// require is that of both classes, for the points of side.
func (p *classPair) require(s *solver, cols *kernel.Cols) {
	for k, c := range p.class {
		c.require(s.ctl, cols, p.side[k])
	}
	for k, c := range p.class { // both, or two pairs could wait for each other
		c.await(p.side[k])
	}
}

// computeBlock is active.computeBlock. What two points of one class have in common is
// copied from the columns of the class, and what others have from the pair's own columns, as
// far as either point has one there.
func (p *classPair) computeBlock(a *active, s *solver) {
	p.divide(a.chosen)
	p.require(s, a.cols)
	b, n, m := a.block, len(a.chosen), len(p.side[0])
	b.resize(n)
	a.chosen, a.gathered = a.chosen[:0], a.gathered[:0]
	var fresh [2]int // points without a column of the pair's own come first
	for k, c := range p.class {
		points, begin := p.side[k], p.begin(k)
		slices.SortStableFunc(points, func(i, j int32) int {
			return cmp.Compare(min(a.columns.slot[begin+int(i)], 0), min(a.columns.slot[begin+int(j)], 0))
		})
		for _, i := range points {
			if a.columns.slot[begin+int(i)] < 0 {
				fresh[k]++
			}
			a.chosen = append(a.chosen, i+int32(begin))
			a.gathered = append(a.gathered, c.rows[i])
		}
	}
	if fresh[0] > 0 && fresh[1] > 0 {
		a.blockRows.Gather(a.gathered[:fresh[0]])
		a.blockCols.Gather(a.gathered[m : m+fresh[1]])
		kernel.Columns(s.ctl, a.blockRows, a.blockCols, b.k[m*b.ld:], b.ld)
	}
	own := func(at int) []float32 { return a.columns.values[int(a.columns.slot[a.chosen[at]])*a.columns.ld:] }
	p.each(s, n-m, n, func(at int) { // of a point of the second class, with those of the first
		row := b.k[(m+at)*b.ld:]
		if at >= fresh[1] {
			column := own(m + at)
			for k, i := range p.side[0] {
				row[k] = column[i]
			}
			return
		}
		for k := fresh[0]; k < m; k++ {
			row[k] = own(k)[p.side[1][at]]
		}
	})
	p.each(s, n, n, func(at int) {
		row := b.k[at*b.ld:][:b.padded]
		side, first := 0, 0
		if at < m {
			for i := m; i < n; i++ {
				row[i] = b.k[i*b.ld+at]
			}
		} else {
			side, first = 1, m
		}
		c := p.class[side]
		column := c.values[c.column(p.side[side][at-first]):]
		for k, i := range p.side[side] {
			row[first+k] = column[i]
		}
		clear(row[n:])
	})
	a.computed = a.whole
}

// each shares points among threads, each worth so many values copied.
func (p *classPair) each(s *solver, points, values int, body func(at int)) {
	const step = 32
	_ = parallel.Share(s.ctl, (points+step-1)/step, 40*points*values, func(chunk int) {
		for at := chunk * step; at < min(points, (chunk+1)*step); at++ {
			body(at)
		}
	})
}

// update is active.update.
func (p *classPair) update(a *active, s *solver) {
	p.divide(a.changed)
	p.require(s, a.cols)
	n := int32(p.begin(1))
	for side, own := range p.class {
		delta := p.delta[:0]
		for k, i := range a.changed {
			if (i >= n) == (side == 1) {
				delta = append(delta, a.delta[k])
			}
		}
		p.delta = delta
		a.offsets, a.weights = a.offsets[:0], a.weights[:0]
		for k, i := range p.side[side] {
			a.offsets = append(a.offsets, own.column(i))
			a.weights = append(a.weights, float32(delta[k]))
		}
		a.addTo(s, p.begin(side), own.padded, own.values)
		p.updateOther(a, s, side, delta)
	}
}

// updateOther adds what changes on one side mean for the other: as active.update
// does for the whole set.
func (p *classPair) updateOther(a *active, s *solver, side int, delta []float64) {
	other, begin := p.class[1-side], p.begin(1-side)
	a.offsets, a.weights, a.gathered = a.offsets[:0], a.weights[:0], a.gathered[:0]
	c := &a.columns
	first, left := c.used, 0
	for k, i := range p.side[side] {
		at := int(i) + p.begin(side)
		if c.slot[at] < 0 && c.full() {
			delta[left] = delta[k]
			left++
			a.gathered = append(a.gathered, a.rows[at])
			continue
		}
		if c.slot[at] < 0 {
			c.slot[at] = int32(c.used)
			c.used++
		}
		a.offsets = append(a.offsets, int(c.slot[at])*c.ld)
		a.weights = append(a.weights, float32(delta[k]))
	}
	if left > 0 {
		sums := p.sums[:other.padded]
		clear(sums)
		a.cols.Gather(a.gathered)
		kernel.AddSums(s.ctl, other.set, a.cols, delta[:left], sums)
		for k := range other.rows {
			a.f[begin+k] += sums[k]
		}
	}
	if fresh := c.used - first; fresh > 0 {
		a.gathered = a.gathered[:0]
		for _, i := range p.side[side] {
			if at := int(i) + p.begin(side); int(c.slot[at]) >= first {
				a.gathered = append(a.gathered, a.rows[at])
			}
		}
		a.cols.Gather(a.gathered)
		other.fill(s.ctl, a.cols, c.values[first*c.ld:], c.ld, fresh)
	}
	a.addTo(s, begin, other.padded, c.values)
}
