package kmeans

import (
	"math"
	"sync"

	"gocluster/core/arena"
	"gocluster/core/parallel"
)

// solver holds the buffers of Lloyd's steps.
type solver[T float32 | float64] struct {
	data[T]
	k       int
	centers []float64
	labels  []int32
	stream  *stream[T] // nil: the rows are in memory
	closest []float64  // while k-means‖ chooses candidates: squared distances to the nearest

	panels, cn       []T       // c − mean, lanes centres a panel; cₙ, +Inf in lanes without one
	across, squares  []float64 // for sparse rows: centres, [d][wide]; their squared lengths
	wide             int
	slack, perLength float64    // see pack
	moves            []move     // by chunk
	lists            *sync.Pool // of *pending
	total            sums
	next             []float64 // the new centres
	moved            []float64 // how far each one moved

	way    way
	rules  rules
	share  float64    // rules.begin, or less where bounds have failed
	filter *filter[T] // nil: none
	bounds *bounds    // nil: none yet
	spare  *sync.Pool // of *filterWork[T]
}

func newSolver[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, p Problem, how kind[T], k int) (*solver[T], error) {
	s, err := allocateSolver(scope, p, how, k)
	if err != nil {
		return nil, err
	}
	if err := s.survey(ctl, scope); err != nil {
		return nil, err
	}
	if s.csr != nil {
		return s, nil
	}
	return s, s.follow(scope, rulesFor(s.n, s.d, k))
}

func allocateSolver[T float32 | float64](scope *arena.Scope, p Problem, how kind[T], k int) (*solver[T], error) {
	s := &solver[T]{data: newData(p, how, k), k: k}
	if err := s.makePanels(scope); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *solver[T]) makePanels(scope *arena.Scope) (err error) {
	if s.csr != nil {
		return s.makeSparsePanels(scope)
	}
	lanes := (s.k-1)/s.lanes*s.lanes + s.lanes
	if s.panels, err = arena.MakeZero[T](scope, lanes*s.d); err == nil {
		s.cn, err = arena.Make[T](scope, lanes)
	}
	return err
}

// pass calls body for the rows of every chunk, which are in p: all at once, or a
// piece of the chunk after the other. Chunks are worked on side by side.
func (s *solver[T]) pass(ctl *parallel.Control, work int, body func(p *solver[T], chunk int)) error {
	if s.stream != nil {
		return s.stream.pass(ctl, s, body)
	}
	return parallel.For(ctl, s.chunks, threadsFor(work), func(chunk int) { body(s, chunk) })
}

// prepareSums makes what update needs and Assign does not.
func (s *solver[T]) prepareSums(scope *arena.Scope) (err error) {
	if s.total, err = newSums(scope, s.k, s.d); err != nil {
		return err
	}
	s.lists = &sync.Pool{New: func() any { return new(pending) }}
	s.moves = make([]move, s.chunks)
	for chunk := range s.moves {
		if s.moves[chunk].sums, err = newSums(scope, s.k, s.d); err != nil {
			return err
		}
		s.moves[chunk].touched = make([]bool, s.k)
	}
	s.moved = make([]float64, s.k)
	s.next, err = arena.Make[float64](scope, s.k*s.d)
	return err
}

// fit is Fit for one type of element.
func fit[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, p Problem, how kind[T], prm Params, from Start, centers []float64, labels []int32) (Result, error) {
	k := len(centers) / p.cols()
	s, err := newSolver(ctl, scope, p, how, k)
	if err != nil {
		return Result{}, err
	}
	if prm.rules != nil {
		if err := s.follow(scope, *prm.rules); err != nil {
			return Result{}, err
		}
	}
	if err := s.prepareSums(scope); err != nil {
		return Result{}, err
	}
	s.centers, s.labels = centers, labels
	if prm.NInit > 1 {
		// Of these and the caller's, one pair is of the best run so far.
		if s.centers, err = arena.Make[float64](scope, len(centers)); err != nil {
			return Result{}, err
		}
		if s.labels, err = arena.Make[int32](scope, len(labels)); err != nil {
			return Result{}, err
		}
	}
	most := int64(min(prm.MaxIter, math.MaxInt32)) // that progress tells of
	var best Result
	bestCenters, bestLabels := centers, labels
	for run := range prm.NInit {
		if err := s.begin(ctl, run, prm.NInit, from); err != nil {
			return Result{}, err
		}
		share := len(prm.Trace) / prm.NInit
		r, err := s.lloyd(ctl, prm.MaxIter, prm.Tol, int64(run)*most, int64(prm.NInit)*most, prm.Trace[run*share:][:share])
		if err != nil {
			return Result{}, err
		}
		// As in scikit-learn: what is better by rounding alone is not better.
		if run == 0 || r.Inertia < best.Inertia && !sameClusters(s.labels, bestLabels, k) {
			best = r
			bestCenters, s.centers = s.centers, bestCenters
			bestLabels, s.labels = s.labels, bestLabels
		}
	}
	copy(centers, bestCenters)
	copy(labels, bestLabels)
	present := make([]bool, k)
	for _, label := range labels {
		present[label] = true
	}
	for _, p := range present {
		if p {
			best.Distinct++
		}
	}
	return best, nil
}

