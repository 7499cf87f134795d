package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/simd"
)

// float is the type in which rows are stored and dot products are formed.
type float interface{ float32 | float64 }

// group is the number of columns that a tile works on at once.
const group = 8

// tiles are the vector kernels for one element type and one kernel function.
type tiles[T float] struct {
	lanes     int // rows of a panel
	apply     func(d, groups int, a, c, cn, delta, nr []T, f []float64)
	block     func(d, cols int, a, c, cn, nr []T, out []float32, ld int)
	both      func(d, cols int, a, c, cn, delta, nr []T, out []float32, ld int, f []float64) // may be nil
	packPanel func(d int, x []T, stride int, idx []int32, out []T)
	packGroup func(d int, x []T, stride int, idx []int32, out []T)
	given     given[T]
}

func tiles32(k Params) tiles[float32] {
	t := tiles[float32]{lanes: 32, packPanel: simd.PackPanel, packGroup: simd.PackGroup}
	switch k.Kind {
	case RBF:
		t.apply, t.block, t.both = simd.RBFApply, simd.RBFBlock, simd.RBFBlockApply
		t.given = given[float32]{simd.ListedDots, simd.RBFGivenApply, simd.RBFGivenBlock, simd.RBFGivenBlockApply}
	case Linear:
		t.block = func(d, cols int, a, c, _, _, out []float32, ld int) {
			simd.DotBlock(d, cols, a, c, out, ld)
		}
	case Poly, Sigmoid:
		fn := k.function()
		t.apply = func(d, groups int, a, c, _, delta, _ []float32, f []float64) {
			simd.FunctionApply(d, groups, fn, a, c, delta, f)
		}
		t.block = func(d, cols int, a, c, _, _, out []float32, ld int) {
			simd.FunctionBlock(d, cols, fn, a, c, out, ld)
		}
		t.both = func(d, cols int, a, c, _, delta, _, out []float32, ld int, f []float64) {
			simd.FunctionBlockApply(d, cols, fn, a, c, delta, out, ld, f)
		}
	}
	return t
}

// tiles64 are those of every kernel but the linear one, whose sums are of rows.
func tiles64(k Params) tiles[float64] {
	t := tiles[float64]{lanes: 16, apply: simd.RBFApplyF64, block: simd.RBFBlockF64, packPanel: simd.PackPanelF64, packGroup: simd.PackGroupF64}
	if k.Kind == Poly || k.Kind == Sigmoid {
		fn := k.function()
		t.apply = func(d, groups int, a, c, _, delta, _, f []float64) {
			simd.FunctionApplyF64(d, groups, fn, a, c, delta, f)
		}
		t.block = func(d, cols int, a, c, _, _ []float64, out []float32, ld int) {
			simd.FunctionBlockF64(d, cols, fn, a, c, out, ld)
		}
	}
	return t
}

// tilesCareful choose panel by panel: where the norm of a row is too large for the tiles
// given, those that form differences. Rows of values that are not 0 have similar norms.
func tilesCareful(t tiles[float64]) tiles[float64] {
	apart := tilesApart()
	large := func(nr []float64) bool {
		for _, v := range nr[:simd.PanelRowsF64] {
			if -v*math.Ln2*0x1p-52 > wideLimit && !math.IsInf(v, -1) {
				return true
			}
		}
		return false
	}
	apply, block := t.apply, t.block
	t.apply = func(d, groups int, a, c, cn, delta, nr, f []float64) {
		if large(nr) {
			apart.apply(d, groups, a, c, cn, delta, nr, f)
		} else {
			apply(d, groups, a, c, cn, delta, nr, f)
		}
	}
	t.block = func(d, cols int, a, c, cn, nr []float64, out []float32, ld int) {
		if large(nr) {
			apart.block(d, cols, a, c, cn, nr, out, ld)
		} else {
			block(d, cols, a, c, cn, nr, out, ld)
		}
	}
	return t
}

