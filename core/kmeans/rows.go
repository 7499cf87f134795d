package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
	"gocluster/core/sparse"
)

// data are the rows of a problem, cut into chunks, and what is known of them.
type data[T float32 | float64] struct {
	kind[T]
	matrix       dense.Matrix
	x            []T // from the first row on
	n, d, stride int
	weight       []float64   // nil: ones
	chunks, step int         // step rows a chunk
	csr          *sparse.CSR // nil: the rows are dense, in x
	lengths      []float64   // of sparse rows, squared
	width        int         // elements of a row, on the average
	// Rows that do not fit in memory come in pieces of a chunk. x is then a piece of n
	// rows, all of which are the rows of the chunk at hand, and first is the number of
	// the first one.
	piece bool
	first int

	mean     []float64
	variance float64   // the mean of the columns'
	reach    []float64 // by chunk: no row is longer
	radius   []float64 // by chunk: none is farther from the mean, or, until that is known, from anchors
	anchors  []float64 // by chunk: the mean of its first rows
}

const (
	// Enough chunks to share out, few enough that their sums stay in
	// maxSums numbers as long as there are minChunks.
	maxChunks, minChunks, maxSums = 256, 8, 1 << 22
	enoughChunks, sumShare        = 64, 16
	// Fewer elements take less time than a chunk costs.
	minElements = 1 << 11
)

func newData[T float32 | float64](p Problem, how kind[T], k int) data[T] {
	x := p.X
	r := data[T]{kind: how, matrix: x, x: how.elements(x)[x.Start:], n: x.Rows, d: x.Cols, stride: x.RowStride, weight: p.SampleWeight, csr: p.Sparse, width: x.Cols}
	if p.Sparse != nil {
		r.n, r.d = p.Sparse.Rows, p.Sparse.Cols
		r.width = p.Sparse.Elements()/max(r.n, 1) + 1
	}
	if r.n == 1 {
		r.stride = r.d // NumPy's strides mean nothing here
	}
	r.cut(k)
	return r
}

// cut makes chunks of the rows.
func (r *data[T]) cut(k int) {
	minStep := max(minElements/r.width, simd.TileRows)
	// So many that adding up the sums of all costs little beside the rows.
	most := max(r.n/k/sumShare, enoughChunks)
	chunks := min(max(maxSums/k/r.d, minChunks), maxChunks, most, (r.n-1)/minStep+1)
	r.step = ((r.n-1)/chunks/simd.TileRows + 1) * simd.TileRows
	r.chunks = (r.n-1)/r.step + 1
}

func (r *data[T]) row(i int) []T { return r.x[i*r.stride:][:r.d] }

// stretch is the memory of the rows from lo to hi.
func (r *data[T]) stretch(lo, hi int) []T {
	if lo >= hi {
		return nil
	}
	return r.x[lo*r.stride:][:(hi-lo-1)*r.stride+r.d]
}

func (r *data[T]) rows(chunk int) (lo, hi int) {
	if r.piece {
		return 0, r.n
	}
	return chunk * r.step, min((chunk+1)*r.step, r.n)
}

func (r *data[T]) weightOf(i int) float64 {
	if r.weight == nil {
		return 1
	}
	return r.weight[i]
}

// survey computes mean, variance and reach, and refuses rows that are not
// finite.
func (r *data[T]) survey(ctl *parallel.Control, scope *arena.Scope) error {
	if r.csr != nil {
		return r.surveySparse(ctl, scope)
	}
	parts, err := r.newMoments(scope)
	if err != nil {
		return err
	}
	err = parallel.For(ctl, r.chunks, threadsFor(2*r.n*(r.d+perRow)), func(chunk int) { r.surveyChunk(chunk, &parts[chunk]) })
	if err != nil {
		return err
	}
	if !r.combine(parts) {
		return r.refuseNotFinite(ctl)
	}
	return nil
}

// moments are what is known of some rows.
type moments struct {
	rows   int
	mean   []float64
	spread float64 // the sum of the squared distances from the mean
}

// weights are those of some rows; nil: ones.
func (r *data[T]) weights(lo, hi int) []float64 {
	if r.weight == nil {
		return nil
	}
	return r.weight[lo:hi]
}

