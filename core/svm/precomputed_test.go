package svm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gocluster/core/dense"
	"gocluster/core/kernel"
	"gocluster/core/simd"
)

var precomputed = kernel.Params{Kind: kernel.Precomputed}

// gramOf is the kernel matrix of x's rows with z's, [x][z].
func gramOf(k kernel.Params, x, z dense.Matrix) dense.Matrix {
	g := make([]float64, x.Rows*z.Rows)
	for i := range x.Rows {
		for j := range z.Rows {
			g[i*z.Rows+j] = value(k, x.Row(i, make([]float64, x.Cols)), z.Row(j, make([]float64, z.Cols)))
		}
	}
	return matrix(g, z.Rows)
}

// layouts are a matrix in float64 and float32, contiguous and not.
func layouts(m dense.Matrix) map[string]dense.Matrix {
	narrow := dense.Matrix{F32: make([]float32, m.Rows*m.Cols), Rows: m.Rows, Cols: m.Cols, RowStride: m.Cols, ColStride: 1}
	apart := dense.Matrix{F64: make([]float64, 2*m.Rows*m.Cols+5), Rows: m.Rows, Cols: m.Cols, Start: 5 + 2*m.Rows*(m.Cols-1), RowStride: 2, ColStride: -2 * m.Rows}
	for i := range m.Rows {
		for j, v := range m.Row(i, make([]float64, m.Cols)) {
			narrow.F32[i*m.Cols+j] = float32(v)
			apart.F64[apart.Start+i*apart.RowStride+j*apart.ColStride] = v
		}
	}
	return map[string]dense.Matrix{"float64": m, "float32": narrow, "strides": apart}
}

// TestPrecomputedIsTheKernel trains on the matrix of a kernel and on the kernel.
func TestPrecomputedIsTheKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("numbers, which the race detector does not look at")
	}
	for _, c := range []struct {
		k kernel.Params
		p Problem
		c float64
	}{
		{rbf(.3), clouds(31, 500, 3, 3, 1), 1},
		{rbf(.3), clouds(31, 1500, 3, 2, 1), 10},
		{linear, clouds(32, 800, 3, 2, 1), 100},
		{poly(3, .3, 1), clouds(33, 700, 3, 2, 1), 10},
		{sigmoid(.1, -1), clouds(34, 600, 3, 2, 1), 1},
	} {
		query := clouds(35, 77, 3, 2, 1).X
		want := make([]float64, query.Rows*c.p.Classes)
		exact := params(c.k, c.c)
		exact.Tol = 1e-6
		m := fit(t, c.p, exact)
		want = want[:query.Rows*m.Pairs()]
		if err := m.Decision(nil, query, want); err != nil {
			t.Fatal(err)
		}
		for name, gram := range layouts(gramOf(c.k, c.p.X, c.p.X)) {
			t.Run(fmt.Sprintf("%+v, %s", c.k, name), func(t *testing.T) {
				p, prm := c.p, exact
				p.X, prm.Kernel = gram, precomputed
				if name == "float32" {
					prm.Tol = 1e-3 // the matrix is another one
				}
				got := fit(t, p, prm)
				if len(got.SupportVectors) != 0 || got.Features != c.p.X.Rows {
					t.Errorf("%d values of support vectors, %d features", len(got.SupportVectors), got.Features)
				}
				out := make([]float64, len(want))
				if err := got.Decision(nil, layouts(gramOf(c.k, query, c.p.X))[name], out); err != nil {
					t.Fatal(err)
				}
				for i := range out {
					if tolerance := 20 * prm.Tol * (1 + math.Abs(want[i])); !(math.Abs(out[i]-want[i]) <= tolerance) {
						t.Fatalf("decision %d is %g, want %g", i, out[i], want[i])
					}
				}
			})
		}
	}
}

// TestAnyMatrixEnds trains on matrices that are no kernel's.
func TestAnyMatrixEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("numbers, which the race detector does not look at")
	}
	const n = 700
	r := rand.New(rand.NewPCG(40, 1))
	matrices := map[string]func(i, j int) float64{
		"random":   func(i, j int) float64 { return r.NormFloat64() },
		"zero":     func(i, j int) float64 { return 0 },
		"negative": func(i, j int) float64 { return -1 },
		"minus identity": func(i, j int) float64 {
			if i == j {
				return -1
			}
			return 0
		},
		"large":    func(i, j int) float64 { return 1e30 * r.NormFloat64() },
		"distance": func(i, j int) float64 { return math.Abs(float64(i - j)) },
	}
	for name, value := range matrices {
		t.Run(name, func(t *testing.T) {
			p := clouds(41, n, 3, 2, 1)
			g := make([]float64, n*n)
			for i := range n {
				for j := range i + 1 {
					g[i*n+j] = value(i, j)
					g[j*n+i] = g[i*n+j]
				}
			}
			p.X = matrix(g, n)
			if name == "large" { // what is found cannot be right to 1e-3
				if _, err := Fit(nil, p, params(precomputed, 1)); err != nil {
					t.Fatal(err)
				}
				return
			}
			fit(t, p, params(precomputed, 1))
		})
	}
	t.Run("not symmetric", func(t *testing.T) {
		p := clouds(41, 60, 3, 2, 1)
		g := make([]float64, 60*60)
		for i := range g {
			g[i] = r.NormFloat64()
		}
		p.X = matrix(g, 60)
		prm := params(precomputed, 1)
		if _, err := Fit(nil, p, prm); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPrecomputedOnEveryInstructionSet(t *testing.T) {
	p := clouds(36, 900, 3, 2, 1)
	p.X = gramOf(rbf(.3), p.X, p.X)
	for _, level := range simd.Available() {
		restore := simd.Use(level)
		fit(t, p, params(precomputed, 5))
		restore()
	}
}

func TestPrecomputedArguments(t *testing.T) {
	p := clouds(37, 30, 3, 2, 1)
	for name, x := range map[string]dense.Matrix{
		"square": p.X,
		"range":  matrix(append(make([]float64, 899), 1e39), 30),
		"NaN":    matrix(append(make([]float64, 899), math.NaN()), 30),
	} {
		q := p
		q.X = x
		if _, err := Fit(nil, q, params(precomputed, 1)); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Log(err)
		}
	}
	q := p
	q.X = gramOf(rbf(.3), p.X, p.X)
	m := fit(t, q, params(precomputed, 1))
	narrow := q.X
	narrow.Cols--
	if err := m.Predict(nil, narrow, make([]int32, 30)); err == nil {
		t.Error("X with too few columns is accepted")
	}
}
