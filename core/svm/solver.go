package svm

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// dual is the problem of doc.go: minimise ½βᵀKβ + pᵀβ over the box [lo, hi] with
// Σβ fixed. Point i is row rows[i] of the pack.
type dual struct {
	pack   *kernel.Pack
	rows   []int32
	p      []float64
	lo, hi []float64
}

// solver is the outer level: all points of a dual problem.
type solver struct {
	dual
	ctl        *parallel.Control
	scope      *arena.Scope
	tol        float64
	limit      int64 // of pair updates
	spareBytes int64 // of the cache beside the columns
	updates    int64

	beta, f  []float64 // f = Kβ + p
	state    []uint8
	chooser  *chooser
	active   *active
	points   []int32 // the active set
	mix      mix
	first    int // size of the first active set, all random
	member   []uint8
	warm     bool     // not started at β = 0
	refined  int      // times the gradient was computed again in float64
	interior bool     // the interior-point method has been tried
	precise  bool     // all of F has been computed in float64 since β changed
	settled  progress // of the gaps found so
	exact    *exactRows
	far      far
	carried  float64 // the error of the F that was started from

	others  []int32 // points outside the active set
	rest    []int32 // rows of points to be updated
	changed []int32 // rows of the points that changed
	delta   []float64
	sums    []float64
	cols    *kernel.Cols
}

// result is what a solver reached.
type result struct {
	updates        int64
	gap, objective float64
	intercept      float64
	converged      bool
}

// Sizes and shares of the working sets; measured, see benchmarks.
func workingSets(d int) (outer, inner mix, first int) {
	if d <= 10 {
		return mix{size: 4096, keep: 0.5, random: 0.2, gap: 0.1}, mix{size: 384, keep: 0.5, random: 0.6, gap: 0.1}, 2048
	}
	return mix{size: 8192, keep: 0.5, random: 0.2, gap: 0.2}, mix{size: 640, keep: 0.3, random: 0.5, gap: 0.1}, 4096
}

// wholeBlock is the number of points up to which kernel values that are read, one here and
// one there, are gathered once in one block.
const wholeBlock = 1024

func newSolver(ctl *parallel.Control, s *arena.Scope, pack *kernel.Pack, rows []int32, prm Params, classes *classPair) (*solver, error) {
	limit := prm.MaxIter
	if limit < 0 {
		limit = math.MaxInt64
	}
	v := &solver{ctl: ctl, scope: s, dual: dual{pack: pack, rows: rows}, tol: prm.Tol, limit: limit}
	cacheBytes := int64(min(prm.CacheSize, 1<<40) * (1 << 20))
	if err := v.make(cacheBytes, classes, nil); err != nil {
		return v, err
	}
	v.spareBytes = cacheBytes - v.active.columns.bytes()
	return v, nil
}

// make makes room for what the solver works on.
func (v *solver) make(cacheBytes int64, classes *classPair, origin *active) error {
	n, s := len(v.rows), v.scope
	outer, inner, first := workingSets(v.pack.Cols)
	if v.pack.HasTable() && n <= wholeBlock {
		inner.size = n
	}
	outer.size, inner.size = min(outer.size, n), min(inner.size, n)
	v.mix, v.first = outer, first
	f64, err := arena.MakeZero[float64](s, 2*n)
	if err != nil {
		return err
	}
	v.beta, v.f = f64[:n], f64[n:]
	bytes, err := arena.MakeZero[uint8](s, 2*n)
	if err != nil {
		return err
	}
	v.state, v.member = bytes[:n], bytes[n:]
	if v.chooser, err = newChooser(s, n); err != nil {
		return err
	}
	if v.active, err = newActive(s, v.pack, n, outer.size, inner, cacheBytes, classes, origin); err != nil {
		return err
	}
	v.mix.all = v.active.all
	if n > outer.size {
		if v.far, err = newFar(s, n); err != nil {
			return err
		}
	}
	return nil
}

// mark derives the state of point i from β_i.
func (s *solver) mark(i int) {
	var state uint8
	if s.beta[i] < s.hi[i] {
		state |= simd.Up
	}
	if s.beta[i] > s.lo[i] {
		state |= simd.Low
	}
	s.state[i] = state
}

// goOn is false once the caller cancels or the limit of updates is reached.
func (s *solver) goOn() bool { return !s.ctl.Cancelled() && s.updates < s.limit }

func (s *solver) report(gap float64) { s.ctl.Report(s.updates, 0, gap) }

const (
	// What ends the attempt in float32: so many refinements, rounds, or rounds
	// without any update in a row that make no progress.
	patienceRefined = 2
	patienceRounds  = 30
	patienceNoisy   = 6 // rounds, where noise exceeds tol by the factor noisy
	noisy           = 10
	patienceStalled = 2
	// What ends the work on an active set: so many blocks likewise.
	patienceBlocks = 30
)

// progress watches a gap fall. Rounding may keep it from doing so for ever.
type progress struct {
	best float64
	vain int
}

