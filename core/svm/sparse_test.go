package svm

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gocluster/core/kernel"
	"gocluster/core/parallel"
	"gocluster/core/sparse"
)

// documents draws n rows of about nonzero elements in d columns, the first of them
// in many rows and most in few, some rows empty; with columns that repeat or are
// out of order, and zeros that are stored. Classes differ by a direction.
func documents(seed uint64, n, d, nonzero, classes int, narrow bool) Problem {
	r := rand.New(rand.NewPCG(seed, 5))
	m := sparse.CSR{Rows: n, Cols: d, Indptr32: []int32{0}, Indices32: []int32{}, F64: []float64{}}
	y := make([]int32, n)
	direction := make([]float64, d)
	for j := range direction {
		direction[j] = r.NormFloat64()
	}
	for i := range n {
		score := r.NormFloat64() / 4
		for range r.IntN(2 * nonzero) {
			j := int(float64(d) * math.Pow(r.Float64(), 3))
			v := float64(float32(r.Float64()))
			if j%7 == 6 {
				v = 0
			}
			m.Indices32, m.F64 = append(m.Indices32, int32(j)), append(m.F64, v)
			score += v * direction[j]
		}
		m.Indptr32 = append(m.Indptr32, int32(len(m.F64)))
		y[i] = int32(min(float64(classes-1), math.Abs(math.Floor(score+float64(classes)/2))))
	}
	for c := range classes {
		y[c] = int32(c)
	}
	if narrow {
		m.F32 = make([]float32, len(m.F64))
		for e, v := range m.F64 {
			m.F32[e] = float32(v)
		}
		m.F64 = nil
	}
	return Problem{Sparse: &m, Y: y, Classes: classes}
}

// dense is the problem with all its zeros.
func (p Problem) dense() Problem {
	x := make([]float64, 0, p.Rows()*p.Features())
	for i := range p.Rows() {
		x = append(x, p.row(i)...)
	}
	p.X, p.Sparse = matrix(x, p.Features()), nil
	return p
}

// TestSparseSolutionsAreOptimal judges models of sparse data, and holds them against
// those of the same data with all its zeros.
func TestSparseSolutionsAreOptimal(t *testing.T) {
	if testing.Short() {
		t.Skip("numbers, which the race detector does not look at")
	}
	single := documents(9, 40, 30, 4, 2, false)
	for i := range single.Y {
		single.Y[i] = int32(min(i, 1)) // one row of class 0
	}
	weighted := documents(10, 300, 50, 8, 3, true)
	weighted.ClassWeight = []float64{1, 2, .5}
	weighted.SampleWeight = make([]float64, 300)
	for i := range weighted.SampleWeight {
		weighted.SampleWeight[i] = float64(i % 4)
	}
	large := documents(13, 300, 60, 6, 2, false)
	for e := range large.Sparse.F64 {
		large.Sparse.F64[e] *= 1e4
	}
	empty := documents(14, 100, 60, 6, 2, false)
	for i := range empty.Sparse.Indptr32 {
		empty.Sparse.Indptr32[i] = 0
	}
	for name, c := range map[string]struct {
		p   Problem
		prm Params
	}{
		"rbf":                 {documents(1, 900, 400, 12, 2, false), params(rbf(.2), 1)},
		"rbf, large C":        {documents(2, 400, 900, 30, 2, true), params(rbf(.5), 1e3)},
		"rbf, several blocks": {documents(3, 8700, 25, 3, 2, false), params(rbf(.3), 1)},
		"linear":              {documents(4, 700, 1000, 12, 2, false), params(linear, 1)},
		"linear, one block":   {documents(5, 300, 2000, 12, 2, true), params(linear, 10)},
		"linear, few columns": {documents(5, 3000, 40, 6, 2, false), params(linear, 1)},
		"poly":                {documents(6, 900, 300, 12, 2, false), params(poly(3, .1, 1), 1)},
		"sigmoid":             {documents(7, 900, 300, 12, 2, true), params(sigmoid(.02, -.5), 1)},
		"four classes":        {documents(8, 900, 300, 12, 4, false), params(rbf(.2), 1)},
		"one row of a class":  {single, params(rbf(.2), 1)},
		"weights":             {weighted, params(rbf(.2), 1)},
		"float64 rows":        {large, params(rbf(1e-4), 10)},
		"rows apart":          {large, params(rbf(1e3), 10)},
		"empty rows":          {empty, params(rbf(1), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			m := fit(t, c.p, c.prm)
			d := c.p.dense()
			want, err := Fit(nil, d, c.prm)
			if err != nil {
				t.Fatal(err)
			}
			for k := range m.Objective {
				if !(math.Abs(m.Objective[k]-want.Objective[k]) <= 2e-3*(1+math.Abs(want.Objective[k]))) {
					t.Errorf("pair %d: objective %g, and %g with all zeros", k, m.Objective[k], want.Objective[k])
				}
			}
			if m.SupportVectors != nil || m.Sparse.Rows != len(m.Support) || m.Vectors() != len(m.Support) {
				t.Fatalf("%d support vectors, %d rows", len(m.Support), m.Sparse.Rows)
			}
			for k, i := range m.Support {
				got := make([]float64, c.p.Features())
				row := m.Sparse.Row(k)
				for e := range row.Len() {
					j, v := row.At(e)
					got[m.Sparse.Column[j]] = v
				}
				want := c.p.row(int(i))
				for j, v := range got {
					if math.Abs(v-want[j]) > 1e-6*math.Abs(v) {
						t.Fatalf("support vector %d is not row %d", k, i)
					}
				}
			}
			judgeDecisions(t, m, c.p)
		})
	}
}

