package svm

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// duals are a problem's two-class dual at several C, with every fifth row left out of
// all but the first.
func dualOf(p Problem, c float64, without int) Dual {
	n := len(p.Y)
	d := Dual{make([]float64, n), make([]float64, n), make([]float64, n)}
	for i, y := range p.Y {
		d.P[i] = 2*float64(y) - 1
		if i%5 != without && y == 0 {
			d.Hi[i] = c
		} else if i%5 != without {
			d.Lo[i] = -c
		}
	}
	return d
}

// judge checks the last solution from its definition, in float64.
func judge(t *testing.T, s *Solver, p Problem, prm Params, d Dual) {
	t.Helper()
	n, sol := p.X.Rows, s.solution
	rows, decision := make([][]float64, n), make([]float64, n)
	var points, support []int32
	sum, norm := 0.0, 0.0
	for i, b := range sol.Beta {
		rows[i] = p.X.Row(i, make([]float64, p.X.Cols))
		points = append(points, int32(i))
		if b != 0 {
			support = append(support, int32(i))
		}
		if b < d.Lo[i] || b > d.Hi[i] {
			t.Fatalf("β of point %d is %g, outside [%g, %g]", i, b, d.Lo[i], d.Hi[i])
		}
		sum += b
		norm += math.Abs(b)
	}
	_ = parallel.For(nil, n, 0, func(i int) {
		for _, j := range support {
			decision[i] += sol.Beta[j] * value(prm.Kernel, rows[i], rows[j])
		}
	})
	minUp, maxLow := math.Inf(1), math.Inf(-1)
	for i, b := range sol.Beta {
		if b < d.Hi[i] {
			minUp = min(minUp, decision[i]+d.P[i])
		}
		if b > d.Lo[i] {
			maxLow = max(maxLow, decision[i]+d.P[i])
		}
	}
	if !(maxLow-minUp <= prm.Tol+1e-12*norm) || !sol.Converged {
		t.Errorf("gap %g, converged %v", maxLow-minUp, sol.Converged)
	}
	if !(math.Abs(sum) <= 1e-11*(1+norm)) {
		t.Errorf("Σβ = %g", sum)
	}
	out := make([]float64, n)
	if err := s.Decision(points, out); err != nil {
		t.Fatal(err)
	}
	offset := sol.Intercept
	if prm.Kernel.Kind == kernel.Linear { // whose F is of centred rows
		offset = out[0] - decision[0]
	}
	for i, want := range decision {
		if !(math.Abs(out[i]-want-offset) <= prm.Tol) {
			t.Fatalf("decision value of point %d: %g, want %g", i, out[i], want+offset)
		}
	}
}

func TestSolverGoesFromProblemToProblem(t *testing.T) {
	for _, c := range []struct {
		n, d  int
		k     kernel.Params
		c     float64
		cache float64
	}{
		{150, 4, rbf(.25), 1, 200},
		{4, 4, rbf(.25), 1, 200},
		{900, 20, rbf(.05), 2, 200},
		{900, 20, rbf(.05), 2, .3},
		{900, 4, rbf(.25), 1, 200},
		{300, 4, rbf(.25), 1e4, 200},
		{4500, 3, rbf(.25), 1, 200},
		{8500, 14, rbf(.05), 1, 200},
		{900, 4, linear, 1, 200},
		{900, 4, poly(3, .25, 0), 1, 200},
		{900, 4, sigmoid(.1, 0), 1, 200},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			if testing.Short() && c.n > 2000 {
				t.Skip("the judge's n² is slow under -race")
			}
			p, prm := clouds(40, c.n, c.d, 2, 1+float64(c.n/1500)), params(c.k, c.c)
			prm.CacheSize = c.cache
			scope := arena.NewScope()
			defer scope.Release()
			pack, err := kernel.NewPack(nil, scope, p.X, prm.Kernel)
			if err != nil {
				t.Fatal(err)
			}
			rows := make([]int32, c.n)
			for i := range rows {
				rows[i] = int32(i)
			}
			s, err := NewSolver(nil, scope, pack, rows, prm)
			if err != nil {
				t.Fatal(err)
			}
			solve := func(d Dual, start *Start) Solution {
				t.Helper()
				sol, err := s.Solve(d, start)
				if err != nil {
					t.Fatal(err)
				}
				judge(t, s, p, prm, d)
				return sol
			}
			whole := solve(dualOf(p, c.c, -1), nil)
			start := Start{Beta: slices.Clone(whole.Beta), F: slices.Clone(whole.F)}
			for fold := range min(2, max(1, 4000/c.n)) {
				d := dualOf(p, c.c, fold)
				warm := solve(d, &start).Objective
				cold := solve(d, nil)
				if slack := prm.Tol * c.c * float64(c.n); math.Abs(warm-cold.Objective) > slack {
					t.Errorf("fold %d: objective %g from a start, %g without", fold, warm, cold.Objective)
				}
			}
			again := solve(dualOf(p, c.c, -1), &Start{Beta: start.Beta})
			if updates := whole.Updates; c.c <= 10 && again.Updates > updates/4+20 {
				t.Errorf("%d updates from the solution, %d from 0", again.Updates, updates)
			}
			// Another C: Kβ scales with β.
			for i, b := range start.Beta {
				start.Beta[i] = 3 * b
				start.F[i] = 3*(start.F[i]-dualOf(p, 1, -1).P[i]) + dualOf(p, 1, -1).P[i]
			}
			solve(dualOf(p, 3*c.c, -1), &start)
		})
	}
}

// TestForksDoNotSeeEachOther solves parts in two orders, with and without room.
func TestForksDoNotSeeEachOther(t *testing.T) {
	for _, c := range []struct {
		n, d  int
		cache float64
	}{{300, 20, 200}, {900, 20, 200}, {900, 20, .3}, {900, 4, 200}, {9000, 14, 20}} {
		p, prm := clouds(41, c.n, c.d, 2, 1), params(rbf(1/float64(c.d)), 1)
		prm.CacheSize = c.cache
		rows := make([]int32, c.n)
		for i := range rows {
			rows[i] = int32(i)
		}
		scope := arena.NewScope()
		pack, err := kernel.NewPack(nil, scope, p.X, prm.Kernel)
		if err != nil {
			t.Fatal(err)
		}
		origin, err := NewSolver(nil, scope, pack, rows, prm)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := origin.Solve(dualOf(p, 1, -1), nil)
		if err != nil {
			t.Fatal(err)
		}
		start := Start{Beta: slices.Clone(whole.Beta), F: slices.Clone(whole.F)}
		var first [5][]float64
		for try, order := range [][]int{{0, 1, 2, 3, 4}, {3, 1, 4, 0}} {
			fork, err := origin.fork(scope)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range order {
				fork.part(origin, k, 5)
				part, err := fork.Solve(dualOf(p, 1, k), &start)
				if err != nil {
					t.Fatal(err)
				}
				if try == 0 {
					first[k] = slices.Clone(part.F)
				} else if !slices.Equal(part.F, first[k]) {
					t.Errorf("%+v: part %d has another solution after other parts", c, k)
				}
			}
		}
		scope.Release()
	}
}
