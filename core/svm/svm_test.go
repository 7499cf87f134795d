package svm

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/simd"
)

// matrix is a C-contiguous float64 view.
func matrix(x []float64, d int) dense.Matrix {
	return dense.Matrix{F64: x, Rows: len(x) / d, Cols: d, RowStride: d, ColStride: 1}
}

// clouds draws n rows of d features: two or more overlapping Gaussian classes
// whose centres lie apart by the given distance.
func clouds(seed uint64, n, d, classes int, apart float64) Problem {
	r := rand.New(rand.NewPCG(seed, 1))
	x, y := make([]float64, n*d), make([]int32, n)
	for i := range n {
		y[i] = int32(i % classes)
		for k := range d {
			x[i*d+k] = r.NormFloat64()
		}
		x[i*d+int(y[i])%d] += apart * float64(1+int(y[i])/d)
	}
	return Problem{X: matrix(x, d), Y: y, Classes: classes}
}

func rbf(gamma float64) kernel.Params { return kernel.Params{Kind: kernel.RBF, Gamma: gamma} }

var linear = kernel.Params{Kind: kernel.Linear}

func poly(degree int, gamma, coef0 float64) kernel.Params {
	return kernel.Params{Kind: kernel.Poly, Degree: degree, Gamma: gamma, Coef0: coef0}
}

func sigmoid(gamma, coef0 float64) kernel.Params {
	return kernel.Params{Kind: kernel.Sigmoid, Gamma: gamma, Coef0: coef0}
}

func params(k kernel.Params, c float64) Params {
	return Params{Kernel: k, C: c, Tol: 1e-3, CacheSize: 200, MaxIter: -1}
}

// fit trains and lets the independent checker judge every pair.
func fit(t *testing.T, p Problem, prm Params) *Model {
	t.Helper()
	m, err := Fit(nil, p, prm)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := Check(p, prm, m)
	if err != nil {
		t.Fatal(err)
	}
	for k, r := range reports {
		// The checker sums in another order: its own rounding on top of tol.
		if slack := 1e-12 * r.Norm1; !(r.Gap <= prm.Tol+slack) {
			t.Errorf("pair %d: KKT gap %g exceeds tol %g", k, r.Gap, prm.Tol)
		}
		if !(r.Imbalance <= 1e-11*(1+r.Norm1)) {
			t.Errorf("pair %d: Σβ = %g", k, r.Imbalance)
		}
		if r.Outside > 0 {
			t.Errorf("pair %d: a coefficient lies %g outside its box", k, r.Outside)
		}
		if !(r.Intercept <= prm.Tol) {
			t.Errorf("pair %d: the intercept is off by %g", k, r.Intercept)
		}
		if !m.Converged[k] || !(m.Gap[k] <= prm.Tol) {
			t.Errorf("pair %d: converged %v, gap %g reported", k, m.Converged[k], m.Gap[k])
		}
		if math.Abs(r.Objective-m.Objective[k]) > prm.Tol*r.Norm1+1e-6*math.Abs(r.Objective) {
			t.Errorf("pair %d: objective %g reported, %g found", k, m.Objective[k], r.Objective)
		}
	}
	return m
}