// tilesApart form the exponent from differences of rows, in plain Go: slow, and right
// where norms are so large against 1/γ that their rounding in float64 would show (K(x,
// x) might not be 1). Of the norms only −Inf counts, which stands for no row.
func tilesApart() tiles[float64] {
	const zeroFrom = 2 * 1100 // 2^−1100 is 0
	value := func(d, i, j int, a, c, nr []float64) float64 {
		sum := 0.0
		if math.IsInf(nr[i], -1) {
			sum = zeroFrom
		}
		for k := 0; k < d && sum < zeroFrom; k++ {
			v := a[k*simd.PanelRowsF64+i] - c[(j/group*d+k)*group+j%group]
			sum += v * v
		}
		if sum >= zeroFrom {
			return 0
		}
		return math.Exp2(-sum / 2) // NaN too
	}
	return tiles[float64]{
		lanes: simd.PanelRowsF64,
		apply: func(d, groups int, a, c, cn, delta, nr, f []float64) {
			for i := range f[:simd.PanelRowsF64] {
				for j, v := range delta[:groups*group] {
					if v != 0 {
						f[i] += v * value(d, i, j, a, c, nr)
					}
				}
			}
		},
		block: func(d, cols int, a, c, cn, nr []float64, out []float32, ld int) {
			for i := range simd.PanelRowsF64 {
				for j := range cols {
					out[j*ld+i] = float32(value(d, i, j, a, c, nr))
				}
			}
		},
		packPanel: simd.PackPanelF64,
		packGroup: simd.PackGroupF64,
	}
}

// store is a data set as a kernel needs it: rows shifted and scaled, and with
// norm[i] = −|x_i|²/2, so that log₂K(i, j) = norm[i] + norm[j] + ⟨x_i, x_j⟩.
type store[T float] struct {
	tiles[T]
	d, stride int // stride: d rounded up, so that a row starts on 64 bytes
	x         []T
	norm      []T
	sparse    *elements  // of which x has the common features, fewer than d; else nil
	listed    *listed[T] // the rows' elements where these are few; else nil
}

func newStore[T float](s *arena.Scope, t tiles[T], n, d int) (*store[T], error) {
	st := &store[T]{tiles: t, d: d, stride: roundUp(d, 16)}
	var err error
	if st.x, err = arena.Make[T](s, n*st.stride); err != nil {
		return nil, err
	}
	st.norm, err = arena.Make[T](s, n)
	return st, err
}

func (st *store[T]) row(i int) []T { return st.x[i*st.stride:][:st.d] }

// put stores row i from v and returns −|v|²/2 of the stored, rounded values.
func (st *store[T]) put(i int, v []float64) float64 {
	row := st.x[i*st.stride:][:st.stride]
	sum := 0.0
	for k, x := range v {
		r := T(x)
		row[k] = r
		sum += float64(r) * float64(r)
	}
	clear(row[st.d:])
	st.norm[i] = T(-sum / 2)
	return -sum / 2
}

// panels holds gathered rows, transposed for the tiles: [panel][d][lanes].
type panels[T float] struct {
	x, norm []T
	span    int // panels that a chunk takes
	idx     []int32
	of      *elements  // sparse: where the rows are from
	lists   []lists[T] // their rare elements, span by span
	dots    []T        // listed: products with a few columns, [panel][column][lanes]
}

// panelChunk is the number of panels of a chunk, where there are enough of them.
const panelChunk = 8

// newPanels makes room for rows of the store, or of other sparse ones; spans of them
// share their lists.
func newPanels[T float](s *arena.Scope, st *store[T], rows int, other *elements, span int) (p panels[T], err error) {
	n := roundUp(rows, 32)
	if p.span = panelChunk; st.listed == nil && n < panelChunk*panelChunk*st.lanes {
		p.span = 2
	}
	if st.sparse != nil {
		if p.span, p.of = roundUp(span, 32)/st.lanes, other; other == nil {
			p.of = st.sparse
		}
		if p.lists, err = newLists(s, st, p.of, n, p.span); err != nil {
			return p, err
		}
	}
	if st.listed != nil {
		if p.dots, err = arena.Make[T](s, n*listedCols); err != nil {
			return p, err
		}
	}
	if p.x, err = arena.Make[T](s, n*st.d); err != nil {
		return p, err
	}
	p.norm, err = arena.Make[T](s, n)
	return p, err
}

