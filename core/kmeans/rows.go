package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// data are the rows of a problem, cut into chunks, and what is known of them.
type data[T float32 | float64] struct {
	kind[T]
	matrix       dense.Matrix
	x            []T // from the first row on
	n, d, stride int
	weight       []float64 // nil: ones
	chunks, step int       // step rows a chunk

	mean     []float64
	variance float64   // the mean of the columns'
	reach    []float64 // by chunk: no row is longer
}

const (
	// Enough chunks to share out, few enough that their sums stay in
	// maxSums numbers as long as there are minChunks.
	maxChunks, minChunks, maxSums = 256, 8, 1 << 22
	// Fewer elements take less time than a chunk costs.
	minElements = 1 << 11
)

func newData[T float32 | float64](p Problem, how kind[T], k int) data[T] {
	x := p.X
	r := data[T]{kind: how, matrix: x, x: how.elements(x)[x.Start:], n: x.Rows, d: x.Cols, stride: x.RowStride, weight: p.SampleWeight}
	if r.n == 1 {
		r.stride = r.d // NumPy's strides mean nothing here
	}
	minStep := max(minElements/r.d, simd.TileRows)
	chunks := min(max(maxSums/k/r.d, minChunks), maxChunks, (r.n-1)/minStep+1)
	r.step = ((r.n-1)/chunks/simd.TileRows + 1) * simd.TileRows
	r.chunks = (r.n-1)/r.step + 1
	return r
}

func (r *data[T]) row(i int) []T { return r.x[i*r.stride:][:r.d] }

func (r *data[T]) rows(chunk int) (lo, hi int) {
	return chunk * r.step, min((chunk+1)*r.step, r.n)
}

func (r *data[T]) weightOf(i int) float64 {
	if r.weight == nil {
		return 1
	}
	return r.weight[i]
}

// survey computes mean, variance and reach, and refuses rows that are not
// finite. Each chunk takes its own mean, and
// its squared distances from that while the rows are in the cache.
func (r *data[T]) survey(ctl *parallel.Control, scope *arena.Scope) error {
	means, err := arena.MakeZero[float64](scope, (r.chunks+1)*r.d)
	if err != nil {
		return err
	}
	if r.reach, err = arena.Make[float64](scope, r.chunks); err != nil {
		return err
	}
	spread := make([]float64, r.chunks) // squared distances from the chunk's mean
	err = parallel.For(ctl, r.chunks, threadsFor(2*r.n*r.d), func(chunk int) {
		lo, hi := r.rows(chunk)
		mean := means[(chunk+1)*r.d:][:r.d]
		for i := lo; i < hi; i++ {
			r.axpy(1, r.row(i), mean)
		}
		tile := make([]T, r.d*r.seedLanes)
		short, length := 0.0, 0.0
		for q := range mean {
			mean[q] /= float64(hi - lo)
			c := T(mean[q])
			for l := range r.seedLanes {
				tile[q*r.seedLanes+l] = c
			}
			// The distances are from c, the mean as a T.
			short += (mean[q] - float64(c)) * (mean[q] - float64(c))
			length += float64(c) * float64(c)
		}
		closest := fill(make([]T, hi-lo), T(math.Inf(1)))
		sums := make([]float64, r.seedLanes)
		r.seed(r.d, hi-lo, r.x[lo*r.stride:], r.stride, tile, closest, nil, sums)
		spread[chunk] = max(sums[0]-short*float64(hi-lo), 0)
		farthest := T(0)
		for _, v := range closest {
			farthest = max(farthest, v)
		}
		r.reach[chunk] = (math.Sqrt(float64(farthest)) + math.Sqrt(length)) * (1 + 4*r.unit*float64(r.d))
	})
	if err != nil {
		return err
	}
	r.mean = means[:r.d]
	weightOf := func(chunk int) float64 {
		lo, hi := r.rows(chunk)
		return float64(hi-lo) / float64(r.n)
	}
	for chunk := range r.chunks {
		simd.Axpy(weightOf(chunk), means[(chunk+1)*r.d:][:r.d], r.mean)
	}
	for chunk := range r.chunks {
		r.variance += spread[chunk]/float64(r.n) + weightOf(chunk)*simd.SquaredDistance(means[(chunk+1)*r.d:][:r.d], r.mean)
	}
	r.variance /= float64(r.d)
	if r.variance-r.variance != 0 {
		return r.refuseNotFinite(ctl)
	}
	return nil
}

// refuseNotFinite is for rows whose squares are not finite: those of finite
// numbers may overflow, too.
func (r *data[T]) refuseNotFinite(ctl *parallel.Control) error {
	if row, col, ok := r.matrix.Finite(ctl); !ok {
		return refuse("X", "row %d, column %d is NaN or infinite", row, col)
	}
	return ctl.Err()
}

// alone is how many multiply-adds one thread does in the time that it takes to
// wake others: some 20 µs.
const alone = 1 << 19

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