// stuck reports whether the gap has not fallen by a tenth in the last patience
// calls.
func (p *progress) stuck(gap float64, patience int) bool {
	if p.vain++; p.best == 0 || gap < 0.9*p.best {
		p.best, p.vain = gap, 0
	}
	return p.vain >= patience
}

// run solves the problem.
func (s *solver) run() (result, error) {
	if s.wantsSmall() {
		if err := s.solveSmall(); err != nil || s.chooser.measure(s.f, s.state) <= s.tol || !s.goOn() {
			return s.end(err)
		}
	}
	if s.wantsInterior() {
		if s.warm {
			if r, err := s.attempt(); err != nil || r.converged {
				return r, err
			}
		}
		solve := s.solveLowRank
		if s.pack.Kind == kernel.Linear {
			solve = s.solveLinear
		}
		if err := solve(); err != nil {
			return result{}, err
		}
		s.refined, s.interior = 1, true
		if gap := s.chooser.measure(s.f, s.state); gap > s.tol && gap < s.noise() {
			return s.finishExactly()
		}
	}
	return s.decompose()
}

// warmUpdates is the number of pair updates a point that a start is worth where the
// interior-point method takes about as long for any problem.
const warmUpdates = 10

// attempt goes on from a start by pair updates, unless they become too many.
func (s *solver) attempt() (result, error) {
	s.limit = s.updates + warmUpdates*int64(len(s.f))
	r, err := s.decompose()
	s.limit, s.refined, s.settled = math.MaxInt64, 0, progress{}
	return r, err
}

// decompose solves by pair updates on working sets.
func (s *solver) decompose() (result, error) {
	rounds, stalled := 0, 0
	var fall progress
	for s.goOn() {
		gap := s.chooser.measure(s.f, s.state)
		if len(s.far.away) > 0 && (!(gap > 0.9*s.tol) || gap < farRecall*s.far.gap) {
			if err := s.recall(); err != nil {
				return result{}, err
			}
			gap = s.chooser.measure(s.f, s.state)
		}
		if !(gap > 0.9*s.tol) || s.refined > 0 && gap <= s.tol {
			done, err := s.settle(gap)
			if err != nil || done {
				return s.end(err)
			}
			gap = s.chooser.measure(s.f, s.state)
		}
		if s.settled.vain >= patienceRefined || stalled > patienceStalled || rounds > 1 && fall.stuck(gap, s.patience()) {
			if err := s.recall(); err != nil {
				return result{}, err
			}
			return s.finishExactly()
		}
		if rounds > 0 && len(s.far.away) == 0 {
			s.dismiss(gap)
		}
		before := s.updates
		if err := s.round(gap, rounds == 0); err != nil {
			return result{}, err
		}
		rounds++
		stalled++
		if s.updates > before {
			stalled = 0
		}
	}
	return s.end(s.recall())
}

// end reads off the result unless there is an error or the fit was cancelled.
func (s *solver) end(err error) (result, error) {
	if err == nil {
		err = s.ctl.Err()
	}
	if err != nil {
		return result{}, err
	}
	return s.result(), nil
}

// patience is the number of rounds without progress to wait for.
func (s *solver) patience() int {
	if s.noise() > noisy*s.tol {
		return patienceNoisy
	}
	return patienceRounds
}

// settle decides whether the solution stands: at once where the noise of the
// gradient cannot matter, else after computing the gradient near the threshold
// again in float64.
func (s *solver) settle(gap float64) (bool, error) {
	noise := s.noise()
	if s.precise && gap <= s.tol || s.refined == 0 && gap+2*noise < 0.95*s.tol {
		return true, nil
	}
	s.refined++
	band := max(50*s.tol, 10*noise)
	if s.refined > 1 {
		band = max(20*s.tol, 10*noise)
	}
	if err := s.refine(band); err != nil {
		return false, err
	}
	gap = s.chooser.measure(s.f, s.state)
	s.settled.stuck(gap, patienceRefined)
	return gap <= s.tol, nil
}

// noise estimates the error of the gradient.
func (s *solver) noise() float64 {
	squares, sum := 0.0, 0.0
	for i, b := range s.beta {
		if b != 0 {
			v := math.Abs(b) * s.pack.Magnitude(int(s.rows[i]))
			squares += v * v
			sum += v
		}
	}
	noise := s.pack.Noise()
	return math.Hypot(noise.Random*math.Sqrt(squares), s.carried) + noise.Common*sum
}

// round solves one active set and brings the gradient of all others up to date.
func (s *solver) round(gap float64, first bool) error {
	m, eps := s.mix, max(s.mix.gap*gap, 0.5*s.tol)
	if first && !s.warm && len(s.f) > m.size {
		m.size, m.random = min(s.first, m.size), 1
		eps = max(0.3*gap, 0.5*s.tol)
	}
	s.precise = false
	s.points = s.chooser.choose(s.f, s.state, m, s.points)
	switch {
	case s.refined > 0:
		eps = 0.4 * s.tol
	case len(s.f) <= m.size, gap < 0.5 && len(s.points) < m.size:
		// No point outside the set violates, and few are going to: it is worth solving to
		// the end. With others outside, the gap that they leave is there anyway.
		eps = 0.5 * s.tol
	}
	s.active.load(s, s.points)
	s.active.solve(s, eps)
	s.changed, s.delta = s.changed[:0], s.delta[:0]
	for k, i := range s.points {
		s.f[i] = s.active.f[k]
		if d := s.beta[i] - s.active.before[k]; d != 0 {
			s.changed = append(s.changed, s.rows[i])
			s.delta = append(s.delta, d)
		}
	}
	return s.updateOthers()
}

