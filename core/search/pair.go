package search

import (
	"math"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/svm"
)

// pair is the problem of two classes on one split, solved for one C after another.
type pair struct {
	svm.Dual
	rows   []int32
	weight []float64 // of each point: its share of C
	c      float64   // of start
	start  *svm.Start
	solver *svm.Solver
}

// found is the solution of a pair for one C: β of its support vectors, as positions
// among the rows of the first class and then of the second.
type found struct {
	at        []int32
	beta      []float64
	intercept float64
	a, b      float64 // of Platt's model
}

func (s *search) newPair(scope *arena.Scope, w *work, pack *kernel.Pack, i, j int) (*pair, error) {
	of := s.members[w.Split]
	n := len(of[i]) + len(of[j])
	values, err := arena.MakeZero[float64](scope, 6*n)
	if err != nil {
		return nil, err
	}
	p := &pair{weight: values[:n]}
	p.Dual = svm.Dual{P: values[n : 2*n], Lo: values[2*n : 3*n], Hi: values[3*n : 4*n]}
	p.start = &svm.Start{Beta: values[4*n : 5*n], F: values[5*n:]}
	if p.rows, err = arena.Make[int32](scope, n); err != nil {
		return nil, err
	}
	copy(p.rows[copy(p.rows, of[i]):], of[j])
	for k, row := range p.rows {
		class := i
		p.P[k] = -1
		if k >= len(of[i]) {
			class = j
			p.P[k] = 1
		}
		p.weight[k] = 1
		if w.ClassWeight != nil {
			p.weight[k] *= w.ClassWeight[class]
		}
		if s.SampleWeight != nil {
			p.weight[k] *= s.SampleWeight[row]
		}
	}
	prm := w.Params
	prm.CacheSize = s.columns(w.data)
	p.solver, err = svm.NewSolver(s.ctl, scope, pack, p.rows, prm)
	return p, err
}

// longestStep is the ratio of two C up to which the solution for one is a start for
// the other that is worth more than β = 0.
const longestStep = 20

// solve solves the problem for a C that is larger than the one before.
func (p *pair) solve(prm svm.Params) (svm.Solution, error) {
	solution, err := p.solver.Solve(p.Dual, p.widen(prm))
	if err != nil {
		return solution, err
	}
	p.c = prm.C
	copy(p.start.Beta, solution.Beta)
	copy(p.start.F, solution.F)
	p.start.Noise = p.solver.Noise()
	return solution, nil
}

// widen sets the boxes for the new C and stretches the last solution to a start: with
// r = C′/C it is rβ, and its gradient r(F + y) − y, where y is −P. Where C hardly mattered
// any more it is β as it is.
func (p *pair) widen(prm svm.Params) *svm.Start {
	r := prm.C / p.c
	warm := p.c > 0 && r <= longestStep
	keep := p.c > 0 && p.mostlyFree()
	if keep {
		r, warm = 1, true
	}
	for k, w := range p.weight {
		lo, hi := 0.0, prm.Bound(w)
		if hi < prm.C*w { // cut: not r times the last one
			warm = false
		}
		if p.P[k] > 0 {
			lo, hi = -hi, 0
		}
		switch b := p.start.Beta[k]; {
		case keep:
			p.start.Beta[k] = min(max(b, lo), hi)
		case b == p.Lo[k]:
			p.start.Beta[k] = lo
		case b == p.Hi[k]:
			p.start.Beta[k] = hi
		default:
			p.start.Beta[k] = min(max(r*b, lo), hi)
		}
		p.start.F[k] = r*(p.start.F[k]-p.P[k]) + p.P[k]
		p.Lo[k], p.Hi[k] = lo, hi
	}
	if !warm {
		return nil
	}
	p.start.Noise *= r
	return p.start
}

// mostlyFree reports whether few β of the last solution are held back by the box: three
// times as many are inside. Where none is, no larger C changes the solution.
func (p *pair) mostlyFree() bool {
	bound, free := 0, 0
	for k, b := range p.start.Beta {
		switch {
		case b == 0:
		case b == p.Lo[k] || b == p.Hi[k]:
			bound++
		default:
			free++
		}
	}
	return 3*bound < free
}

// take keeps what predictions need.
func (p *pair) take(solution svm.Solution) found {
	f := found{intercept: solution.Intercept}
	for k, b := range solution.Beta {
		if b != 0 {
			f.at = append(f.at, int32(k))
			f.beta = append(f.beta, b)
		}
	}
	return f
}

// noise estimates the error of float32 sums over the support vectors.
func (f *found) noise(pack *kernel.Pack, rows func(at int32) int32) float64 {
	squares := 0.0
	for k, at := range f.at {
		v := f.beta[k] * pack.Magnitude(int(rows(at)))
		squares += v * v
	}
	return pack.Noise().Random * math.Sqrt(squares)
}
