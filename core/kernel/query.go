package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Segment is a run of packed rows and the sums to be formed over it: for every
// row x of a query, out[x, Out[s]] += Σ_j K(x, row First+j)·Weights[s][j].
type Segment struct {
	First, Last int
	Weights     [][]float64
	Out         []int
}

// Against adds the segments' sums for all rows of x to out (rows × width). The
// kernel values of a tile are used while they are in cache and never stored.
func (p *Pack) Against(ctl *parallel.Control, x dense.Matrix, segments []Segment, width int, out []float64) error {
	if p.Kind == Linear {
		return p.linearAgainst(ctl, x, segments, width, out)
	}
	return p.against(ctl, queries{dense: x, rows: x.Rows}, segments, width, out)
}

// queries are the rows of a query, sparse ones where elements are set.
type queries struct {
	dense    dense.Matrix
	elements *elements
	rows     int
}

func (p *Pack) against(ctl *parallel.Control, x queries, segments []Segment, width int, out []float64) error {
	if p.wide != nil {
		return against(ctl, p, p.wide, x, segments, width, out)
	}
	return against(ctl, p, p.narrow, x, segments, width, out)
}

// queryRows is the number of rows that a chunk of a query takes: a multiple of
// every panel's lanes. Sparse rows share their lists.
const queryRows = 128

func (st *store[T]) queryRows() int {
	if st.sparse != nil {
		return spanRows(st.d)
	}
	return queryRows
}

func against[T float](ctl *parallel.Control, p *Pack, st *store[T], x queries, segments []Segment, width int, out []float64) error {
	s := arena.NewScope()
	defer s.Release()
	if p.wide != nil && (p.Kind == Poly || p.Kind == Sigmoid) {
		segments = split(segments)
	}
	packed := make([]groups[T], len(segments))
	for k, seg := range segments {
		if k > 0 && seg.First == segments[k-1].First && len(seg.Weights) == 1 {
			g := packed[k-1] // the same rows, other weights
			var err error
			if g.delta, err = arena.Make[T](s, len(g.delta)); err != nil {
				return err
			}
			g.weigh(seg.Weights[0])
			packed[k] = g
			continue
		}
		idx := make([]int32, seg.Last-seg.First)
		for j := range idx {
			idx[j] = int32(seg.First + j)
		}
		g, err := newGroups(s, st, len(idx))
		if err != nil {
			return err
		}
		g.idx = idx
		g.pack(st, idx, 0, roundUp(len(idx), group)/group)
		if len(seg.Weights) == 1 {
			g.weigh(seg.Weights[0])
		}
		packed[k] = g
	}
	rows := st.queryRows()
	chunks := (x.rows + rows - 1) / rows
	rooms := min(chunks, parallel.Budget())
	free := make(chan *queryRoom[T], max(1, rooms))
	for range rooms {
		room, err := newQueryRoom(s, st, x.elements)
		if err != nil {
			return err
		}
		free <- room
	}
	return parallel.Share(ctl, chunks, x.rows*p.Rows*p.cost(), func(chunk int) {
		room := <-free
		defer func() { free <- room }()
		first := chunk * rows
		n := min(rows, x.rows-first)
		if x.elements != nil {
			room.loadSparse(p, st, first, n)
		} else {
			room.load(p, st, x.dense, first, n)
		}
		for k, seg := range segments {
			room.sums(st, packed[k], seg, n, width, out[first*width:])
		}
		for _, i := range room.large {
			if x.elements != nil {
				p.addLargeSparse(x.elements.Row(i), segments, out[i*width:][:width])
			} else {
				p.addLarge(x.dense.Row(i, room.row), segments, out[i*width:][:width])
			}
		}
	})
}

// split gives every sum a segment of its own, so that its kernel values are summed
// in float64 and never rounded to float32, as values kept for several sums are.
func split(segments []Segment) (single []Segment) {
	for _, seg := range segments {
		for k := range seg.Weights {
			single = append(single, Segment{seg.First, seg.Last, seg.Weights[k : k+1], seg.Out[k : k+1]})
		}
	}
	return single
}

// addLarge adds the sums of one row that is too large for float32.
func (p *Pack) addLarge(row []float64, segments []Segment, sums []float64) {
	for k := range row {
		row[k] *= p.scale
	}
	z := make([]float64, p.Cols)
	for _, seg := range segments {
		for j := seg.First; j < seg.Last; j++ {
			v := p.ofProduct(simd.Dot(row, p.Row(j, z)))
			for s, weights := range seg.Weights {
				if w := weights[j-seg.First]; w != 0 {
					sums[seg.Out[s]] += w * v
				}
			}
		}
	}
}

// queryRoom is one thread's room for a chunk of query rows.
type queryRoom[T float] struct {
	panels[T]
	weighted
	row   []float64
	large []int // query rows that float32 cannot hold; see Params.fits
	f     []float64
	many  []float64
	k     []float32 // a tile of kernel values: columns, as far apart as f is long
}

// tileCols is the number of columns of the tile that is kept at a time.
const tileCols = 256