func TestSolutionsAreOptimal(t *testing.T) {
	duplicated := clouds(5, 600, 4, 2, 1)
	copy(duplicated.X.F64[1200:], duplicated.X.F64[:1200])
	constant := clouds(6, 500, 5, 2, 1)
	for i := range constant.X.Rows {
		constant.X.F64[i*5+3] = 7
	}
	rare := clouds(7, 3000, 3, 2, 2)
	for i := range rare.Y {
		rare.Y[i] = 0
		if i%1000 == 0 {
			rare.Y[i] = 1
		}
	}
	outlier := clouds(8, 400, 3, 2, 1)
	outlier.X.F64[0] = 1e7
	outlierLinear := clouds(18, 300, 3, 2, 1)
	outlierLinear.X.F64[4] = 1e4
	unscaled := clouds(19, 300, 3, 2, 1)
	for i := range unscaled.X.F64 {
		unscaled.X.F64[i] *= 1e9
	}
	copy(unscaled.X.F64[3:], unscaled.X.F64[:3]) // twins
	far := clouds(14, 800, 3, 2, 1)
	for i := range far.X.F64 {
		far.X.F64[i] += 1e4
	}
	huge := clouds(19, 400, 3, 2, 1)
	for i := range huge.X.F64 {
		huge.X.F64[i] *= 10
	}
	categories := clouds(29, 1500, 60, 2, 0) // one-hot, of three groups
	for i := range categories.X.Rows {
		row := categories.X.F64[i*60:][:60]
		first, second, third := i%20, i/3%20, i*i%20
		clear(row)
		row[first], row[20+second], row[40+third] = 1, 1, 1
		categories.Y[i] = int32((first/3 + second/2 + i%7/6) % 2)
	}
	cases := []struct {
		name string
		p    Problem
		prm  Params
	}{
		{"one-hot columns", categories, params(rbf(.05), 10)},
		{"overlapping", clouds(1, 3000, 4, 2, 1), params(rbf(.25), 1)},
		{"separable", clouds(2, 1500, 4, 2, 12), params(rbf(.05), 1)},
		{"separable, linear", clouds(2, 1500, 4, 2, 12), params(linear, 1)},
		{"overlapping, linear", clouds(1, 3000, 4, 2, 1), params(linear, 10)},
		{"wide", clouds(3, 300, 500, 2, 1), params(rbf(1./500), 1)},
		{"wide, linear", clouds(3, 300, 500, 2, 1), params(linear, 1)},
		{"far from the origin, linear", far, params(linear, 1)},
		{"one feature", clouds(4, 1000, 1, 2, 1), params(rbf(1), 1)},
		{"one feature, linear", clouds(4, 1000, 1, 2, 1), params(linear, 1)},
		{"duplicated rows", duplicated, params(rbf(.5), 10)},
		{"constant feature", constant, params(rbf(.2), 1)},
		{"tiny C", clouds(1, 3000, 4, 2, 1), params(rbf(.25), 1e-5)},
		{"huge C", clouds(1, 300, 4, 2, 3), params(rbf(.25), 1e5)},
		{"huge C, linear", clouds(1, 200, 2, 2, 8), params(linear, 1e4)},
		{"tiny C, linear", clouds(1, 3000, 4, 2, 1), params(linear, 1e-5)},
		{"infinite C, separable", clouds(2, 300, 2, 2, 12), params(linear, 1e100)},
		{"two points", clouds(1, 2, 3, 2, 1), params(rbf(1), 1)},
		{"two points, linear", clouds(1, 2, 3, 2, 1), params(linear, 1)},
		{"rare class", rare, params(rbf(.3), 1)},
		{"far outlier", outlier, params(rbf(.3), 1)},
		// Beyond what float32 kernel values resolve: the last resorts.
		{"low rank, huge C", clouds(15, 900, 1, 2, 1), params(rbf(1), 5e4)},
		{"overlapping, huge C", clouds(16, 200, 3, 2, 1), params(rbf(.3), 1e6)},
		{"unscaled outlier, linear", outlierLinear, params(linear, 10)},
		{"norms beyond float64", unscaled, params(rbf(1), 1)},
		{"almost flat kernel", clouds(17, 700, 12, 2, 1), params(rbf(1e-4), 60)},
		{"flat kernel", clouds(1, 500, 4, 2, 1), params(rbf(0), 1)},
		{"narrow kernel", clouds(1, 500, 4, 2, 1), params(rbf(1e3), 1)},
		{"degree 0", clouds(1, 500, 4, 2, 1), params(poly(0, .25, 0), 1)},
		{"degree 1", clouds(1, 3000, 4, 2, 1), params(poly(1, .25, 0), 1)},
		{"degree 1, negative coef0", clouds(1, 500, 4, 2, 1), params(poly(1, .25, -2), 1)},
		{"degree 2", clouds(1, 3000, 4, 2, 1), params(poly(2, .25, 1), 1)},
		{"degree 3", clouds(1, 3000, 4, 2, 1), params(poly(3, .25, 0), 10)},
		{"degree 3, many features", clouds(1, 2000, 30, 2, 1), params(poly(3, .03, 1), 1)},
		{"degree 4", clouds(1, 2000, 4, 2, 1), params(poly(4, .25, .5), 1)},
		{"degree 5", clouds(1, 2000, 4, 2, 1), params(poly(5, .25, 0), 1)},
		{"degree 5, many features", clouds(1, 1000, 20, 2, 1), params(poly(5, .05, 1), 10)},
		{"degree 2, indefinite", clouds(1, 800, 4, 2, 1), params(poly(2, .25, -1), 1)},
		{"degree 3, indefinite", clouds(1, 800, 4, 2, 1), params(poly(3, .25, -.5), 1)},
		{"degree 3, unscaled", far, params(poly(3, 1e-8, 0), 1)},
		{"degree 3, tiny C", clouds(1, 1000, 4, 2, 1), params(poly(3, .25, 0), 1e-5)},
		{"degree 3, huge C", clouds(1, 300, 4, 2, 1), params(poly(3, .25, 1), 1e4)},
		{"degree 3, larger than the active set", clouds(12, 9000, 12, 2, 1), params(poly(3, .08, 1), 1)},
		{"degree 3, three classes", clouds(9, 900, 3, 3, 1.5), params(poly(3, .3, 1), 1)},
		{"huge values, degree 3", huge, params(poly(3, 1, 0), 1)},
		{"sigmoid", clouds(1, 3000, 4, 2, 1), params(sigmoid(.25, 0), 1)},
		{"sigmoid, coef0", clouds(1, 1000, 4, 2, 1), params(sigmoid(.1, -1), 1)},
		{"sigmoid, positive coef0", clouds(1, 1000, 4, 2, 1), params(sigmoid(.5, 1), 10)},
		{"sigmoid, steep", clouds(1, 1000, 4, 2, 1), params(sigmoid(10, 0), 1)},
		{"sigmoid, flat", clouds(1, 1000, 4, 2, 1), params(sigmoid(0, .3), 1)},
		{"sigmoid, large C", clouds(1, 600, 4, 2, 1), params(sigmoid(.25, 0), 1e3)},
		{"sigmoid, tiny C", clouds(1, 1000, 4, 2, 1), params(sigmoid(.25, 0), 1e-5)},
		{"sigmoid, duplicated rows", duplicated, params(sigmoid(.25, .5), 1)},
		{"sigmoid, larger than the active set", clouds(12, 9000, 12, 2, 1), params(sigmoid(.08, 0), 1)},
		{"sigmoid, three classes", clouds(9, 900, 3, 3, 1.5), params(sigmoid(.3, -.2), 1)},
		{"sigmoid, huge values", huge, params(sigmoid(1, 0), 1)},
		{"three classes", clouds(9, 900, 3, 3, 1.5), params(rbf(.3), 1)},
		{"five classes, linear", clouds(9, 500, 6, 5, 2), params(linear, 1)},
		{"tight", clouds(10, 800, 4, 2, 1), Params{Kernel: rbf(.25), C: 1, Tol: 1e-9, CacheSize: 200, MaxIter: -1}},
		{"little cache", clouds(11, 2000, 30, 2, 1), Params{Kernel: rbf(.03), C: 1, Tol: 1e-3, CacheSize: .1, MaxIter: -1}},
		{"larger than the active set", clouds(12, 12000, 3, 2, 1), params(rbf(.3), 1)},
		{"larger than the active set, many features", clouds(13, 10000, 20, 2, 2), params(rbf(.05), 1)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.p.X.Rows > 2000 {
				t.Skip("the checker's n² is slow under -race")
			}
			fit(t, c.p, c.prm)
		})
	}
}

