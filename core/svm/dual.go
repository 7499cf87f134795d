package svm

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// Solver solves duals (see the package's comment) over the same points one after
// the other: problems that differ in their linear terms, boxes and starts, such as
// those of folds, of values of C, of classes' weights. It keeps kernel values from one
// to the next where it has room. One goroutine uses it at a time; any number of
// solvers may share a pack.
type Solver struct {
	solver   *solver
	solution Solution
}

// Dual is a problem over the points of a solver: its linear term and box. A point
// with the box [0, 0] takes no part, but its F is kept, and with it the decision value
// of a row that is left out of a classifier's training. Σβ is 0.
type Dual struct {
	P, Lo, Hi []float64 // Lo ≤ 0 ≤ Hi
}

// Start is a β to start from, of a problem with the same linear term.
type Start struct {
	Beta []float64 // is put into the box first, and Σβ to 0 if that changes it
	F    []float64 // Kβ + p; nil: is computed
	// Noise estimates the error that F brings along, beyond what computing it at once
	// would have; see Solver.Noise.
	Noise float64
}

// Solution is what a solver reached.
type Solution struct {
	Beta, F   []float64 // of all points; F = Kβ + p, most accurate near the threshold
	Updates   int64     // pair updates made, or iterations that replace them
	Gap       float64
	Objective float64 // ½βᵀKβ + pᵀβ
	Intercept float64 // the middle of the F of points inside the box, negated
	Converged bool    // Gap ≤ tol
}

// NewSolver makes a solver for the given rows of a pack, which lives as long as the
// scope. Of prm it uses Tol, CacheSize and MaxIter.
func NewSolver(ctl *parallel.Control, s *arena.Scope, pack *kernel.Pack, rows []int32, prm Params) (*Solver, error) {
	v, err := newSolver(ctl, s, pack, rows, prm, nil)
	return &Solver{solver: v}, err
}

// Solve solves a problem from a start, or from β = 0 if that is nil. The start
// shortens the way; the solution is another one only within the tolerance. Beta and F
// of the solution stand until the next call.
func (s *Solver) Solve(d Dual, start *Start) (Solution, error) {
	v := s.solver
	if err := v.begin(d, start); err != nil {
		return Solution{}, err
	}
	r, err := v.run()
	s.solution = Solution{v.beta, v.f, r.updates, r.gap, r.objective, r.intercept, r.converged}
	return s.solution, err
}

// Decision sets out[k] to the decision value (Kβ)_i + Intercept of point i = points[k],
// in training or not, by the last solution. It is as accurate as that.
func (s *Solver) Decision(points []int32, out []float64) error {
	v := s.solver
	if v.noise() > v.tol {
		if err := v.refinePoints(points); err != nil {
			return err
		}
	}
	for k, i := range points {
		out[k] = v.f[i] - v.p[i] + s.solution.Intercept
	}
	return v.ctl.Err()
}

// Noise estimates the error of the last solution's F.
func (s *Solver) Noise() float64 { return s.solver.noise() }

// fork makes a solver for the same points that reads what s keeps of the kernel matrix
// and shares its room for more. While forks are at work s is not used.
func (s *Solver) fork(scope *arena.Scope) (*Solver, error) {
	v := s.solver
	f := &solver{ctl: v.ctl, scope: scope, dual: v.dual, tol: v.tol, limit: v.limit, spareBytes: v.spareBytes / plattFolds}
	classes := v.active.classes
	if classes != nil {
		var err error
		if classes, err = newClassPair(scope, classes.class[0], classes.class[1]); err != nil {
			return nil, err
		}
	}
	return &Solver{solver: f}, f.make(0, classes, v.active)
}

// part prepares a fork of s for one of several tasks, whatever it did before: what one
// task keeps of the kernel matrix is not there for another, or results would depend on
// which fork does which.
func (f *Solver) part(s *Solver, k, parts int) {
	from := s.solver.active
	f.solver.active.columns.part(&from.columns, from.loaded, k, parts)
}

