package kmeans

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// Part is what some of the rows contribute to a step of Lloyd's algorithm.
type Part struct {
	Sums    []float64 // k×d: for each centre its rows, weighted and added up
	Mass    []float64 // k: their weights
	Count   []int64   // k: how many of them have weight
	Inertia float64
}

// AssignBlock assigns some of the rows to the nearest centres and fills p. It
// reads the rows once. labels may be nil. Other than for Fit, all weights may
// be zero.
//
// The parts of the blocks of a matrix, added up, are those of the matrix, up to
// the rounding of the sums.
func AssignBlock(ctl *parallel.Control, b Problem, centers []float64, labels []int32, p *Part) error {
	scope := arena.NewScope()
	defer scope.Release()
	b, err := b.settle(ctl, scope)
	if err != nil {
		return err
	}
	if labels == nil {
		if labels, err = arena.Make[int32](scope, b.rows()); err != nil {
			return err
		}
	}
	if err := checkBlock(b, centers, labels); err != nil {
		return err
	}
	d := b.cols()
	k := len(centers) / d
	if len(p.Sums) != len(centers) || len(p.Mass) != k || len(p.Count) != k {
		return refuse("sums", "room for %d, %d and %d numbers, with %d centres in %d dimensions", len(p.Sums), len(p.Mass), len(p.Count), k, d)
	}
	if b.wide() {
		return assignBlock(ctl, scope, b, double, centers, labels, p)
	}
	return assignBlock(ctl, scope, b, single, centers, labels, p)
}

// checkBlock is check without the demand for weight.
func checkBlock(b Problem, centers []float64, labels []int32) error {
	weights := b.SampleWeight
	b.SampleWeight = nil
	if err := check(b, centers, labels); err != nil {
		return err
	}
	if weights != nil && len(weights) != b.rows() {
		return refuse("sample_weight", "has %d elements, with %d rows", len(weights), b.rows())
	}
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return refuse("sample_weight", "element %d is %v", i, w)
		}
	}
	return nil
}

// newBlockSolver is a solver that has not surveyed the rows: centres are
// packed less their own mean, and reach is found chunk by chunk.
func newBlockSolver[T float32 | float64](scope *arena.Scope, b Problem, how kind[T], centers []float64, labels []int32) (*solver[T], error) {
	s, err := allocateSolver(scope, b, how, len(centers)/b.cols())
	if err != nil {
		return nil, err
	}
	if s.reach, err = arena.Make[float64](scope, s.chunks); err != nil {
		return nil, err
	}
	s.centers, s.labels = centers, fill(labels, -1)
	s.mean = make([]float64, s.d)
	for j := range s.k {
		simd.Axpy(1/float64(s.k), s.center(j), s.mean)
	}
	s.pack()
	return s, nil
}

func assignBlock[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, b Problem, how kind[T], centers []float64, labels []int32, p *Part) error {
	s, err := newBlockSolver(scope, b, how, centers, labels)
	if err != nil {
		return err
	}
	parts := make([]sums, s.chunks)
	for chunk := range parts {
		if parts[chunk], err = newSums(scope, s.k, s.d); err != nil {
			return err
		}
	}
	inertia := make([]float64, s.chunks)
	origin := make([]float64, s.d)
	err = parallel.For(ctl, s.chunks, threadsFor(s.n*s.width*s.k), func(chunk int) {
		s.measure(chunk, origin)
		s.assignChunk(chunk, false)
		inertia[chunk] = s.addChunk(chunk, &parts[chunk])
	})
	if err != nil {
		return err
	}
	clear(p.Sums)
	clear(p.Mass)
	clear(p.Count)
	p.Inertia = 0
	for chunk, part := range parts {
		simd.Axpy(1, part.rows, p.Sums)
		simd.Axpy(1, part.mass, p.Mass)
		for j, n := range part.count {
			p.Count[j] += int64(n)
		}
		p.Inertia += inertia[chunk]
	}
	if p.Inertia-p.Inertia != 0 {
		return s.refuseNotFinite(ctl)
	}
	return nil
}

