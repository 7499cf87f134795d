package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// kind is what differs between float32 and float64.
type kind[T float32 | float64] struct {
	tile  func(d, rows int, x []T, stride int, panel, out []T)
	axpy  func(alpha float64, x []T, y []float64)
	lanes int
	unit  float64 // the largest relative error of rounding
}

// solver holds the data of a problem and the buffers of its steps.
type solver[T float32 | float64] struct {
	kind[T]
	x               []T // from the first row on
	n, d, k, stride int
	weight          []float64 // nil: ones
	centers         []float64
	labels          []int32

	chunks, step     int       // step rows a chunk
	mean             []float64 // of the rows: products are taken with c − mean
	reach            []float64 // by chunk: the largest norm of a row
	panels, cn       []T       // c − mean, lanes centres a panel; cₙ, +Inf in lanes without one
	slack, perLength float64   // see pack
	changed          []bool    // by chunk
	sums, mass       []float64 // by chunk and centre: weighted rows, weights
	next             []float64 // the new centres
}

const (
	// Enough chunks to share out, few enough that their sums stay in
	// maxSums numbers as long as there are minChunks.
	maxChunks, minChunks, maxSums = 256, 8, 1 << 22
	// Fewer rows take less time than a chunk costs.
	minStep = 8 * simd.TileRows
)

func newSolver[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, p Problem, x []T, how kind[T], centers []float64, labels []int32) (*solver[T], error) {
	n, d := p.X.Rows, p.X.Cols
	k := len(centers) / d
	s := &solver[T]{kind: how, x: x[p.X.Start:], n: n, d: d, k: k, stride: p.X.RowStride, weight: p.SampleWeight, centers: centers, labels: labels}
	if n == 1 {
		s.stride = d // NumPy's strides mean nothing here
	}
	chunks := min(max(maxSums/len(centers), minChunks), maxChunks, (n-1)/minStep+1)
	s.step = ((n-1)/chunks/simd.TileRows + 1) * simd.TileRows
	s.chunks = (n-1)/s.step + 1
	lanes := (k-1)/s.lanes*s.lanes + s.lanes
	var err error
	for _, b := range []struct {
		at *[]float64
		n  int
	}{{&s.mean, d}, {&s.reach, s.chunks}, {&s.sums, s.chunks * k * d}, {&s.mass, s.chunks * k}, {&s.next, k * d}} {
		if *b.at, err = arena.MakeZero[float64](scope, b.n); err != nil {
			return nil, err
		}
	}
	if s.panels, err = arena.MakeZero[T](scope, lanes*d); err != nil {
		return nil, err
	}
	if s.cn, err = arena.Make[T](scope, lanes); err != nil {
		return nil, err
	}
	s.changed = make([]bool, s.chunks)
	return s, s.survey(ctl)
}

func (s *solver[T]) row(i int) []T { return s.x[i*s.stride:][:s.d] }

func (s *solver[T]) rows(chunk int) (lo, hi int) {
	return chunk * s.step, min((chunk+1)*s.step, s.n)
}

func (s *solver[T]) weightOf(i int) float64 {
	if s.weight == nil {
		return 1
	}
	return s.weight[i]
}

func (s *solver[T]) center(j int) []float64 { return s.centers[j*s.d:][:s.d] }

// survey computes mean and reach.
func (s *solver[T]) survey(ctl *parallel.Control) error {
	err := parallel.For(ctl, s.chunks, 0, func(chunk int) {
		lo, hi := s.rows(chunk)
		sum := s.sums[chunk*s.k*s.d:][:s.d]
		most := 0.0
		for i := lo; i < hi; i++ {
			square := 0.0
			for j, v := range s.row(i) {
				sum[j] += float64(v)
				square += float64(v) * float64(v)
			}
			most = max(most, square)
		}
		s.reach[chunk] = math.Sqrt(most)
	})
	for chunk := range s.chunks {
		simd.Axpy(1/float64(s.n), s.sums[chunk*s.k*s.d:][:s.d], s.mean)
	}
	return err
}

