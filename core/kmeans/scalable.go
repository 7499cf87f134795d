package kmeans

import (
	"math"
	"slices"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/parallel"
)

// This file is k-means‖ (Bahmani, Moseley, Vattani, Kumar, Vassilvitskii 2012,
// Scalable k-means++, algorithm 2). Rounds choose candidates: each row, on its own,
// with a probability in proportion to its squared distance from the candidates so
// far. Each candidate then weighs what the rows nearest to it weigh, and k-means of
// the weighted candidates gives the centres.
//
// Its parts work on blocks of rows, so that rows in memory, in files and on other
// machines go through the same code: Attract, then Pick for each round; after
// the last one Attract and Attracted; at the end Recluster. Of a row they keep the
// squared distance to the nearest candidate, and which one that is. A draw depends on a
// key, the round and the number of the row among all rows, and not on the blocks.

// Scalable says how k-means‖ chooses candidates.
type Scalable struct {
	Factor float64 // candidates that a round is expected to choose, by clusters; positive
	Rounds int     // 0: what Rounds says
}

func (how *Scalable) check(draws []float64, runs, k int) error {
	switch {
	case !(how.Factor > 0) || math.IsInf(how.Factor, 1):
		return refuse("oversampling_factor", "must be positive, not %v", how.Factor)
	case how.Rounds < 0:
		return refuse("init_max_iter", "must not be negative, not %d", how.Rounds)
	case len(draws) == 0 || len(draws)%runs != 0:
		return refuse("draws", "%d numbers are not as many for each of %d runs", len(draws), runs)
	}
	each := len(draws) / runs
	for run := range runs {
		key, others := draws[run*each:][:1], draws[run*each+1:][:each-1]
		if err := checkDraws(key, 1, 1); err != nil {
			return err
		}
		if err := checkDraws(others, 1, k); err != nil {
			return err
		}
	}
	return nil
}

// Rounds is the number of rounds for a cost, that of the first candidate alone, where
// none is given: its logarithm, as in the paper's bound and in dask-ml, but at least two, because
// the logarithm depends on the unit of the data, and at most five, since more gained nothing in the
// paper's measurements and each costs a pass over the rows.
func Rounds(cost float64) int {
	return int(min(max(math.Round(math.Log(cost)), 2), 5))
}