// TestMoreThanFloat64Holds: kernel values of 1e15 and more, whose sums are off by more than tol.
func TestMoreThanFloat64Holds(t *testing.T) {
	p := clouds(19, 400, 3, 2, 1)
	for i := range p.X.F64 {
		p.X.F64[i] *= 30
	}
	for _, k := range []kernel.Params{poly(4, 1, 0), poly(4, 1, -1)} {
		prm := params(k, 1)
		m, err := Fit(nil, p, prm)
		if err != nil {
			t.Fatal(err)
		}
		reports, err := Check(p, prm, m)
		if err != nil {
			t.Fatal(err)
		}
		if r := reports[0]; m.Converged[0] || !(m.Gap[0] > prm.Tol) || r.Outside > 0 || r.Imbalance > 1e-11*(1+r.Norm1) {
			t.Errorf("%+v: converged %v, gap %g reported, %+v found", k, m.Converged[0], m.Gap[0], r)
		}
	}
}

func TestEveryInstructionSetFindsTheSameSolution(t *testing.T) {
	p, prm := clouds(20, 1500, 14, 2, 1), params(rbf(.07), 5)
	var want *Model
	for _, level := range simd.Available() {
		restore := simd.Use(level)
		m := fit(t, p, prm)
		restore()
		if want == nil {
			want = m
		}
		if d := math.Abs(m.Objective[0] - want.Objective[0]); d > prm.Tol*1500 {
			t.Errorf("%v: objective %g, want %g", level, m.Objective[0], want.Objective[0])
		}
	}
}

