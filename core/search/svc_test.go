package search

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/svm"
)

// clouds are classes around points of a circle, with many rows on the wrong side.
func clouds(n, d, classes int) svm.Problem {
	r := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	p := svm.Problem{Classes: classes, Y: make([]int32, n)}
	x := make([]float64, n*d)
	for i := range n {
		p.Y[i] = int32(r.IntN(classes))
		angle := 2 * math.Pi * float64(p.Y[i]) / float64(classes)
		for k := range d {
			x[d*i+k] = r.NormFloat64()
		}
		x[d*i] += 1.5 * math.Cos(angle)
		x[d*i+1] += 1.5 * math.Sin(angle)
	}
	p.X = dense.Matrix{F64: x, Rows: n, Cols: d, RowStride: d, ColStride: 1}
	return p
}

func folds(n, k int) []Split {
	splits := make([]Split, k)
	for i := range n {
		for s := range splits {
			if i%k == s {
				splits[s].Test = append(splits[s].Test, int32(i))
			} else {
				splits[s].Train = append(splits[s].Train, int32(i))
			}
		}
	}
	return splits
}

func grid(splits int) []Fit {
	var fits []Fit
	for _, k := range []kernel.Params{
		{Kind: kernel.RBF, Gamma: .5}, {Kind: kernel.Linear}, {Kind: kernel.Poly, Degree: 2, Gamma: .3, Coef0: 1}, {Kind: kernel.Sigmoid, Gamma: .05},
	} {
		for _, c := range []float64{10, .01, 1, 1, 2.5} { // not in order, and one twice
			for s := range splits {
				fits = append(fits, Fit{Params: svm.Params{Kernel: k, C: c, Tol: 1e-3, CacheSize: 50, MaxIter: -1}, Split: s})
			}
		}
	}
	return fits
}

func run(t *testing.T, p *Plan) Output {
	t.Helper()
	offsets := p.Offsets()
	rows := offsets[len(p.Fits)]
	out := Output{
		Predicted: make([]int32, rows),
		Decision:  make([]float64, rows*p.Classes*(p.Classes-1)/2),
		Report:    make([]Report, len(p.Fits)),
	}
	if err := SVC(nil, p, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// subset is the problem of one split's training rows alone.
func subset(p *Plan, rows []int32) svm.Problem {
	d := p.X.Cols
	part := svm.Problem{Classes: p.Classes}
	x := make([]float64, len(rows)*d)
	for k, i := range rows {
		p.X.Row(int(i), x[k*d:][:d])
		part.Y = append(part.Y, p.Y[i])
		if p.SampleWeight != nil {
			part.SampleWeight = append(part.SampleWeight, p.SampleWeight[i])
		}
	}
	part.X = dense.Matrix{F64: x, Rows: len(rows), Cols: d, RowStride: d, ColStride: 1}
	return part
}

// TestFitsAgreeWithFit compares every fit of a plan with one that knows of nothing
// else: decision values differ by what tol leaves open, labels where they are near zero.
func TestFitsAgreeWithFit(t *testing.T) {
	for _, classes := range []int{2, 4} {
		for _, weighted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d classes, weights %v", classes, weighted), func(t *testing.T) {
				plan := &Plan{Problem: clouds(300, 3, classes), Splits: folds(300, 3), Fits: grid(3)}
				if weighted {
					plan.SampleWeight = make([]float64, 300)
					for i := range plan.SampleWeight {
						plan.SampleWeight[i] = float64(i%5) / 2
					}
					for f := range plan.Fits {
						plan.Fits[f].ClassWeight = []float64{1, 2, .5, 1}[:classes]
					}
				}
				compare(t, plan)
			})
		}
	}
}

func compare(t *testing.T, plan *Plan) {
	t.Helper()
	out, offsets := run(t, plan), plan.Offsets()
	pairs := plan.Classes * (plan.Classes - 1) / 2
	for f, fit := range plan.Fits {
		if !out.Report[f].Converged || out.Report[f].Gap > fit.Tol {
			t.Errorf("fit %d (%+v): %+v", f, fit.Params, out.Report[f])
		}
		if fit.Kernel.Kind == kernel.Sigmoid { // not convex: there are several solutions
			continue
		}
		split := plan.Splits[fit.Split]
		alone := subset(plan, split.Train)
		alone.ClassWeight = fit.ClassWeight
		tight := fit.Params
		tight.Tol = 1e-5
		m, err := svm.Fit(nil, alone, tight)
		if err != nil {
			t.Fatal(err)
		}
		test := subset(plan, split.Test).X
		want, labels := make([]float64, test.Rows*pairs), make([]int32, test.Rows)
		if err := errors.Join(m.Decision(nil, test, want), m.Predict(nil, test, labels)); err != nil {
			t.Fatal(err)
		}
		got := out.Decision[offsets[f]*pairs : offsets[f+1]*pairs]
		far, near := 0.0, false
		for k := range want {
			far = max(far, math.Abs(got[k]-want[k]))
			near = near || math.Abs(want[k]) < 0.05
			if (k+1)%pairs == 0 {
				if r := k / pairs; !near && out.Predicted[offsets[f]+r] != labels[r] {
					t.Errorf("fit %d (%+v), test row %d: class %d, want %d", f, fit.Params, r, out.Predicted[offsets[f]+r], labels[r])
				}
				near = false
			}
		}
		if far > 0.05 { // decision values are of order 1; tol 1e-3 moves them by some 1e-3, by more where C is tiny
			t.Errorf("fit %d (%+v): a decision value is off by %v", f, fit.Params, far)
		}
	}
}

