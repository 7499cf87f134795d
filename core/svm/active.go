package svm

import (
	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/simd"
)

// active is the middle level: a set of at most a few thousand points solved to a
// gap of their own, block by block, with their gradient in float64.
type active struct {
	points []int32 // indices of the problem's points
	rows   []int32 // their rows in the pack
	f      []float64
	state  []uint8
	before []float64 // β when the set was chosen

	set     *kernel.Rows
	chooser *chooser
	block   *block
	chosen  []int32 // positions in points that form the block
	mix     mix
	// whole: the block holds all points, in their order, and its kernel matrix is
	// computed once; computed says that it has been.
	whole, computed bool
	// all: the set always holds all the points of the problem, in their order; loaded
	// says that it does. Kernel values then stay from one set to the next.
	all, loaded bool

	columns columns    // of points that changed
	classes *classPair // nil if kernel values are not shared with other pairs of classes

	blockRows *kernel.Rows
	blockCols *kernel.Cols
	cols      *kernel.Cols
	gathered  []int32
	changed   []int32 // positions
	delta     []float64
	offsets   []int
	weights   []float32
}

// newActive makes room for sets of up to capacity of n points. With an origin it is a
// fork of that one, and shares the kernel values that do not depend on the problem.
func newActive(s *arena.Scope, pack *kernel.Pack, n, capacity int, m mix, cacheBytes int64, classes *classPair, origin *active) (*active, error) {
	m.all = true
	a := &active{mix: m, all: n <= m.size, classes: classes}
	padded := roundUp(capacity, 32)
	height := padded // of a column
	if classes != nil {
		height = len(classes.sums)
	}
	var err error
	make := func(step func() error) {
		if err == nil {
			err = step()
		}
	}
	make(func() error { a.f, err = arena.Make[float64](s, padded+32); return err })
	make(func() error { a.before, err = arena.Make[float64](s, padded); return err })
	make(func() error { a.state, err = arena.MakeZero[uint8](s, padded); return err })
	make(func() error { a.rows, err = arena.Make[int32](s, padded); return err })
	make(func() error { a.chooser, err = newChooser(s, padded); return err })
	make(func() error { a.cols, err = pack.NewCols(s, m.size); return err })
	if origin == nil {
		make(func() error { a.columns, err = newColumns(s, pack, padded, height, cacheBytes); return err })
		if classes == nil {
			make(func() error { a.set, err = pack.NewRows(s, capacity); return err })
		}
		make(func() error { a.block, err = newBlock(s, m.size, nil); return err })
		a.all = a.all || n <= capacity && a.columns.end > 0
	} else {
		a.all = origin.all
		make(func() error { a.columns.slot, err = arena.Make[int32](s, padded); return err })
		if a.loaded = origin.loaded; a.loaded {
			a.set = origin.set
		} else if classes == nil {
			make(func() error { a.set, err = pack.NewRows(s, capacity); return err })
		}
		if a.computed = origin.loaded && origin.computed; a.computed {
			make(func() error { a.block, err = newBlock(s, m.size, origin.block); return err })
			a.whole, a.chosen = true, origin.chosen
		} else {
			make(func() error { a.block, err = newBlock(s, m.size, nil); return err })
		}
	}
	make(func() error { a.blockRows, err = pack.NewRows(s, m.size); return err })
	make(func() error { a.blockCols, err = pack.NewCols(s, m.size); return err })
	if err == nil {
		a.block.newton.indefinite = !pack.Definite()
	}
	return a, err
}

// load takes the points' state over from the solver.
func (a *active) load(s *solver, points []int32) {
	a.points = points
	n := len(points)
	a.rows = a.rows[:n]
	for k, i := range points {
		a.rows[k] = s.rows[i]
		a.f[k], a.state[k], a.before[k] = s.f[i], s.state[i], s.beta[i]
	}
	padded := roundUp(n, 32)
	clear(a.f[n:padded])
	clear(a.state[n:padded])
	if a.whole = n <= a.mix.size; !a.whole || !a.loaded {
		a.chosen = a.chosen[:0]
	}
	if !a.loaded || a.columns.full() {
		a.columns.forget(n)
	}
	if !a.loaded {
		if a.classes == nil {
			a.set.Gather(a.rows)
		}
		a.loaded, a.computed = a.all, false
	}
}

