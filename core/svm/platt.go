package svm

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mathext/prng"

	"gocluster/core/arena"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// plattFolds is libsvm's number of folds.
const plattFolds = 5

// Calibrate fits Platt's model of the probability of P < 0 given a decision value f,
//
//	1 / (1 + exp(A·f + B)),
//
// to decision values of points that were not trained on: for each of five folds of the
// points that take part, d is solved without the fold, from the last solution of s,
// which is one of d. The folds are libsvm's: a permutation drawn from an MT19937
// generator seeded with seed, cut into equal parts.
func (s *Solver) Calibrate(d Dual, seed uint32) (a, b float64, err error) {
	v := s.solver
	points := make([]int32, 0, len(d.P))
	for i := range d.P {
		if d.Lo[i] < d.Hi[i] {
			points = append(points, int32(i))
		}
	}
	draw := prng.NewMT19937()
	draw.Seed(uint64(seed))
	for k := range points {
		other := k + int(below(draw, uint32(len(points)-k)))
		points[k], points[other] = points[other], points[k]
	}
	workers := min(plattFolds, parallel.Budget())
	free := make(chan *leftOut, workers)
	for range workers {
		scope := arena.NewScope() // each its own: a solver may ask for more while it solves
		defer scope.Release()
		w, err := newLeftOut(scope, s)
		if err != nil {
			return 0, 0, err
		}
		free <- w
	}
	values := make([]float64, len(d.P))
	errs := make([]error, plattFolds)
	err = parallel.For(v.ctl, plattFolds, workers, func(k int) {
		w := <-free
		defer func() { free <- w }()
		errs[k] = w.fold(s, d, points, k, values)
	})
	if err = errors.Join(append(errs, err)...); err != nil {
		return 0, 0, firstOf(err, arena.ErrNoMemory, parallel.ErrCancelled)
	}
	// In libsvm's order: that of the rows.
	y, f := points[:0], values[:0]
	for i, p := range d.P {
		if d.Lo[i] < d.Hi[i] {
			f = append(f, values[i])
			y = append(y, 1)
			if p > 0 {
				y[len(y)-1] = -1
			}
		}
	}
	fitted, err := fitSigmoid(v.ctl, f, y)
	return fitted.a, fitted.b, err
}

// below draws a number less than n, each as likely as the others (Lemire, "Fast random
// integer generation in an interval", ACM TOMACS 29, 2019).
func below(draw *prng.MT19937, n uint32) uint32 {
	for {
		product := uint64(draw.Uint32()) * uint64(n)
		if low := uint32(product); low >= n || low >= -n%n {
			return uint32(product >> 32)
		}
	}
}

// leftOut is one thread's room for training without a fold.
type leftOut struct {
	solver *Solver
	lo, hi []float64
	values []float64
}

func newLeftOut(scope *arena.Scope, s *Solver) (*leftOut, error) {
	solver, err := s.fork(scope)
	if err != nil {
		return nil, err
	}
	n := len(s.solver.f)
	bounds, err := arena.Make[float64](scope, 3*n)
	if err != nil {
		return nil, err
	}
	return &leftOut{solver, bounds[:n], bounds[n : 2*n], bounds[2*n:]}, nil
}

// fold sets the values of the points of fold k to their decision values.
func (w *leftOut) fold(s *Solver, d Dual, points []int32, k int, values []float64) error {
	first, last := k*len(points)/plattFolds, (k+1)*len(points)/plattFolds
	positive, negative := false, false
	for at, i := range points {
		if at < first || at >= last {
			positive, negative = positive || d.P[i] < 0, negative || d.P[i] > 0
		}
	}
	held := points[first:last]
	if !positive || !negative { // libsvm's values where a class is missing
		for _, i := range held {
			switch {
			case positive:
				values[i] = 1
			case negative:
				values[i] = -1
			default:
				values[i] = 0
			}
		}
		return nil
	}
	copy(w.lo, d.Lo)
	copy(w.hi, d.Hi)
	for _, i := range held {
		w.lo[i], w.hi[i] = 0, 0
	}
	w.solver.part(s, k, plattFolds)
	if _, err := w.solver.Solve(Dual{d.P, w.lo, w.hi}, &Start{Beta: s.solution.Beta, F: s.solution.F}); err != nil {
		return err
	}
	if err := w.solver.Decision(held, w.values); err != nil {
		return err
	}
	for at, i := range held {
		values[i] = w.values[at]
	}
	return nil
}