func TestResultsDoNotDependOnThreadsOrOrder(t *testing.T) {
	plan := &Plan{Problem: clouds(240, 2, 3), Splits: folds(240, 4), Fits: grid(4)}
	want := run(t, plan)
	before := parallel.SetBudget(3)
	got := run(t, plan)
	parallel.SetBudget(before)
	if !slices.Equal(got.Decision, want.Decision) || !slices.Equal(got.Predicted, want.Predicted) {
		t.Error("three threads give other results")
	}
	offsets := plan.Offsets()
	turned := *plan
	turned.Fits = slices.Clone(plan.Fits)
	slices.Reverse(turned.Fits)
	got, back := run(t, &turned), turned.Offsets()
	for f := range plan.Fits {
		b := len(plan.Fits) - 1 - f
		if !slices.Equal(got.Decision[3*back[b]:3*back[b+1]], want.Decision[3*offsets[f]:3*offsets[f+1]]) {
			t.Errorf("fit %d differs in another order", f)
		}
	}
}

// TestSplits trains on repeated rows, on few, and on some that lack a class.
func TestSplits(t *testing.T) {
	plan := &Plan{Problem: clouds(200, 2, 3)}
	var twice, lacking, all []int32
	for i := range int32(200) {
		all = append(all, i)
		if i%3 == 0 {
			twice = append(twice, i, i)
		}
		if plan.Y[i] != 1 {
			lacking = append(lacking, i)
		}
	}
	plan.Splits = []Split{{twice, all}, {lacking, all[:50]}, {lacking[:30], nil}}
	plan.Fits = grid(2)
	repeated := *plan
	repeated.Fits = slices.DeleteFunc(slices.Clone(plan.Fits), func(f Fit) bool { return f.Split != 0 })
	compare(t, &repeated)
	plan.Fits = append(plan.Fits, Fit{Params: plan.Fits[0].Params, Split: 2})
	out, offsets := run(t, plan), plan.Offsets()
	for f, fit := range plan.Fits {
		if fit.Split != 1 {
			continue
		}
		for r := offsets[f]; r < offsets[f+1]; r++ {
			if out.Predicted[r] == 1 {
				t.Errorf("fit %d predicts a class that it has not seen", f)
			}
			if d := out.Decision[3*r:][:3]; !math.IsNaN(d[0]) || math.IsNaN(d[1]) || !math.IsNaN(d[2]) {
				t.Errorf("fit %d: decision values %v", f, d)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	good := func() *Plan { return &Plan{Problem: clouds(60, 2, 2), Splits: folds(60, 2), Fits: grid(2)} }
	for name, c := range map[string]struct {
		argument string
		spoil    func(*Plan)
	}{
		"row":          {"splits", func(p *Plan) { p.Splits[0].Train[3] = 60 }},
		"test row":     {"splits", func(p *Plan) { p.Splits[1].Test[0] = -1 }},
		"one class":    {"sample_weight", func(p *Plan) { p.Y = make([]int32, 60) }},
		"no weight":    {"splits", func(p *Plan) { p.SampleWeight = slices.Repeat([]float64{1}, 60); lighten(p) }},
		"split":        {"split", func(p *Plan) { p.Fits[7].Split = 2 }},
		"C":            {"C", func(p *Plan) { p.Fits[7].C = -1 }},
		"class weight": {"class_weight", func(p *Plan) { p.Fits[7].ClassWeight = []float64{1} }},
		"X":            {"X", func(p *Plan) { p.X.F64[5] = math.NaN() }},
	} {
		t.Run(name, func(t *testing.T) {
			plan := good()
			c.spoil(plan)
			var argument *svm.ArgumentError
			if err := SVC(nil, plan, Output{}); !errors.As(err, &argument) || argument.Argument != c.argument {
				t.Errorf("got %v", err)
			}
		})
	}
}

// lighten leaves the first split one class whose rows have weight.
func lighten(p *Plan) {
	for _, row := range p.Splits[0].Train {
		p.SampleWeight[row] = float64(p.Y[row])
	}
}

func TestCancelled(t *testing.T) {
	var ctl parallel.Control
	ctl.Cancel()
	plan := &Plan{Problem: clouds(60, 2, 2), Splits: folds(60, 2), Fits: grid(2)}
	if err := SVC(&ctl, plan, Output{}); !errors.Is(err, parallel.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

// TestTables has enough features for kernel values to be kept, and distances where there is
// room for them as well. Data far away from zero are not exact enough for some gamma.
func TestTables(t *testing.T) {
	for _, c := range []struct {
		cache     float64
		offset    float64 // of one row
		distances bool
	}{{50, 0, true}, {50, 3e6, true}, {.5, 0, false}} {
		plan := &Plan{Problem: clouds(300, 80, 3), Splits: folds(300, 3)}
		plan.X.F64[7*80] += c.offset
		for _, scale := range []float64{.02, .001, .004} {
			for _, fit := range grid(3) {
				if fit.Kernel.Kind == kernel.RBF || scale == .02 {
					fit.Kernel.Gamma *= scale
					fit.CacheSize = c.cache
					plan.Fits = append(plan.Fits, fit)
				}
			}
		}
		s := &search{Plan: plan, members: make([][][]int32, 3)}
		works := s.works()
		s.share(works)
		for _, w := range works {
			if kind := w.Kernel.Kind; w.data.table != (kind != kernel.Linear) || (w.data.distances != nil) != (c.distances && kind == kernel.RBF) {
				t.Fatalf("%+v, %+v: table %v, distances %v", c, w.Kernel, w.data.table, w.data.distances)
			}
		}
		if c.offset == 0 {
			compare(t, plan)
			continue
		}
		for f, r := range run(t, plan).Report {
			if fit := plan.Fits[f]; fit.Kernel.Kind == kernel.RBF && !r.Converged {
				t.Errorf("fit %d: %+v", f, r)
			}
		}
	}
}

// TestLargeC walks past the C from which on no row is held back.
func TestLargeC(t *testing.T) {
	plan := &Plan{Problem: clouds(200, 6, 3), Splits: folds(200, 2)}
	for _, c := range []float64{1, 5, 50, 5e3, 5e6} {
		for _, gamma := range []float64{.05, 1, 20} {
			plan.Fits = append(plan.Fits, Fit{Params: svm.Params{Kernel: kernel.Params{Kind: kernel.RBF, Gamma: gamma}, C: c, Tol: 1e-3, CacheSize: 50, MaxIter: -1}})
		}
	}
	compare(t, plan)
}

// TestProbabilities compares with single fits, of splits with all classes and with fewer.
func TestProbabilities(t *testing.T) {
	plan := &Plan{Problem: clouds(300, 3, 3), Splits: folds(300, 3), Fits: grid(3)[:24]}
	plan.Splits[2].Train = slices.DeleteFunc(plan.Splits[2].Train, func(row int32) bool { return plan.Y[row] == 1 })
	for f := range plan.Fits {
		plan.Fits[f].Probability, plan.Fits[f].Seed, plan.Fits[f].Tol = f%5 > 0, 11, 1e-5
	}
	offsets := plan.Offsets()
	out := Output{Probability: make([]float64, 3*offsets[len(plan.Fits)])}
	if err := SVC(nil, plan, out); err != nil {
		t.Fatal(err)
	}
	for f, fit := range plan.Fits {
		got := out.Probability[3*offsets[f] : 3*offsets[f+1]]
		if !fit.Probability {
			if !math.IsNaN(got[0]) {
				t.Errorf("fit %d: %v without being asked", f, got[0])
			}
			continue
		}
		split := plan.Splits[fit.Split]
		alone, names := subset(plan, split.Train), []int{0, 1, 2}
		if fit.Split == 2 {
			alone.Classes, names = 2, []int{0, 2}
			for k, y := range alone.Y {
				alone.Y[k] = y / 2
			}
		}
		m, err := svm.Fit(nil, alone, fit.Params)
		if err != nil {
			t.Fatal(err)
		}
		test := subset(plan, split.Test).X
		want := make([]float64, test.Rows*m.Classes)
		if err := m.Proba(nil, test, want); err != nil {
			t.Fatal(err)
		}
		for r := range test.Rows {
			sum := 0.0
			for k, c := range names {
				sum += got[3*r+c]
				if d := math.Abs(got[3*r+c] - want[r*m.Classes+k]); d > 0.01 {
					t.Errorf("fit %d (%+v), row %d: probability of class %d is off by %v", f, fit.Params, r, c, d)
				}
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("fit %d, row %d: probabilities sum to %v", f, r, sum)
			}
		}
	}
}