// updateOthers adds K·Δ to the gradient of the points outside the active set.
func (s *solver) updateOthers() error {
	if len(s.changed) == 0 || len(s.points) == len(s.f) {
		return s.ctl.Err()
	}
	for _, i := range s.points {
		s.member[i] = 1
	}
	for _, i := range s.far.away {
		s.member[i] = 1
	}
	s.others = s.others[:0]
	for i, m := range s.member {
		if m == 0 {
			s.others = append(s.others, int32(i))
		}
	}
	clear(s.member)
	return s.addSums(s.others)
}

// addSums adds K·Δ of the changed points to the gradient of the given ones.
func (s *solver) addSums(points []int32) (err error) {
	if s.cols == nil {
		if s.cols, err = s.pack.NewCols(s.scope, s.mix.size); err != nil {
			return err
		}
		if s.sums, err = arena.Make[float64](s.scope, len(s.f)); err != nil {
			return err
		}
	}
	s.rest = s.rest[:0]
	for _, i := range points {
		s.rest = append(s.rest, s.rows[i])
	}
	sums := s.sums[:len(points)]
	for first := 0; first < len(s.changed); first += s.mix.size {
		last := min(len(s.changed), first+s.mix.size)
		s.cols.Gather(s.changed[first:last])
		if err := kernel.Sums(s.ctl, s.rest, s.cols, s.delta[first:last], sums); err != nil {
			return err
		}
		for k, i := range points {
			s.f[i] += sums[k]
		}
	}
	return nil
}

// balance gives what rounding has left of Σβ to the free point with most room.
func (s *solver) balance() {
	sum, lost, best, room := 0.0, 0.0, -1, 0.0
	for i, b := range s.beta {
		t := sum + b // Neumaier's sum
		if math.Abs(sum) >= math.Abs(b) {
			lost += (sum - t) + b
		} else {
			lost += (b - t) + sum
		}
		sum = t
		if r := min(s.hi[i]-b, b-s.lo[i]); r > room {
			best, room = i, r
		}
	}
	if sum += lost; best >= 0 && math.Abs(sum) < room {
		s.beta[best] -= sum
	}
}

// refine computes F in float64 for the points within band of the threshold.
func (s *solver) refine(band float64) error {
	s.balance()
	t := s.chooser.threshold()
	var near []int32
	for i, f := range s.f {
		if math.Abs(f-t) <= band {
			near = append(near, int32(i))
		}
	}
	return s.refinePoints(near)
}

// refinePoints computes F of the given points in float64.
func (s *solver) refinePoints(points []int32) error {
	rows, count := make([]int32, 0, len(points)), 0
	for _, i := range points {
		rows = append(rows, s.rows[i])
	}
	for _, b := range s.beta {
		if b != 0 {
			count++
		}
	}
	support, weight := make([]int32, 0, count), make([]float64, 0, count)
	for i, b := range s.beta {
		if b != 0 {
			support = append(support, s.rows[i])
			weight = append(weight, b)
		}
	}
	sums := make([]float64, len(points))
	if err := s.pack.Exact(s.ctl, rows, support, weight, sums); err != nil {
		return err
	}
	if len(points) == len(s.f) {
		s.carried, s.precise = 0, true
	}
	for k, i := range points {
		s.f[i] = sums[k] + s.p[i]
	}
	return nil
}

// result reads the solution off. The intercept is libsvm's: the mean of −F over
// free points, else the middle of the feasible interval.
func (s *solver) result() result {
	gap := s.chooser.measure(s.f, s.state)
	s.report(gap)
	r := result{updates: s.updates, gap: gap, converged: gap <= s.tol}
	r.objective = s.objective()
	sum, count := 0.0, 0
	for i := range s.beta {
		if s.state[i] == free {
			sum += s.f[i]
			count++
		}
	}
	r.intercept = 0 - s.chooser.threshold() // no −0
	if count > 0 {
		r.intercept = -sum / float64(count)
	}
	return r
}

// objective is ½βᵀKβ + pᵀβ.
func (s *solver) objective() float64 {
	sum := 0.0
	for i, b := range s.beta {
		if b != 0 {
			sum += b * (s.f[i] + s.p[i]) / 2
		}
	}
	return sum
}

// forRows shares padded rows among threads in chunks of 512, each worth work
// reads of a kernel value per row.
func (s *solver) forRows(padded, work int, body func(first, last int)) {
	const step = 512
	_ = parallel.Share(s.ctl, (padded+step-1)/step, 5*padded*work, func(chunk int) {
		body(chunk*step, min(padded, (chunk+1)*step))
	})
}