// pack gathers the rows idx into panels [first, last).
func (p *panels[T]) pack(st *store[T], idx []int32, first, last int) {
	l, d := st.lanes, st.d
	if st.sparse != nil {
		d = st.sparse.common
		p.list(st, idx, first, last)
	}
	for q := first; q < last; q++ {
		rows := idx[min(len(idx), q*l):min(len(idx), (q+1)*l)]
		if d > 0 {
			st.packPanel(d, st.x, st.stride, rows, p.x[q*l*st.d:][:l*d])
		}
		norm := p.norm[q*l:][:l]
		clear(norm[copyNorms(norm, st.norm, rows):])
	}
}

// groups holds gathered columns: [group][d][8].
type groups[T float] struct {
	x, norm, delta []T
	idx            []int32
}

func newGroups[T float](s *arena.Scope, st *store[T], cols int) (g groups[T], err error) {
	n := roundUp(cols, group)
	if g.x, err = arena.Make[T](s, n*st.d); err != nil {
		return g, err
	}
	if st.sparse != nil {
		clear(g.x)
		for k := range n { // the unit matrix
			g.x[(k/group*st.d+st.sparse.common+k%group)*group+k%group] = 1
		}
	}
	if g.norm, err = arena.Make[T](s, n); err != nil {
		return g, err
	}
	g.delta, err = arena.Make[T](s, n)
	return g, err
}

func (g groups[T]) pack(st *store[T], idx []int32, first, last int) {
	d := st.d
	if st.sparse != nil {
		d = st.sparse.common
	}
	for q := first; q < last; q++ {
		cols := idx[q*group : min(len(idx), (q+1)*group)]
		if d > 0 {
			st.packGroup(d, st.x, st.stride, cols, g.x[q*group*st.d:][:group*d])
		}
		norm := g.norm[q*group:][:group]
		clear(norm[copyNorms(norm, st.norm, cols):])
	}
}

// weigh sets the columns' weights; padding columns weigh nothing.
func (g groups[T]) weigh(delta []float64) {
	for k, v := range delta {
		g.delta[k] = T(v)
	}
	clear(g.delta[len(delta):roundUp(len(delta), group)])
}

func copyNorms[T float](dst, norm []T, idx []int32) int {
	for k, i := range idx {
		dst[k] = norm[i]
	}
	return len(idx)
}

// sums adds K·delta to f for panels [first, last). Columns are taken in blocks
// that stay in the second-level cache while the panels pass by.
func sums[T float](st *store[T], p *panels[T], g groups[T], cols, first, last int, f []float64) {
	if st.sparse != nil {
		sparseSums(st, p, g, cols, first, last, f)
		return
	}
	if st.listed != nil {
		st.listed.sums(st, p, g, cols, first, last, f)
		return
	}
	d, l := st.d, st.lanes
	count := roundUp(cols, group) / group
	block := max(4, min(32, 6144/max(d, 1)+1))
	for g0 := 0; g0 < count; g0 += block {
		n := min(block, count-g0)
		c, cn, delta := g.x[g0*group*d:][:n*group*d], g.norm[g0*group:], g.delta[g0*group:]
		for q := first; q < last; q++ {
			st.apply(d, n, p.x[q*l*d:][:l*d], c, cn[:n*group], delta[:n*group], p.norm[q*l:][:l], f[q*l:][:l])
		}
	}
}

// columns stores K for panels [first, last): out[j·ld+i] for column j, row i;
// with f it also adds K·delta to f.
func columns[T float](st *store[T], p *panels[T], g groups[T], cols, first, last int, out []float32, ld int, f []float64) {
	if st.sparse != nil {
		sparseColumns(st, p, g, cols, first, last, out, ld, f)
		return
	}
	if st.listed != nil {
		st.listed.columns(st, p, g, cols, first, last, out, ld, f)
		return
	}
	d, l := st.d, st.lanes
	block := max(group, 65536/max(d, 1)/group*group)
	for j := 0; j < cols; j += block {
		n := min(block, cols-j)
		padded := roundUp(n, group)
		c, cn := g.x[j*d:][:padded*d], g.norm[j:][:padded]
		for q := first; q < last; q++ {
			a, nr, o := p.x[q*l*d:][:l*d], p.norm[q*l:][:l], out[j*ld+q*l:]
			if f != nil {
				st.both(d, n, a, c, cn, g.delta[j:][:padded], nr, o, ld, f[q*l:][:l])
			} else {
				st.block(d, n, a, c, cn, nr, o, ld)
			}
		}
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