// measure finds the reach of a chunk; origin are zeros.
func (s *solver[T]) measure(chunk int, origin []float64) {
	lo, hi := s.rows(chunk)
	if s.csr != nil {
		s.measureSparse(chunk)
		return
	}
	squares := make([]float64, hi-lo)
	s.distances(s.d, s.x[lo*s.stride:], s.stride, nil, origin, make([]int32, hi-lo), squares)
	longest := 0.0
	for _, v := range squares {
		if v > longest {
			longest = v
		}
	}
	s.reach[chunk] = math.Sqrt(longest) * (1 + 0x1p-50*float64(s.d+2))
}

// addChunk adds the rows of a chunk to the sums of their clusters, and returns
// the inertia.
func (s *solver[T]) addChunk(chunk int, to *sums) (inertia float64) {
	lo, hi := s.rows(chunk)
	var index, nowhere [batch]int32
	for r := range index {
		index[r], nowhere[r] = int32(r), -1
	}
	if s.csr != nil {
		s.addSparse(chunk, to.rows)
	}
	for i := lo; i < hi; i += batch {
		rows := min(batch, hi-i)
		labels := s.labels[i : i+rows]
		if s.csr == nil {
			s.data.move(s.d, s.x[i*s.stride:], s.stride, index[:rows], labels, nowhere[:rows], s.weights(i, i+rows), to.rows)
		}
		for r, j := range labels {
			if w := s.weightOf(i + r); w != 0 {
				to.mass[j] += w
				to.count[j]++
			}
		}
	}
	return s.addInertia(chunk, 0) // not a number where a row is not, also without weight
}

// Survey stores the mean of the rows in mean, and returns the mean of the
// variances of the columns. Weights do not count.
func Survey(ctl *parallel.Control, b Problem, mean []float64) (variance float64, err error) {
	b.SampleWeight = nil
	scope := arena.NewScope()
	defer scope.Release()
	if b, err = b.settle(ctl, scope); err != nil {
		return 0, err
	}
	if err := checkProblem(b); err != nil {
		return 0, err
	}
	if len(mean) != b.cols() {
		return 0, refuse("mean", "room for %d numbers, with %d columns", len(mean), b.cols())
	}
	if b.wide() {
		return survey(ctl, scope, b, double, mean)
	}
	return survey(ctl, scope, b, single, mean)
}

func survey[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, b Problem, how kind[T], mean []float64) (float64, error) {
	r := newData(b, how, 1)
	if err := r.survey(ctl, scope); err != nil {
		return 0, err
	}
	copy(mean, r.mean)
	return r.variance, nil
}

// Farthest stores in rows those that lie farthest from the nearest centre, the
// farthest first, and of equals the lowest; in distances the squares of how far,
// and in labels which centres these are. There are at least len(rows) rows, all
// of them finite.
func Farthest(ctl *parallel.Control, b Problem, centers []float64, rows []int, distances []float64, labels []int32) error {
	b.SampleWeight = nil
	scope := arena.NewScope()
	defer scope.Release()
	b, err := b.settle(ctl, scope)
	if err != nil {
		return err
	}
	all, err := arena.Make[int32](scope, b.rows())
	if err != nil {
		return err
	}
	if err := check(b, centers, all); err != nil {
		return err
	}
	if len(rows) > b.rows() || len(distances) != len(rows) || len(labels) != len(rows) {
		return refuse("rows", "room for %d, %d and %d numbers, with %d rows", len(rows), len(distances), len(labels), b.rows())
	}
	if b.wide() {
		return farthest(ctl, scope, b, double, centers, all, rows, distances, labels)
	}
	return farthest(ctl, scope, b, single, centers, all, rows, distances, labels)
}

func farthest[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, b Problem, how kind[T], centers []float64, all []int32, rows []int, distances []float64, labels []int32) error {
	s, err := newBlockSolver(scope, b, how, centers, all)
	if err != nil {
		return err
	}
	origin := make([]float64, s.d)
	err = parallel.For(ctl, s.chunks, threadsFor(s.n*s.width*s.k), func(chunk int) {
		s.measure(chunk, origin)
		s.assignChunk(chunk, false)
	})
	if err != nil {
		return err
	}
	list, err := s.farthest(ctl, len(rows))
	for e, f := range list {
		rows[e], distances[e], labels[e] = f.row, f.distance, s.labels[f.row]
	}
	return err
}