// pack fills panels and cn. Products are taken with c − mean, because their
// rounding is in proportion to its length; cₙ makes up for that.
func (s *solver[T]) pack() {
	farthest := 0.0
	for j := range s.cn {
		panel := s.panels[j/s.lanes*s.lanes*s.d+j%s.lanes:]
		if j >= s.k {
			s.cn[j] = T(math.Inf(1))
			continue
		}
		square, product := 0.0, 0.0
		for q, v := range s.center(j) {
			c := T(v - s.mean[q])
			panel[q*s.lanes] = c
			square += float64(c) * float64(c)
			product += float64(c) * s.mean[q]
		}
		s.cn[j] = T(square/2 + product)
		farthest = max(farthest, math.Sqrt(square))
	}
	// With u the unit of rounding, l the length of a row and m that of the
	// mean, cₙ − x·c is in error by less than u·|c|·((d+4)·l + |c| + 2m): by
	// d·u·|c|·l in the sum, by another u·|c|·l in rounding c, and by u times
	// cₙ and the difference in rounding these. Two of them differ by twice
	// that. slack is the part without l.
	mean := math.Sqrt(simd.Dot(s.mean, s.mean))
	s.slack = 2 * s.unit * farthest * (farthest + 2*mean)
	s.perLength = 2 * s.unit * farthest * float64(s.d+4)
}

func (s *solver[T]) assign(ctl *parallel.Control, sum bool) (changed bool, err error) {
	s.pack()
	if err := parallel.For(ctl, s.chunks, 0, func(chunk int) { s.assignChunk(chunk, sum) }); err != nil {
		return false, err
	}
	for _, c := range s.changed {
		changed = changed || c
	}
	return changed, nil
}

func (s *solver[T]) assignChunk(chunk int, sum bool) {
	lo, hi := s.rows(chunk)
	sums, mass := s.sums[chunk*s.k*s.d:][:s.k*s.d], s.mass[chunk*s.k:][:s.k]
	if sum {
		clear(sums)
		clear(mass)
	}
	margin := T(s.slack + s.perLength*s.reach[chunk])
	products := make([]T, simd.TileRows*s.lanes)
	changed := false
	for i := lo; i < hi; i += simd.TileRows {
		rows := min(simd.TileRows, hi-i)
		var found [simd.TileRows]nearest[T]
		for r := range rows {
			found[r] = nearest[T]{T(math.Inf(1)), T(math.Inf(1)), 0}
		}
		for first := 0; first < s.k; first += s.lanes {
			s.tile(s.d, rows, s.x[i*s.stride:], s.stride, s.panels[first*s.d:], products)
			cn := s.cn[first:min(first+s.lanes, s.k)]
			for r := range rows {
				found[r].scan(int32(first), cn, products[r*s.lanes:][:len(cn)])
			}
		}
		for r := range rows {
			label := found[r].index
			// Not ≤, so that what has overflowed is looked at again too.
			if !(found[r].second-found[r].best > margin) {
				label = s.lookAgain(i+r, found[r].best+margin, products)
			}
			if label != s.labels[i+r] {
				s.labels[i+r] = label
				changed = true
			}
			if sum {
				w := s.weightOf(i + r)
				s.axpy(w, s.row(i+r), sums[int(label)*s.d:][:s.d])
				mass[label] += w
			}
		}
	}
	s.changed[chunk] = changed
}

// nearest are the two smallest values of cₙ − x·c so far.
type nearest[T float32 | float64] struct {
	best, second T
	index        int32 // of best
}

func (a *nearest[T]) scan(first int32, cn, products []T) {
	best, second, index := a.best, a.second, a.index
	for l, c := range cn {
		v := c - products[l]
		if v < second {
			if v < best {
				best, second, index = v, best, first+int32(l)
			} else {
				second = v
			}
		}
	}
	*a = nearest[T]{best, second, index}
}

// lookAgain returns the centre nearest to row i by differences, among those
// whose value does not exceed limit. products is overwritten.
func (s *solver[T]) lookAgain(i int, limit T, products []T) int32 {
	best, index := math.Inf(1), 0
	for first := 0; first < s.k; first += s.lanes {
		s.tile(s.d, 1, s.row(i), s.d, s.panels[first*s.d:], products)
		for l, c := range s.cn[first:min(first+s.lanes, s.k)] {
			if c-products[l] > limit {
				continue
			}
			if v := squaredDistance(s.row(i), s.center(first+l)); v < best {
				best, index = v, first+l
			}
		}
	}
	return int32(index)
}

func squaredDistance[T float32 | float64](x []T, c []float64) float64 {
	sum := 0.0
	for q, v := range x {
		diff := float64(v) - c[q]
		sum += diff * diff
	}
	return sum
}