func TestResultsDoNotDependOnThreads(t *testing.T) {
	p := clouds(21, 7000, 5, 3, 1)
	var want *Model
	for _, threads := range []int{1, 2, 3, 8} {
		before := parallel.SetBudget(threads)
		m, err := Fit(nil, p, params(rbf(.2), 1))
		parallel.SetBudget(before)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = m
		}
		if fmt.Sprint(m) != fmt.Sprint(want) {
			t.Errorf("%d threads give another model than one", threads)
		}
	}
}

func TestWeights(t *testing.T) {
	p, prm := clouds(22, 800, 3, 2, 1), params(rbf(.3), 2)
	t.Run("a weight of two is a row given twice", func(t *testing.T) {
		weighted, twice := p, p
		weighted.SampleWeight = make([]float64, p.X.Rows)
		twice.X.F64, twice.Y = append([]float64(nil), p.X.F64...), append([]int32(nil), p.Y...)
		for i := range weighted.SampleWeight {
			weighted.SampleWeight[i] = 1
			if i%5 == 0 {
				weighted.SampleWeight[i] = 2
				twice.X.F64 = append(twice.X.F64, p.X.F64[i*3:i*3+3]...)
				twice.Y = append(twice.Y, p.Y[i])
				twice.X.Rows++
			}
		}
		a, b := fit(t, weighted, prm), fit(t, twice, prm)
		if d := math.Abs(a.Objective[0] - b.Objective[0]); d > prm.Tol*2000 {
			t.Errorf("objectives %g and %g", a.Objective[0], b.Objective[0])
		}
	})
	t.Run("rows of weight zero and less are left out", func(t *testing.T) {
		weighted := p
		weighted.SampleWeight = make([]float64, p.X.Rows)
		for i := range weighted.SampleWeight {
			weighted.SampleWeight[i] = float64(i%3 - 1)
		}
		for _, i := range fit(t, weighted, prm).Support {
			if i%3 != 2 {
				t.Fatalf("row %d of weight %v supports the model", i, weighted.SampleWeight[i])
			}
		}
	})
	t.Run("class weights multiply C", func(t *testing.T) {
		weighted := p
		weighted.ClassWeight = []float64{.5, 3}
		m := fit(t, weighted, prm)
		largest := [2]float64{}
		for k, i := range m.Support {
			largest[p.Y[i]] = max(largest[p.Y[i]], math.Abs(m.DualCoef[k]))
		}
		if largest != [2]float64{1, 6} {
			t.Errorf("largest coefficients %v, want C·weight = [1 6]", largest)
		}
	})
}

