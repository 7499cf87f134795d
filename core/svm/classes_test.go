package svm

import (
	"fmt"
	"slices"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
)

// unequal draws classes of different sizes.
func unequal(seed uint64, n, d, classes int, apart float64) Problem {
	p := clouds(seed, n, d, classes, apart)
	for i := range p.Y {
		if i%5 == 0 {
			p.Y[i] = 0
		}
	}
	return p
}

func TestClassesShareColumns(t *testing.T) {
	for _, c := range []struct {
		n, d, classes int
		apart         float64
		k             kernel.Params
		cache         float64
		shared        bool
	}{
		{500, 14, 5, 1.5, rbf(.07), 200, true},
		{1600, 14, 4, 1.5, rbf(.07), 200, true},
		{1600, 14, 4, .1, rbf(.07), 10, true}, // no room for all columns of the pairs
		{800, 14, 4, 1.5, rbf(.07), 1, false},
		{700, 20, 5, 1, poly(3, .05, 1), 200, true},
		{600, 20, 4, 1, sigmoid(.05, 0), 200, true},
		{500, 14, 4, 1.5, rbf(5e5), 200, true}, // in float64
		{400, 6, 4, 1.5, rbf(.2), 200, false},
		{400, 14, 3, 1.5, rbf(.07), 200, false},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			p, prm := unequal(60, c.n, c.d, c.classes, c.apart), params(c.k, 1)
			prm.CacheSize = c.cache
			scope := arena.NewScope()
			defer scope.Release()
			pack, err := p.Pack(nil, scope, prm.Kernel)
			if err != nil {
				t.Fatal(err)
			}
			members, err := classRows(scope, p, prm)
			if err != nil {
				t.Fatal(err)
			}
			shared, bytes, err := shareClasses(nil, scope, pack, members, c.cache*(1<<20))
			if err != nil || (shared != nil) != c.shared || bytes > c.cache*(1<<20) {
				t.Fatalf("shared %v in %g bytes, error %v", shared != nil, bytes, err)
			}
			defer parallel.SetBudget(parallel.SetBudget(6))
			m := fit(t, p, prm)
			parallel.SetBudget(1)
			one, err := Fit(nil, p, prm)
			if err != nil {
				t.Fatal(err)
			}
			if c.cache == 200 && !slices.Equal(m.DualCoef, one.DualCoef) {
				t.Error("another solution with one thread")
			}
		})
	}
}

func TestClassesShareColumnsWithFolds(t *testing.T) {
	p, prm := unequal(61, 900, 14, 4, 1), params(rbf(.07), 1)
	prm.Probability = true
	shared, err := Fit(nil, p, prm)
	if err != nil {
		t.Fatal(err)
	}
	prm.CacheSize = 1 // not enough for it
	alone, err := Fit(nil, p, prm)
	if err != nil {
		t.Fatal(err)
	}
	for k, a := range shared.ProbA {
		if d := a - alone.ProbA[k]; d > 5e-3 || d < -5e-3 {
			t.Errorf("pair %d: A = %g, %g without sharing", k, a, alone.ProbA[k])
		}
	}
}