// begin sets the solver to a problem and a start.
func (s *solver) begin(d Dual, start *Start) error {
	s.p, s.lo, s.hi = d.P, d.Lo, d.Hi
	s.precise = false
	s.updates, s.refined, s.interior, s.settled, s.carried = 0, 0, false, progress{}, 0
	s.far.away, s.points = s.far.away[:0], s.points[:0]
	s.chooser.random, s.active.chooser.random = seed, seed
	if s.warm = start != nil; !s.warm {
		clear(s.beta)
		copy(s.f, s.p)
	} else if err := s.take(*start); err != nil {
		return err
	}
	for i := range s.beta {
		s.mark(i)
	}
	return s.ctl.Err()
}

// take makes a start feasible and brings its gradient up to date.
func (s *solver) take(start Start) error {
	before := start.Beta
	moved := false
	slack := sameRoom * floats.Norm(before, math.Inf(1))
	for i, b := range before {
		s.beta[i] = within(b, s.lo[i], s.hi[i], slack)
		moved = moved || s.beta[i] != b
	}
	s.carried = start.Noise
	if copy(s.f, start.F) == 0 {
		copy(s.f, s.p)
		before, s.carried = make([]float64, len(s.beta)), 0
	}
	if moved {
		s.rebalance(slack)
	}
	s.changed, s.delta = s.changed[:0], s.delta[:0]
	for i, b := range s.beta {
		if d := b - before[i]; d != 0 {
			s.changed = append(s.changed, int32(i))
			s.delta = append(s.delta, d)
		}
	}
	if len(s.changed) == 0 {
		return nil
	}
	all := make([]int32, len(s.f))
	for i := range all {
		all[i] = int32(i)
	}
	if s.active.all {
		s.active.load(s, all)
		s.active.move(s, s.changed, s.delta)
		copy(s.f, s.active.f)
		return nil
	}
	for k, i := range s.changed {
		s.changed[k] = s.rows[i]
	}
	return s.addSums(all)
}

// within puts v into the box, and on its bound where it is next to one.
func within(v, lo, hi, slack float64) float64 {
	switch {
	case v <= lo+slack:
		return lo
	case v >= hi-slack:
		return hi
	}
	return v
}

// rebalance makes Σβ zero by the points whose F is nearest to the threshold: they are
// inside the box, or the next to leave a bound. Each goes as far as it can, so that no
// more points are inside the box than before.
func (s *solver) rebalance(slack float64) {
	sum := 0.0
	for i, b := range s.beta {
		sum += b
		s.mark(i)
	}
	room := func(i int32) float64 {
		if sum > 0 {
			return s.beta[i] - s.lo[i]
		}
		return s.hi[i] - s.beta[i]
	}
	s.chooser.measure(s.f, s.state)
	t := s.chooser.threshold()
	var near []int32
	for band := 0.1; math.Abs(sum) > slack; band *= 4 {
		near = near[:0]
		total := 0.0
		for i, f := range s.f {
			if r := room(int32(i)); r > 0 && !(math.Abs(f-t) > band) {
				near = append(near, int32(i))
				total += r
			}
		}
		if total >= math.Abs(sum) || math.IsInf(band, 1) {
			break
		}
	}
	slices.SortFunc(near, func(a, b int32) int {
		return cmp.Or(cmp.Compare(math.Abs(s.f[a]-t), math.Abs(s.f[b]-t)), cmp.Compare(a, b))
	})
	for k := 0; k < len(near) && math.Abs(sum) > slack; k++ {
		i := near[k]
		b := s.beta[i]
		s.beta[i] = within(b-math.Copysign(min(math.Abs(sum), room(i)), sum), s.lo[i], s.hi[i], slack)
		sum -= b - s.beta[i]
	}
	s.balance()
}
