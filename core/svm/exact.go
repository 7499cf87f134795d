package svm

import (
	"math"

	"gocluster/core/kernel"
	"gocluster/core/simd"
)

// finishExactly ends a fit that float32 kernel values cannot end (enormous C,
// kernels of low numerical rank, degenerate data): pair updates over all points
// with second-order selection, as libsvm makes them, and Newton steps on the free
// points, in float64 throughout and from the β at hand. It is slow and sure, but for
// data so large that float64 does not hold a solution to within tol: then it ends
// where rounding does not let the gap fall any more.
func (s *solver) finishExactly() (result, error) {
	n := len(s.f)
	// A precomputed matrix may well be of low rank; that it is not definite shows in a solution that is no better.
	if s.allowsInterior() && (s.pack.Definite() || s.pack.Kind == kernel.Precomputed) && !s.interior {
		if err := s.solveLowRank(); err != nil {
			return result{}, err
		}
	}
	x, err := s.exactRows()
	defer s.forgetRows()
	if err != nil {
		return result{}, err
	}
	limit := s.updates + max(10_000_000, 100*int64(n)) // libsvm's
	for range exactRepeats {
		if err := s.refine(math.Inf(1)); err != nil {
			return result{}, err
		}
		target := max(s.tol, x.rounding())
		if s.chooser.measure(s.f, s.state) <= target || x.hopeless || s.updates >= limit {
			break
		}
		if err := x.solve(target, limit); err != nil {
			return result{}, err
		}
	}
	return s.end(nil)
}

// Fits of so few points, and not of too many features, are libsvm's update by update, but
// where rounding chooses there: that is as quick as any other way, and where a kernel is not
// definite the solution is the same of several. For that such kernels go this way longer.
const (
	smallPoints     = 256
	smallWork       = 1 << 21 // n²·features
	smallIndefinite = 2048
)

// wantsSmall reports whether the problem is one for solveSmall.
func (s *solver) wantsSmall() bool {
	n, d := len(s.f), s.pack.Cols
	switch {
	case s.warm:
		return false
	case s.pack.Kind == kernel.Precomputed:
		d = 0
	case !s.pack.Definite():
		return n <= smallIndefinite
	}
	return n <= smallPoints && n*n*(d+8) <= smallWork
}

// solveSmall makes as many updates as a small problem takes, unless its C is large.
func (s *solver) solveSmall() error {
	x, err := s.exactRows()
	defer s.forgetRows()
	if err != nil {
		return err
	}
	x.plain = true
	defer func() { x.plain = false }()
	return x.solve(s.tol, s.updates+1000+20*int64(len(s.f)))
}

// rounding estimates what float64 leaves of the gap: the error of β and of the kernel
// values in the largest F, of points whose gradients are sums of large terms that cancel.
func (x *exactRows) rounding() float64 {
	const ulp = 0x1p-52
	largest, squares := 0.0, 0.0
	for i, k := range x.diag {
		largest = max(largest, math.Abs(k))
		squares += x.beta[i] * x.beta[i] * math.Abs(k)
	}
	return 4 * ulp * math.Sqrt(largest*squares)
}

// pace sees whether a gap falls so fast that it will be at the target within limit
// updates. A third of that speed will do, since SMO becomes faster at the end.
type pace struct {
	gap float64
	at  int64
}

func (p *pace) hopeless(gap, target float64, updates, limit int64) bool {
	if p.gap == 0 || gap < 0.9*p.gap {
		p.gap, p.at = gap, updates
	}
	steps := math.Log(p.gap/target) / math.Log(1/0.9)
	return float64(updates-p.at) > 3*float64(limit)/max(1, steps)
}

// exactRepeats bounds how often the gradient is computed anew to see whether the
// rounding of its updates has hidden a violation.
const exactRepeats = 4

// solve makes updates until the gap is within target, or will not be so within limit.
func (x *exactRows) solve(target float64, limit int64) error {
	s := x.solver
	first, last := s.updates, s.updates
	var fall pace
	for s.goOn() && s.updates < limit {
		gap := s.chooser.measure(s.f, s.state)
		x.hopeless = !x.plain && fall.hopeless(gap, target, s.updates, limit-first)
		if !(gap > target) || x.hopeless {
			break
		}
		if !x.plain && s.updates&63 == 0 && x.newton.due(int64(x.newton.findFree(s.beta, s.lo, s.hi)), s.updates-last) {
			if err := x.solveFace(); err != nil {
				return err
			}
			last = s.updates
			s.chooser.measure(s.f, s.state)
		}
		if ok, err := x.update(); err != nil {
			return err
		} else if !ok {
			break
		}
		s.updates++
		s.report(gap)
	}
	return nil
}