// begin puts the centres of a run where they start.
func (s *solver[T]) begin(ctl *parallel.Control, run, runs int, from Start) error {
	if from.Centers != nil {
		copy(s.centers, from.Centers[run*len(s.centers):])
		return nil
	}
	each := len(from.Draws) / runs
	if from.Random {
		return s.random(keyOf(from.Draws[run]))
	}
	if from.Scalable != nil {
		return s.scalable(ctl, *from.Scalable, from.Draws[run*each:][:each])
	}
	indices := make([]int, s.k)
	if err := s.plusPlus(ctl, from.Draws[run*each:][:each], indices); err != nil {
		return err
	}
	for j, i := range indices {
		if err := s.fetch(i, s.centers[j*s.d:][:s.d]); err != nil {
			return err
		}
	}
	return nil
}

// lloyd improves centers until the labels stay the same, the centres hardly
// move, or maxIter is reached. It reports done iterations more than it made, of
// total; nothing if that is zero.
func (s *solver[T]) lloyd(ctl *parallel.Control, maxIter int, tol float64, done, total int64, trace []Step) (Result, error) {
	scope := arena.NewScope()
	defer scope.Release()
	s.forget()
	s.restart()
	var r Result
	settled := false // the labels are those of the centres
	for r.Iterations < maxIter && !r.Converged {
		t, err := s.assign(ctl, true)
		if err != nil {
			return Result{}, err
		}
		var step Step
		if r.Iterations < len(trace) {
			if step.Inertia, err = s.inertia(ctl); err != nil {
				return Result{}, err
			}
		}
		if step.Moved, err = s.update(ctl); err != nil {
			return Result{}, err
		}
		if err := s.choose(scope, t); err != nil {
			return Result{}, err
		}
		settled = t.changed == 0
		r.Converged = settled || step.Moved <= tol*s.variance
		if r.Iterations < len(trace) {
			step.End = ending(settled, r.Converged, r.Iterations+1 == maxIter)
			trace[r.Iterations] = step
		}
		r.Iterations++
		switch {
		case s.stream != nil:
			s.stream.moved = step.Moved // what is reported are rows
		case total > 0:
			ctl.Report(done+int64(r.Iterations), total, step.Moved)
		}
	}
	if !settled {
		if _, err := s.assign(ctl, false); err != nil {
			return Result{}, err
		}
	}
	var err error
	r.Inertia, err = s.inertia(ctl)
	return r, err
}

func ending(settled, converged, last bool) float64 {
	switch {
	case settled:
		return SameLabels
	case converged:
		return WithinTol
	case last:
		return LimitOfIter
	}
	return GoesOn
}

// sameClusters reports whether rows with one label in a have one label in b.
func sameClusters(a, b []int32, k int) bool {
	to := fill(make([]int32, k), -1)
	for i, label := range a {
		if to[label] < 0 {
			to[label] = b[i]
		} else if to[label] != b[i] {
			return false
		}
	}
	return true
}

// assign is Assign for one type of element.
func assign[T float32 | float64](ctl *parallel.Control, scope *arena.Scope, p Problem, how kind[T], centers []float64, labels []int32) (float64, error) {
	s, err := newSolver(ctl, scope, p, how, len(centers)/p.cols())
	if err != nil {
		return 0, err
	}
	s.centers, s.labels = centers, fill(labels, -1)
	if _, err := s.assign(ctl, false); err != nil {
		return 0, err
	}
	return s.inertia(ctl)
}