// solve lowers the set's gap to eps and leaves β and the states in the solver.
func (a *active) solve(s *solver, eps float64) {
	n := len(a.points)
	f, state := a.f[:n], a.state[:n]
	var fall progress
	for s.goOn() {
		gap := a.chooser.measure(f, state)
		if !(gap > eps) || fall.stuck(gap, patienceBlocks) {
			return
		}
		if !a.computed {
			a.chosen = a.chooser.choose(f, state, a.mix, a.chosen)
			a.computeBlock(s)
		}
		a.loadBlock(s)
		s.updates += a.block.solve(float32(max(a.mix.gap*gap, 0.5*eps)), s.limit-s.updates)
		if a.collectChanges(s); len(a.changed) == 0 {
			return // float32 sees no step that the gap in float64 still asks for
		}
		a.update(s)
		s.report(gap)
	}
}

// computeBlock computes the kernel matrix of the chosen points.
func (a *active) computeBlock(s *solver) {
	if a.classes != nil {
		a.classes.computeBlock(a, s)
		return
	}
	n := len(a.chosen)
	a.gathered = grow(a.gathered, n)
	for k, p := range a.chosen {
		a.gathered[k] = a.rows[p]
	}
	a.block.resize(n)
	a.blockRows.Gather(a.gathered)
	a.blockCols.Gather(a.gathered)
	kernel.Square(s.ctl, a.blockRows, a.blockCols, a.block.k, a.block.ld)
	a.computed = a.whole
}

func (a *active) loadBlock(s *solver) {
	b := a.block
	threshold := a.chooser.threshold()
	for k, p := range a.chosen {
		i := a.points[p]
		b.f[k] = float32(a.f[p] - threshold)
		b.diag[k] = s.pack.Diag[a.rows[p]]
		b.beta[k], b.lo[k], b.hi[k] = s.beta[i], s.lo[i], s.hi[i]
	}
	b.open()
}

// collectChanges takes β over from the block.
func (a *active) collectChanges(s *solver) {
	b := a.block
	a.changed, a.delta = a.changed[:0], a.delta[:0]
	for k, p := range a.chosen {
		if b.beta[k] == b.start[k] {
			continue
		}
		i := a.points[p]
		s.beta[i] = b.beta[k]
		s.mark(int(i))
		a.state[p] = s.state[i]
		a.changed = append(a.changed, p)
		a.delta = append(a.delta, b.beta[k]-b.start[k])
	}
}

// move adds K·Δ of changes of β made elsewhere, at positions of the set.
func (a *active) move(s *solver, positions []int32, delta []float64) {
	if a.whole && !a.computed {
		a.chosen = a.chooser.choose(a.f[:len(a.points)], a.state[:len(a.points)], a.mix, a.chosen)
		a.computeBlock(s)
	}
	for first := 0; first < len(positions); first += a.mix.size {
		last := min(len(positions), first+a.mix.size)
		a.changed, a.delta = append(a.changed[:0], positions[first:last]...), append(a.delta[:0], delta[first:last]...)
		a.update(s)
	}
}

// update adds K·Δ to the set's gradient. Columns at hand are read; of the others
// as many are computed and kept as there is room for; the rest are not kept.
func (a *active) update(s *solver) {
	a.offsets, a.weights = a.offsets[:0], a.weights[:0]
	if a.whole {
		for k, p := range a.changed {
			a.offsets = append(a.offsets, int(p)*a.block.ld)
			a.weights = append(a.weights, float32(a.delta[k]))
		}
		a.addTo(s, 0, roundUp(len(a.points), 32), a.block.k)
		return
	}
	if a.classes != nil {
		a.classes.update(a, s)
		return
	}
	a.gathered = a.gathered[:0]
	c := &a.columns
	others, first := 0, c.used
	for k, p := range a.changed {
		if slot := c.slot[p]; slot >= 0 {
			a.offsets = append(a.offsets, int(slot)*c.ld)
			a.weights = append(a.weights, float32(a.delta[k]))
			continue
		}
		if !c.full() {
			c.slot[p] = int32(c.used)
			c.used++
		}
		a.gathered = append(a.gathered, a.rows[p])
		a.delta[others] = a.delta[k]
		others++
	}
	fresh := c.used - first
	if fresh > 0 {
		a.cols.Gather(a.gathered[:fresh])
		kernel.AddColumns(s.ctl, a.set, a.cols, a.delta[:fresh], a.f, c.values[first*c.ld:], c.ld)
	}
	if fresh < others {
		a.cols.Gather(a.gathered[fresh:])
		kernel.AddSums(s.ctl, a.set, a.cols, a.delta[fresh:others], a.f)
	}
	a.addTo(s, 0, roundUp(len(a.points), 32), c.values)
}

// addTo adds stored columns, at the offsets, to a part of the set's gradient.
func (a *active) addTo(s *solver, begin, padded int, columns []float32) {
	if len(a.offsets) > 0 {
		s.forRows(padded, len(a.offsets), func(first, last int) {
			simd.AddRows(a.f[begin+first:begin+last], columns[first:], a.offsets, a.weights)
		})
	}
}