// platt is Platt's model.
type platt struct{ a, b float64 }

const (
	sigmoidSteps    = 100
	sigmoidGradient = 1e-5
	sigmoidRidge    = 1e-12 // keeps the Hessian positive definite
	sigmoidShortest = 1e-10 // of the steps tried
	sigmoidDecrease = 1e-4  // the share of the expected decrease that is enough
)

// fitSigmoid maximises the likelihood of labels y given decision values f, with targets
// drawn in from 0 and 1 as if each class had been seen once more, by Newton's method
// with backtracking (Lin, Lin & Weng, "A note on Platt's probabilistic outputs for support
// vector machines", Machine Learning 68, 2007).
func fitSigmoid(ctl *parallel.Control, f []float64, y []int32) (platt, error) {
	negative, positive := 0.0, 0.0
	for _, v := range y {
		if v > 0 {
			positive++
		} else {
			negative++
		}
	}
	l := likelihood{f: f, y: y, high: (positive + 1) / (positive + 2), low: 1 / (negative + 2)}
	s := platt{0, math.Log((negative + 1) / (positive + 1))}
	at := l.at(s)
	for range sigmoidSteps {
		if math.Abs(at.ga) < sigmoidGradient && math.Abs(at.gb) < sigmoidGradient || ctl.Cancelled() {
			break
		}
		haa, hbb := at.haa+sigmoidRidge, at.hbb+sigmoidRidge
		det := haa*hbb - at.hab*at.hab
		da := -(hbb*at.ga - at.hab*at.gb) / det
		db := -(haa*at.gb - at.hab*at.ga) / det
		slope := at.ga*da + at.gb*db
		length := 1.0
		for ; length >= sigmoidShortest; length /= 2 {
			next := platt{s.a + length*da, s.b + length*db}
			if there := l.at(next); there.value < at.value+sigmoidDecrease*length*slope {
				s, at = next, there
				break
			}
		}
		if length < sigmoidShortest {
			break
		}
	}
	return s, ctl.Err()
}

// likelihood is the negated log-likelihood of a sigmoid, with its derivatives.
type likelihood struct {
	f         []float64
	y         []int32
	high, low float64 // targets of the two classes
	e         [512]float64
}

type derivatives struct{ value, ga, gb, haa, hab, hbb float64 }

func (l *likelihood) at(s platt) (d derivatives) {
	for first := 0; first < len(l.f); first += len(l.e) {
		f := l.f[first:min(len(l.f), first+len(l.e))]
		e := l.e[:len(f)]
		for i, v := range f {
			e[i] = -math.Abs(s.a*v+s.b) * math.Log2E
		}
		simd.Exp2F64(e, e) // is not smaller than 2⁻¹²⁵ or so, beside which 1 stays 1
		product := 1.0     // of up to 512 factors of at most 2: one logarithm for all
		for i, v := range f {
			x, target, p := s.a*v+s.b, l.low, 1/(1+e[i])
			if l.y[first+i] > 0 {
				target = l.high
			}
			product *= 1 + e[i]
			curvature := e[i] * p * p
			if x >= 0 {
				p *= e[i]
				d.value += target * x
			} else {
				d.value += (target - 1) * x
			}
			d.haa += v * v * curvature
			d.hab += v * curvature
			d.hbb += curvature
			d.ga += v * (target - p)
			d.gb += target - p
		}
		d.value += math.Log(product)
	}
	return d
}