func TestMaxIterCountsPairUpdates(t *testing.T) {
	p, prm := clouds(23, 500, 3, 2, 1), params(rbf(.3), 1)
	for _, limit := range []int64{0, 1, 2, 77} {
		prm.MaxIter = limit
		m, err := Fit(nil, p, prm)
		if err != nil {
			t.Fatal(err)
		}
		if m.Iterations[0] != limit || m.Converged[0] {
			t.Errorf("max_iter %d: %d updates, converged %v", limit, m.Iterations[0], m.Converged[0])
		}
	}
}

func TestArguments(t *testing.T) {
	good := clouds(24, 20, 3, 2, 1)
	with := func(change func(*Problem, *Params)) (Problem, Params) {
		p, prm := good, params(rbf(.3), 1)
		p.X.F64, p.Y = append([]float64(nil), p.X.F64...), append([]int32(nil), p.Y...)
		change(&p, &prm)
		return p, prm
	}
	cases := map[string]func(*Problem, *Params){
		"C":             func(_ *Problem, prm *Params) { prm.C = -1 },
		"gamma":         func(_ *Problem, prm *Params) { prm.Kernel.Gamma = math.NaN() },
		"tol":           func(_ *Problem, prm *Params) { prm.Tol = 0 },
		"cache_size":    func(_ *Problem, prm *Params) { prm.CacheSize = math.Inf(1) },
		"max_iter":      func(_ *Problem, prm *Params) { prm.MaxIter = -2 },
		"kernel":        func(_ *Problem, prm *Params) { prm.Kernel.Kind = kernel.Precomputed + 1 },
		"X":             func(p *Problem, _ *Params) { p.X.F64[7] = math.Inf(-1) },
		"y":             func(p *Problem, _ *Params) { p.Y[3] = 2 },
		"class_weight":  func(p *Problem, _ *Params) { p.ClassWeight = []float64{1} },
		"sample_weight": func(p *Problem, _ *Params) { p.SampleWeight = []float64{1} },
		"degree":        func(_ *Problem, prm *Params) { prm.Kernel = poly(-1, 1, 0) },
		"coef0":         func(_ *Problem, prm *Params) { prm.Kernel = sigmoid(1, math.Inf(-1)) },
	}
	for name, change := range cases {
		p, prm := with(change)
		_, err := Fit(nil, p, prm)
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Argument != name {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestOverflowAsksForScaling: rows whose kernel values float32 does not hold.
func TestOverflowAsksForScaling(t *testing.T) {
	p := clouds(24, 20, 3, 2, 1)
	for i := range p.X.F64 {
		p.X.F64[i] *= 1e8
	}
	for _, k := range []kernel.Params{poly(3, 1, 0), poly(30, 1e-14, 3), sigmoid(1e30, 0)} {
		_, err := Fit(nil, p, params(k, 1))
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Argument != "X" || !strings.Contains(argument.Reason, "scale the data") {
			t.Errorf("%+v: got %v", k, err)
		}
	}
}

// TestNewtonLeavesIndefiniteFacesAlone: the equations of a face on which K has a
// negative eigenvalue lead to a saddle.
func TestNewtonLeavesIndefiniteFacesAlone(t *testing.T) {
	k := [][]float64{{1}, {2, 1}, {0, 0, 1}}
	f := []float64{-1, .5, .5}
	beta, lo, hi := []float64{0, 0, 0}, []float64{-1, -1, -1}, []float64{1, 1, 1}
	for _, indefinite := range []bool{true, false} {
		w := newton{indefinite: indefinite}
		w.findFree(beta, lo, hi)
		_, _, ok := w.step(func(a int, row []float64) { copy(row, k[a]) }, func(i int) float64 { return f[i] }, 1e-13, 0, beta, lo, hi)
		if ok == indefinite {
			t.Errorf("indefinite %v: step taken is %v", indefinite, ok)
		}
	}
}

func TestCancelledFitReturnsErrCancelled(t *testing.T) {
	ctl := new(parallel.Control)
	ctl.Cancel()
	if _, err := Fit(ctl, clouds(25, 500, 3, 2, 1), params(rbf(.3), 1)); !errors.Is(err, parallel.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

// TestDecision compares with the sum that defines a decision value.
func TestDecision(t *testing.T) {
	for _, prm := range []Params{params(rbf(.3), 1), params(linear, 1), params(rbf(.3), 1e6),
		params(poly(3, .3, 1), 1), params(poly(2, .3, 0), 100), params(sigmoid(.3, -.5), 1)} {
		for _, classes := range []int{2, 4} {
			p := clouds(26, 400, 5, classes, 3)
			m, err := Fit(nil, p, prm)
			if err != nil {
				t.Fatal(err)
			}
			q := clouds(27, 301, 5, classes, 3)
			q.X.F64[5] = 1e20 // far away: the kernel is 0, not NaN
			got := make([]float64, 301*m.Pairs())
			if err := m.Decision(nil, q.X, got); err != nil {
				t.Fatal(err)
			}
			labels := make([]int32, 301)
			if err := m.Predict(nil, q.X, labels); err != nil {
				t.Fatal(err)
			}
			for r := range q.X.Rows {
				want := m.decideByDefinition(q.X.Row(r, make([]float64, 5)))
				for k, v := range want {
					if d := math.Abs(got[r*m.Pairs()+k] - v); !(d <= 2e-4*(1+math.Abs(v)/100)) {
						t.Fatalf("kernel %v, row %d, pair %d: %g, want %g", prm.Kernel.Kind, r, k, got[r*m.Pairs()+k], v)
					}
				}
				if want := m.vote(got[r*m.Pairs():], make([]int32, classes)); labels[r] != want {
					t.Fatalf("row %d: label %d, want %d", r, labels[r], want)
				}
			}
		}
	}
}

func (m *Model) decideByDefinition(x []float64) []float64 {
	var out []float64
	n := len(m.Support)
	for i := range m.Classes {
		for j := i + 1; j < m.Classes; j++ {
			sum, k := m.Intercept[len(out)], 0
			for c, count := range m.NSupport {
				for range count {
					v := value(m.Kernel, x, m.SupportVectors[k*m.Features:][:m.Features])
					switch c {
					case i:
						sum += m.DualCoef[(j-1)*n+k] * v
					case j:
						sum += m.DualCoef[i*n+k] * v
					}
					k++
				}
			}
			out = append(out, sum)
		}
	}
	return out
}

// TestFinishExactly runs the last resort from β = 0, where it has all to do.
func TestFinishExactly(t *testing.T) {
	p, prm := clouds(28, 300, 3, 2, 1), params(rbf(.3), 1)
	want := fit(t, p, prm).Objective[0]
	scope := arena.NewScope()
	defer scope.Release()
	members, err := classRows(scope, p, prm)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := kernel.NewPack(nil, scope, p.X, prm.Kernel)
	if err != nil {
		t.Fatal(err)
	}
	f := pairFit{i: 0, j: 1}
	rows, d, err := f.dual(scope, p, prm, members)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSolver(nil, scope, pack, rows, prm, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.begin(d, nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.finishExactly()
	if err != nil {
		t.Fatal(err)
	}
	if !r.converged || r.updates == 0 || math.Abs(r.objective-want) > prm.Tol*300 {
		t.Errorf("got %+v, want objective %g", r, want)
	}
}