// judgeDecisions compares decision values with the definition, those of dense rows
// with those of sparse ones, and predictions with both.
func judgeDecisions(t *testing.T, m *Model, p Problem) {
	n := p.Rows()
	got, full := make([]float64, n*m.Pairs()), make([]float64, n*m.Pairs())
	if err := m.DecisionSparse(nil, *p.Sparse, got); err != nil {
		t.Fatal(err)
	}
	d := p.dense()
	if err := m.Decision(nil, d.X, full); err != nil {
		t.Fatal(err)
	}
	definition := *m
	definition.SupportVectors = make([]float64, 0, m.Vectors()*m.Features)
	size := 0.0
	for k := range m.Vectors() {
		row := make([]float64, m.Features)
		for e, j := range m.Sparse.Row(k).Indices32 {
			_, row[m.Sparse.Column[j]] = m.Sparse.Row(k).At(e)
		}
		definition.SupportVectors = append(definition.SupportVectors, row...)
	}
	for _, c := range m.DualCoef {
		size += math.Abs(c)
	}
	for i := 0; i < n; i += 1 + n/50 {
		want := definition.decideByDefinition(p.row(i))
		for k, v := range want {
			at := i*m.Pairs() + k
			if !(math.Abs(got[at]-v) <= 1e-4+1e-6*size) {
				t.Fatalf("row %d, pair %d: %g, want %g", i, k, got[at], v)
			}
			if !(math.Abs(full[at]-v) <= 1e-4+1e-6*size) {
				t.Fatalf("row %d given dense, pair %d: %g, want %g", i, k, full[at], v)
			}
		}
	}
	labels, votes := make([]int32, n), make([]int32, m.Classes)
	if err := m.PredictSparse(nil, *p.Sparse, labels); err != nil {
		t.Fatal(err)
	}
	for i, label := range labels {
		if label != m.vote(got[i*m.Pairs():], votes) {
			t.Fatalf("row %d is of class %d", i, label)
		}
	}
}

func TestSparseResultsDoNotDependOnThreads(t *testing.T) {
	p := documents(20, 2500, 500, 10, 2, false)
	for _, k := range []kernel.Params{rbf(.2), linear} {
		var first *Model
		for _, threads := range []int{1, 2, 5} {
			before := parallel.SetBudget(threads)
			m, err := Fit(nil, p, params(k, 1))
			parallel.SetBudget(before)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = m
			}
			if !slices.Equal(m.DualCoef, first.DualCoef) || !slices.Equal(m.Intercept, first.Intercept) {
				t.Errorf("%d threads give another model", threads)
			}
		}
	}
}

func TestSparseArguments(t *testing.T) {
	for says, spoil := range map[string]func(p *Problem){
		"X: row 3 has column index 30":         func(p *Problem) { p.Sparse.Indices32[p.Sparse.Indptr32[3]] = 30 },
		"X: row pointers fall":                 func(p *Problem) { p.Sparse.Indptr32[2] = -1 },
		"X: 41 row pointers for 39 rows":       func(p *Problem) { p.Sparse.Rows--; p.Y = p.Y[1:] },
		"X: row 3, column":                     func(p *Problem) { p.Sparse.F64[p.Sparse.Indptr32[3]] = math.NaN() },
		"X: squared norms overflow":            func(p *Problem) { p.Sparse.F64[0] = 1e200 },
		"y: has 39 labels for 40 rows":         func(p *Problem) { p.Y = p.Y[1:] },
		"X: there are no features":             func(p *Problem) { p.Sparse.Cols = 0 },
		"sample_weight: has 3 weights for 40 ": func(p *Problem) { p.SampleWeight = make([]float64, 3) },
	} {
		p := documents(9, 40, 30, 8, 2, false)
		spoil(&p)
		_, err := Fit(nil, p, params(rbf(1), 1))
		var argument *ArgumentError
		if !errors.As(err, &argument) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	p := documents(9, 40, 30, 8, 2, false)
	m, err := Fit(nil, p, params(rbf(1), 1))
	if err != nil {
		t.Fatal(err)
	}
	wider := *p.Sparse
	wider.Cols++
	if err := m.DecisionSparse(nil, wider, make([]float64, 40)); err == nil || !strings.Contains(err.Error(), "has 31 features") {
		t.Error(err)
	}
	dense, err := Fit(nil, p.dense(), params(rbf(1), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := dense.PredictSparse(nil, *p.Sparse, make([]int32, 40)); err == nil || !strings.Contains(err.Error(), "trained on dense data") {
		t.Error(err)
	}
	c := new(parallel.Control)
	c.Cancel()
	if _, err := Fit(c, p, params(rbf(1), 1)); !errors.Is(err, parallel.ErrCancelled) {
		t.Error(err)
	}
}