// draw is a number in [0, 1) that belongs to a row in a round: the output of
// SplitMix64 (Steele, Lea, Flood 2014) at position row, from a state that key and round choose.
func draw(key uint64, round, row int) float64 {
	const step = 0x9e3779b97f4a7c15
	state := mix(key + step*uint64(round+1))
	return float64(mix(state+step*uint64(row+1))>>11) * 0x1p-53
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// keyOf makes a key of a number in [0, 1).
func keyOf(u float64) uint64 { return uint64(u * 0x1p53) }

// First is the row that is the first candidate, drawn in proportion to the weights; no weight
// stands for ones.
func First(key uint64, rows int, weight []float64) int { return first(draw(key, 0, 0), rows, weight) }

// Attract takes the rows of p to have met fresh candidates, row-major, of which the
// first is number base among all. closest and nearest hold what is known of each
// row; for base 0 they hold nothing yet. It returns the weighted sum of closest. Other
// than for Fit, all weights may be zero.
func Attract(ctl *parallel.Control, p Problem, fresh []float64, base int, closest []float64, nearest []int32) (cost float64, err error) {
	scope := arena.NewScope()
	defer scope.Release()
	if p, err = p.settle(ctl, scope); err != nil {
		return 0, err
	}
	if err := checkBlock(p, fresh, nearest); err != nil {
		return 0, err
	}
	switch {
	case base < 0 || base > math.MaxInt32-len(fresh)/p.cols():
		return 0, refuse("base", "is %d", base)
	case len(closest) != p.rows():
		return 0, refuse("closest", "room for %d, with %d rows", len(closest), p.rows())
	}
	if p.wide() {
		return attractBlock(ctl, p, double, fresh, base, closest, nearest)
	}
	return attractBlock(ctl, p, single, fresh, base, closest, nearest)
}

func attractBlock[T float32 | float64](ctl *parallel.Control, p Problem, how kind[T], fresh []float64, base int, closest []float64, nearest []int32) (float64, error) {
	s := &solver[T]{data: newData(p, how, len(fresh)/p.cols())}
	s.closest, s.labels = closest, nearest
	cost, err := s.attract(ctl, fresh, base)
	if err == nil && cost-cost != 0 {
		err = s.refuseNotFinite(ctl)
	}
	return cost, err
}

// Pick returns which rows of a block become candidates in a round, counted from
// 1: each with probability share·weight·closest, at most 1. share is the number of
// candidates that are expected over the cost of all rows; first is the number of the first row of
// the block among all; no weight stands for ones.
func Pick(key uint64, round, first int, closest, weight []float64, share float64) (picked []int) {
	for i, v := range closest {
		if weight != nil {
			v *= weight[i]
		}
		if draw(key, round, first+i) < share*v {
			picked = append(picked, i)
		}
	}
	return picked
}

// Attracted adds to each candidate's sum the weights of the rows of a block that it is
// nearest to; no weight stands for ones.
func Attracted(nearest []int32, weight, sums []float64) {
	for i, c := range nearest {
		if weight == nil {
			sums[c]++
		} else {
			sums[c] += weight[i]
		}
	}
}

// Recluster stores in centers what k-means makes of weighted candidates. draws are for greedy
// k-means++, as in Start. If there are no more candidates than centres they are
// the centres, again from the first one where they are too few.
func Recluster(ctl *parallel.Control, candidates dense.Matrix, weight, draws, centers []float64) error {
	p := Problem{X: candidates, SampleWeight: weight}
	if err := checkProblem(p); err != nil {
		return err
	}
	if len(centers) == 0 || len(centers)%candidates.Cols != 0 {
		return refuse("centers", "%d elements are not a number of centres in %d dimensions", len(centers), candidates.Cols)
	}
	if err := checkDraws(draws, 1, len(centers)/candidates.Cols); err != nil {
		return err
	}
	if candidates.F64 != nil {
		return recluster(ctl, p, double, draws, centers)
	}
	return recluster(ctl, p, single, draws, centers)
}

func recluster[T float32 | float64](ctl *parallel.Control, p Problem, how kind[T], draws, centers []float64) error {
	d := p.X.Cols
	k := len(centers) / d
	if p.X.Rows <= k {
		for j := range k {
			p.X.Row(j%p.X.Rows, centers[j*d:])
		}
		return nil
	}
	scope := arena.NewScope()
	defer scope.Release()
	s, err := newSolver(ctl, scope, p, how, k)
	if err != nil {
		return err
	}
	if err := s.prepareSums(scope); err != nil {
		return err
	}
	if s.labels, err = arena.Make[int32](scope, p.X.Rows); err != nil {
		return err
	}
	s.centers = centers
	if err := s.begin(ctl, 0, 1, Start{Draws: draws}); err != nil {
		return err
	}
	// These iterations cost next to nothing beside those of all rows, which they make
	// fewer.
	const iterations = 30
	_, err = s.lloyd(ctl, iterations, 1e-4, 0, 0, nil)
	return err
}

// scalable is k-means‖ for the rows of s. The first draw is for the key, the others are
// for Recluster. Labels are overwritten.
func (s *solver[T]) scalable(ctl *parallel.Control, how Scalable, draws []float64) error {
	scope := arena.NewScope()
	defer scope.Release()
	defer s.dropClosest()
	if err := s.makeClosest(scope); err != nil {
		return err
	}
	key := keyOf(draws[0])
	picked := []int{First(key, s.n, s.weight)}
	c := &candidates[T]{d: s.d}
	for round, more := 0, true; more; round++ {
		fresh, err := c.add(scope, len(picked))
		if err != nil {
			return err
		}
		for j, i := range picked {
			if err := s.fetch(i, fresh[j*s.d:][:s.d]); err != nil {
				return err
			}
		}
		if len(picked) > 0 {
			if c.cost, err = s.attract(ctl, fresh, c.count-len(picked)); err != nil {
				return err
			}
		}
		expected := 0.0
		if expected, more = c.plan(how, s.k, round); more {
			if picked, err = s.pick(ctl, key, round+1, expected/c.cost); err != nil {
				return err
			}
		}
	}
	sums := make([]float64, c.count)
	if err := s.attracted(ctl, sums); err != nil {
		return err
	}
	return c.recluster(ctl, scope, sums, draws[1:], s.centers)
}

// makeClosest makes room for the distances of the rows.
func (s *solver[T]) makeClosest(scope *arena.Scope) (err error) {
	if s.stream != nil {
		return s.stream.makeClosest(scope)
	}
	s.closest, err = arena.Make[float64](scope, s.n)
	return err
}

func (s *solver[T]) dropClosest() {
	s.closest = nil
	if s.stream != nil {
		s.stream.dropClosest()
	}
}

// fetch stores a row in to.
func (s *solver[T]) fetch(i int, to []float64) error {
	if s.stream != nil {
		return s.stream.fetch(i, to)
	}
	clear(to)
	s.add(1, i, to)
	return nil
}

// pick is Pick for all rows.
func (s *solver[T]) pick(ctl *parallel.Control, key uint64, round int, share float64) ([]int, error) {
	if s.stream != nil {
		return s.stream.pick(ctl, key, round, share)
	}
	lists := make([][]int, s.chunks)
	err := parallel.For(ctl, s.chunks, threadsFor(s.n*64), func(chunk int) {
		lo, hi := s.rows(chunk)
		lists[chunk] = Pick(key, round, lo, s.closest[lo:hi], s.weights(lo, hi), share)
		for j := range lists[chunk] {
			lists[chunk][j] += lo
		}
	})
	return slices.Concat(lists...), err
}

// attracted is Attracted for all rows.
func (s *solver[T]) attracted(ctl *parallel.Control, sums []float64) error {
	if s.stream != nil {
		return s.stream.attracted(ctl, sums)
	}
	Attracted(s.labels, s.weight, sums)
	return nil
}

// candidates are what the rounds have chosen so far.
type candidates[T float32 | float64] struct {
	d, count int
	rounds   [][]float64 // row-major
	cost     float64     // with these
	limit    int         // rounds to make
}

// add makes room for more of them.
func (c *candidates[T]) add(scope *arena.Scope, count int) (fresh []float64, err error) {
	if fresh, err = arena.Make[float64](scope, count*c.d); err == nil {
		c.rounds, c.count = append(c.rounds, fresh), c.count+count
	}
	return fresh, err
}

// plan follows a round, the zeroth being that of the first candidate, and tells how many candidates to expect of the next one, if there is to be one. Rounds go on
// until there are as many candidates as clusters, or as different rows. (A cost that overflows draws
// nothing.)
func (c *candidates[T]) plan(how Scalable, k, round int) (expected float64, more bool) {
	if round == 0 {
		if c.limit = how.Rounds; c.limit == 0 {
			c.limit = Rounds(c.cost)
		}
	}
	expected = how.Factor * float64(k)
	if round >= c.limit {
		expected = max(expected, float64(k))
	}
	return expected, c.cost > 0 && c.cost <= math.MaxFloat64 && (round < c.limit || c.count < k)
}

// recluster is Recluster for these.
func (c *candidates[T]) recluster(ctl *parallel.Control, scope *arena.Scope, weight, draws, centers []float64) error {
	all, err := arena.Make[T](scope, c.count*c.d)
	if err != nil {
		return err
	}
	at := 0
	for _, rows := range c.rounds {
		for _, v := range rows {
			all[at] = T(v)
			at++
		}
	}
	return Recluster(ctl, matrixOf(all, c.count, c.d), weight, draws, centers)
}

func matrixOf[T float32 | float64](x []T, rows, cols int) dense.Matrix {
	m := dense.Matrix{Rows: rows, Cols: cols, RowStride: cols, ColStride: 1}
	switch x := any(x).(type) {
	case []float32:
		m.F32 = x
	case []float64:
		m.F64 = x
	}
	return m
}