// newQueryRoom makes room for rows of the store, or of other sparse ones.
func newQueryRoom[T float](s *arena.Scope, st *store[T], other *elements) (*queryRoom[T], error) {
	rows := st.queryRows()
	r := &queryRoom[T]{row: make([]float64, st.d), f: make([]float64, rows)}
	var err error
	if r.panels, err = newPanels(s, st, rows, other, rows); err != nil {
		return nil, err
	}
	cols := tileCols
	if st.sparse != nil {
		cols = group
	}
	r.k, err = arena.Make[float32](s, cols*rows)
	return r, err
}

// load packs n rows of x, from first on, as panels. RBF rows that are too large
// become far away, other ones zero.
func (r *queryRoom[T]) load(p *Pack, st *store[T], x dense.Matrix, first, n int) {
	row := r.row
	r.large = r.large[:0]
	for i := range roundUp(n, st.lanes) {
		out := r.x[i/st.lanes*st.lanes*st.d+i%st.lanes:]
		sum, ok := 0.0, i < n
		if ok {
			row = x.Row(first+i, row)
			for k, v := range row {
				v = (v - p.shift[k]) * p.scale
				e := T(v)
				out[k*st.lanes] = e
				sum += float64(e) * float64(e)
			}
			if p.Kind == RBF { // a row too far away to be computed with is no row: K is 0
				ok = !math.IsInf(sum, 0) && !math.IsInf(float64(T(sum)), 0)
			} else if ok = p.fits(math.Sqrt(sum * p.square)); !ok {
				r.large = append(r.large, first+i)
			}
		}
		r.norm[i] = T(-sum / 2)
		if !ok {
			for k := range st.d {
				out[k*st.lanes] = 0
			}
			r.norm[i] = T(math.Inf(-1))
		}
	}
}

func (r *queryRoom[T]) sums(st *store[T], g groups[T], seg Segment, n, width int, out []float64) {
	d, l, cols := st.d, st.lanes, seg.Last-seg.First
	if cols == 0 {
		return
	}
	if len(seg.Weights) == 1 {
		clear(r.f)
		sums(st, &r.panels, g, cols, 0, roundUp(n, l)/l, r.f)
		for i := range n {
			out[i*width+seg.Out[0]] += r.f[i]
		}
		return
	}
	if st.sparse != nil {
		r.sparseSums(st, g, seg, n, width, out)
		return
	}
	f := r.sumsOf(len(seg.Weights))
	for j := 0; j < cols; j += tileCols {
		m := min(tileCols, cols-j)
		padded := roundUp(m, group)
		for q := 0; q*l < n; q++ {
			st.block(d, m, r.x[q*l*d:][:l*d], g.x[j*d:][:padded*d], g.norm[j:][:padded], r.norm[q*l:][:l], r.k[q*l:], len(r.f))
		}
		for s, weights := range seg.Weights {
			r.add(f[s*len(r.f):][:roundUp(n, l)], r.k, len(r.f), weights[j:j+m])
		}
	}
	for s, o := range seg.Out {
		for i, v := range f[s*len(r.f):][:n] {
			out[i*width+o] += v
		}
	}
}

// sumsOf returns room for so many sums over the rows of a query, all zero.
func (r *queryRoom[T]) sumsOf(count int) []float64 {
	if count *= len(r.f); cap(r.many) < count {
		r.many = make([]float64, count)
	}
	f := r.many[:count]
	clear(f)
	return f
}

// weighted adds up stored kernel values.
type weighted struct {
	off []int
	w   []float32
}

// add adds to f the columns of k, ld apart, times their weights. A support vector of one
// pair of classes often is none of another: weights of zero cost nothing.
func (x *weighted) add(f []float64, k []float32, ld int, weights []float64) {
	x.off, x.w = x.off[:0], x.w[:0]
	for e, v := range weights {
		if v != 0 {
			x.off, x.w = append(x.off, e*ld), append(x.w, float32(v))
		}
	}
	if len(x.off) > 0 {
		simd.AddRows(f, k, x.off, x.w)
	}
}

// linearAgainst first sums the weighted rows: ⟨x, Σ w_j z_j⟩, of rows as they
// are, not centred.
func (p *Pack) linearAgainst(ctl *parallel.Control, x dense.Matrix, segments []Segment, width int, out []float64) error {
	w := make([][]float64, width)
	row := make([]float64, p.Cols)
	for _, seg := range segments {
		for s, weights := range seg.Weights {
			if w[seg.Out[s]] == nil {
				w[seg.Out[s]] = make([]float64, p.Cols)
			}
			for j, v := range weights {
				if v != 0 {
					simd.Axpy(v, p.x.Row(seg.First+j, row), w[seg.Out[s]])
				}
			}
		}
	}
	return parallel.Share(ctl, (x.Rows+queryRows-1)/queryRows, x.Rows*width*p.cost(), func(chunk int) {
		row := make([]float64, p.Cols)
		for i := chunk * queryRows; i < min(x.Rows, (chunk+1)*queryRows); i++ {
			row = x.Row(i, row)
			for o, v := range w {
				if v != nil {
					out[i*width+o] += simd.Dot(row, v)
				}
			}
		}
	})
}

// Widen makes the pack form dot products in float64, for sums whose weights are
// so large that the rounding of float32 would show.
func (p *Pack) Widen(ctl *parallel.Control, s *arena.Scope) error {
	if p.wide != nil || p.Kind == Linear {
		return nil
	}
	if err := p.widen(ctl, s); err != nil {
		return err
	}
	return p.makeScratch(s)
}
