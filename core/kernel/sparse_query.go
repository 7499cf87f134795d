package kernel

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// Renumber gives the features of x, which has the columns of the same matrix as the
// data set, the numbers that they have there; AgainstSparse wants that.
func (p *Pack) Renumber(x *sparse.Packed) { renumber(x, p.sparse.Packed) }

// AgainstSparse is Against for a sparse data set and renumbered sparse rows.
func (p *Pack) AgainstSparse(ctl *parallel.Control, x *sparse.Packed, segments []Segment, width int, out []float64) error {
	if p.wide != nil {
		return p.againstSparse(ctl, x, p.wide.sparse, segments, width, out)
	}
	return p.againstSparse(ctl, x, p.narrow.sparse, segments, width, out)
}

func (p *Pack) againstSparse(ctl *parallel.Control, x *sparse.Packed, of *elements, segments []Segment, width int, out []float64) error {
	if p.Kind == Linear {
		return p.linearAgainstSparse(ctl, x, segments, width, out)
	}
	q := newElements(x, of.scale)
	return p.against(ctl, queries{elements: q, rows: x.Rows}, segments, width, out)
}

// renumber gives features that y lacks the number y.Cols.
func renumber(x, y *sparse.Packed) {
	number := make([]int32, x.Cols)
	k := 0
	for f, column := range x.Column {
		for k < y.Cols && y.Column[k] < column {
			k++
		}
		number[f] = int32(y.Cols)
		if k < y.Cols && y.Column[k] == column {
			number[f] = int32(k)
		}
	}
	for e, f := range x.Col {
		x.Col[e] = number[f]
	}
	x.Cols, x.Column = y.Cols, y.Column
}

// loadSparse is load for sparse rows.
func (r *queryRoom[T]) loadSparse(p *Pack, st *store[T], first, n int) {
	e, of := r.of, st.sparse
	r.large = r.large[:0]
	r.idx = r.idx[:0]
	for i := range roundUp(n, st.lanes) {
		out := r.x[i/st.lanes*st.lanes*st.d+i%st.lanes:]
		for k := range of.common {
			out[k*st.lanes] = 0
		}
		sum, ok := 0.0, i < n
		if ok {
			sum = e.each(first+i, st.number(), func(f int32, v float64) {
				if slot := of.slot[f]; slot >= 0 {
					out[int(slot)*st.lanes] = T(v)
				}
			})
			if p.Kind == RBF {
				ok = !math.IsInf(sum, 0) && !math.IsInf(float64(T(sum)), 0)
			} else if ok = p.fits(math.Sqrt(sum * p.square)); !ok {
				r.large = append(r.large, first+i)
			}
		}
		row := int32(-1)
		switch {
		case !ok:
			for k := range of.common {
				out[k*st.lanes] = 0
			}
			r.norm[i] = T(math.Inf(-1))
		case of.apart:
			row, r.norm[i] = int32(first+i), 0
		default:
			row, r.norm[i] = int32(first+i), T(-sum/2)
		}
		r.idx = append(r.idx, row)
	}
	r.list(st, r.idx, 0, len(r.idx)/st.lanes)
}

// sparseSums is sums for several weights: a tile of a group of columns at a time.
func (r *queryRoom[T]) sparseSums(st *store[T], g groups[T], seg Segment, n, width int, out []float64) {
	d, l, cols := st.d, st.lanes, seg.Last-seg.First
	f := r.sumsOf(len(seg.Weights))
	for j := 0; j < cols; j += group {
		m := min(group, cols-j)
		r.fill(st, g.idx[j:j+m], 0, roundUp(n, l)/l)
		for q := 0; q*l < n; q++ {
			st.block(d, m, r.x[q*l*d:][:l*d], g.x[j*d:][:group*d], g.norm[j:][:group], r.norm[q*l:][:l], r.k[q*l:], len(r.f))
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

// addLargeSparse is addLarge for a sparse row.
func (p *Pack) addLargeSparse(row sparse.Row, segments []Segment, sums []float64) {
	e := p.sparse
	w := make([]float64, e.Cols)
	row.Scatter(e.scale*e.scale, w)
	for _, seg := range segments {
		for j := seg.First; j < seg.Last; j++ {
			v := p.ofProduct(e.Row(j).Dot(w))
			for s, weights := range seg.Weights {
				if w := weights[j-seg.First]; w != 0 {
					sums[seg.Out[s]] += w * v
				}
			}
		}
	}
}

// linearAgainstSparse is linearAgainst for sparse rows.
func (p *Pack) linearAgainstSparse(ctl *parallel.Control, x *sparse.Packed, segments []Segment, width int, out []float64) error {
	s := arena.NewScope()
	defer s.Release()
	w := make([][]float64, width)
	for _, seg := range segments {
		for k, weights := range seg.Weights {
			o := seg.Out[k]
			if w[o] == nil {
				var err error
				if w[o], err = arena.MakeZero[float64](s, p.Cols); err != nil {
					return err
				}
			}
			for j, v := range weights {
				if v != 0 {
					p.sparse.Row(seg.First+j).Scatter(v, w[o])
				}
			}
		}
	}
	const chunkRows = 256
	return parallel.Share(ctl, (x.Rows+chunkRows-1)/chunkRows, width*len(x.Col), func(chunk int) {
		for i := chunk * chunkRows; i < min(x.Rows, (chunk+1)*chunkRows); i++ {
			for o, v := range w {
				if v != nil {
					out[i*width+o] += x.Row(i).Dot(v)
				}
			}
		}
	})
}