// newMoments makes them for every chunk and for all rows, which are the last, and room for reach.
func (r *data[T]) newMoments(scope *arena.Scope) (parts []moments, err error) {
	if r.reach, err = arena.MakeZero[float64](scope, r.chunks); err != nil {
		return nil, err
	}
	if r.radius, err = arena.MakeZero[float64](scope, r.chunks); err != nil {
		return nil, err
	}
	if r.anchors, err = arena.Make[float64](scope, r.chunks*r.d); err != nil {
		return nil, err
	}
	means, err := arena.MakeZero[float64](scope, (r.chunks+1)*r.d)
	if err != nil {
		return nil, err
	}
	parts = make([]moments, r.chunks+1)
	for i := range parts {
		parts[i].mean = means[i*r.d:][:r.d]
	}
	return parts, nil
}

// combine adds up the parts, in order, and reports whether all is finite.
func (r *data[T]) combine(parts []moments) bool {
	all := &parts[r.chunks]
	for _, part := range parts[:r.chunks] {
		all.add(part.rows, part.mean, part.spread)
	}
	r.mean, r.variance = all.mean, all.spread/float64(r.n)/float64(r.d)
	for chunk, v := range r.radius {
		v += math.Sqrt(simd.SquaredDistance(r.anchors[chunk*r.d:][:r.d], r.mean))
		// For small rows far from the origin the other bound is much too large.
		r.radius[chunk] = min(v, r.reach[chunk]+math.Sqrt(simd.Dot(r.mean, r.mean))) * (1 + 0x1p-20)
	}
	return r.variance-r.variance == 0
}

// add takes other rows in (Chan, Golub, LeVeque 1983). It overwrites mean.
func (m *moments) add(rows int, mean []float64, spread float64) {
	simd.Axpy(-1, m.mean, mean)
	part := float64(rows) / float64(m.rows+rows)
	m.spread += spread + float64(m.rows)*part*simd.Dot(mean, mean)
	simd.Axpy(part, mean, m.mean)
	m.rows += rows
}

// tileRows is how many rows with d columns stay in a core's cache.
func tileRows(d int) int {
	const elements = 1 << 15
	return max(elements/d/simd.TileRows, 1) * simd.TileRows
}

// surveyChunk takes the rows of a chunk into m and reach, a tile at a time: the
// squared distances are from the tile's own mean.
func (r *data[T]) surveyChunk(chunk int, m *moments) {
	lo, hi := r.rows(chunk)
	step := min(tileRows(r.d), hi-lo)
	mean := make([]float64, r.d)
	var squares [batch]float64
	var zeros [batch]int32
	loose := 1 + 0x1p-50*float64(r.d+2)
	for ; lo < hi; lo += step {
		rows := min(step, hi-lo)
		clear(mean)
		r.sum(rows, r.x[lo*r.stride:], r.stride, mean)
		for q := range mean {
			mean[q] /= float64(rows)
		}
		farthest, spread := 0.0, 0.0
		for i := 0; i < rows; i += batch {
			these := min(batch, rows-i)
			r.distances(r.d, r.x[(lo+i)*r.stride:], r.stride, nil, mean, zeros[:these], squares[:])
			for _, v := range squares[:these] {
				spread += v
				if v > farthest {
					farthest = v
				}
			}
		}
		far := math.Sqrt(farthest)
		r.reach[chunk] = max(r.reach[chunk], (far+math.Sqrt(simd.Dot(mean, mean)))*loose)
		anchor := r.anchors[chunk*r.d:][:r.d]
		if m.rows == 0 {
			copy(anchor, mean)
		}
		r.radius[chunk] = max(r.radius[chunk], (far+math.Sqrt(simd.SquaredDistance(anchor, mean)))*loose)
		m.add(rows, mean, spread)
	}
}

// refuseNotFinite is for rows whose squares are not finite: those of finite
// numbers may overflow, too.
func (r *data[T]) refuseNotFinite(ctl *parallel.Control) error {
	finite := r.matrix.Finite
	if r.csr != nil {
		finite = r.csr.Finite
	}
	if row, col, ok := finite(ctl); !ok {
		return refuse("X", "row %d, column %d is NaN or infinite", row, col)
	}
	return ctl.Err()
}

// alone is how many multiply-adds one thread does in the time that it takes to
// wake others: some 20 µs.
const alone = 1 << 19

// perRow is what a pass costs a row whatever its length, in multiply-adds.
const perRow = 1 << 6

// threadsFor is the argument of parallel.For for so many multiply-adds.
func threadsFor(work int) int {
	if work < alone {
		return 1
	}
	return 0
}

func fill[T any](s []T, v T) []T {
	for i := range s {
		s[i] = v
	}
	return s
}