// update moves the pair that lowers the objective most, if there is one.
func (x *exactRows) update() (bool, error) {
	s := x.solver
	i := s.smallestUp()
	if i < 0 {
		return false, nil
	}
	ki, err := x.row(i)
	if err != nil {
		return false, err
	}
	j := s.bestPartner(i, ki, x.diag)
	if j < 0 {
		return false, nil
	}
	kj, err := x.row(j)
	if err != nil {
		return false, err
	}
	t := (s.f[j] - s.f[i]) / max(ki[i]+kj[j]-2*ki[j], minCurvature)
	if x.plain {
		x.move(i, j, t, ki, kj)
		return true, nil
	}
	t = min(t, s.hi[i]-s.beta[i], s.beta[j]-s.lo[j])
	simd.Axpy(s.moveTo(i, s.beta[i]+t), ki, s.f)
	simd.Axpy(s.moveTo(j, s.beta[j]-t), kj, s.f)
	return true, nil
}

// move is libsvm's step to the last digit: where the bounds of both classes add up to
// the same, rounding leaves a point inside its box, or none, and that decides the intercept.
func (x *exactRows) move(i, j int, t float64, ki, kj []float64) {
	bi, bj := x.beta[i], x.beta[j]
	sum := bi + bj
	vi, vj := bi+t, bj-t
	if sum > x.hi[i]+x.lo[j] {
		if vi > x.hi[i] {
			vi, vj = x.hi[i], sum-x.hi[i]
		}
	} else if vj < x.lo[j] {
		vi, vj = sum-x.lo[j], x.lo[j]
	}
	x.beta[i], x.beta[j] = vi, vj
	x.mark(i)
	x.mark(j)
	simd.Axpy(vi-bi, ki, x.f)
	simd.Axpy(vj-bj, kj, x.f)
}

const (
	exactRidge = 1e-13
	// exactFace bounds the free points of a Newton step: its factor is 8 MB.
	exactFace = 1000
)

// solveFace makes Newton steps on the free points while bounds cut them short.
func (x *exactRows) solveFace() error {
	s, w := x.solver, &x.newton
	for range newtonRepeats {
		m := w.findFree(s.beta, s.lo, s.hi)
		if m < 2 || m > min(exactFace, x.capacity) || s.limit-s.updates < int64(m) {
			return nil
		}
		ridge := 0.0
		for _, i := range w.free {
			if _, err := x.row(i); err != nil {
				return err
			}
			ridge = max(ridge, exactRidge*math.Abs(x.diag[i]))
		}
		var err error
		length, blocking, ok := w.step(func(a int, k []float64) {
			row, e := x.row(w.free[a])
			if e != nil {
				err = e
				return
			}
			for c := range k {
				k[c] = row[w.free[c]]
			}
		}, func(i int) float64 { return s.f[i] - s.chooser.threshold() }, ridge, 0, s.beta, s.lo, s.hi)
		if err != nil || !ok {
			return err
		}
		s.updates += int64(m)
		w.move(length, blocking, 0, s.beta, s.lo, s.hi)
		for a, i := range w.free {
			row, err := x.row(i)
			if err != nil {
				return err
			}
			s.mark(i)
			simd.Axpy(w.d[a], row, s.f)
		}
		if blocking < 0 {
			return nil
		}
	}
	return nil
}

// moveTo sets β_i, on the bound where rounding left it next to one, and returns by
// how much it changed.
func (s *solver) moveTo(i int, v float64) float64 {
	slack := 1e-15 * (s.hi[i] - s.lo[i])
	switch {
	case v >= s.hi[i]-slack:
		v = s.hi[i]
	case v <= s.lo[i]+slack:
		v = s.lo[i]
	}
	d := v - s.beta[i]
	s.beta[i] = v
	s.mark(i)
	return d
}

// tie is the relative difference of what counts as equal: two points that an update has
// brought to the same F are so up to rounding, and rounding is not to choose between them.
const tie = 1e-10

// smallestUp returns the last of those whose F is the least, as libsvm does, given
// that the chooser has just measured; −1 if there is none.
func (s *solver) smallestUp() int {
	limit := s.chooser.minUp + tie*(1+math.Abs(s.chooser.minUp))
	for i := len(s.f) - 1; i >= 0; i-- {
		if s.f[i] <= limit && s.state[i]&simd.Up != 0 {
			return i
		}
	}
	return -1
}

// bestPartner maximises the decrease of the objective, WSS 2 of Fan, Chen & Lin; the
// last one of equals.
func (s *solver) bestPartner(i int, ki, diag []float64) int {
	best, gain := -1, 0.0
	for j, f := range s.f {
		d := f - s.f[i]
		if s.state[j]&simd.Low == 0 || d <= 0 {
			continue
		}
		curvature := ki[i] + diag[j] - 2*ki[j]
		if g := d * d / max(curvature, minCurvature); g >= (1-tie)*gain {
			best, gain = j, max(g, gain)
		}
	}
	return best
}
