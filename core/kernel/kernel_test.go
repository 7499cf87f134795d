package kernel

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/dense"
)

func random(seed uint64, n, d int, scale float64) dense.Matrix {
	r := rand.New(rand.NewPCG(seed, 2))
	x := make([]float64, n*d)
	for i := range x {
		x[i] = 3 + scale*r.NormFloat64()
	}
	return dense.Matrix{F64: x, Rows: n, Cols: d, RowStride: d, ColStride: 1}
}

// value is the kernel by its definition, linear of rows less the shift.
func value(p Params, x, z, shift []float64) float64 {
	sum := 0.0
	for k := range x {
		if p.Kind == RBF {
			sum -= p.Gamma * (x[k] - z[k]) * (x[k] - z[k])
		} else {
			sum += (x[k] - shift[k]) * (z[k] - shift[k])
		}
	}
	if p.Kind == RBF {
		return math.Exp(sum)
	}
	return sum
}

// cases are (kernel, data) such that both stores are exercised.
func cases(t *testing.T, body func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64)) {
	for _, c := range []struct {
		params Params
		scale  float64
		wide   bool
	}{
		{Params{Kind: RBF, Gamma: .05}, 1, false},
		{Params{Kind: RBF, Gamma: 20}, 100, true},
		{Params{Kind: RBF, Gamma: 1}, 1e8, true},
		{Params{Kind: Linear}, 1, false},
	} {
		for _, d := range []int{1, 3, 16, 37} {
			t.Run(fmt.Sprintf("kind %d, scale %g, d %d", c.params.Kind, c.scale, d), func(t *testing.T) {
				s := arena.NewScope()
				defer s.Release()
				x := random(uint64(d), 203, d, c.scale)
				// Near twins, which cancellation in the exponent would tear apart.
				for i := 1; i < 203; i += 2 {
					for k := range d {
						x.F64[i*d+k] = x.F64[(i-1)*d+k] * (1 + 1e-9)
					}
				}
				p, err := NewPack(nil, s, x, c.params)
				if err != nil {
					t.Fatal(err)
				}
				if p.Wide() != c.wide {
					t.Fatalf("wide is %v", p.Wide())
				}
				tolerance := 2e-6
				if c.params.Kind == Linear {
					tolerance *= float64(d) * c.scale * c.scale * 10
				}
				body(t, s, p, x, tolerance)
			})
		}
	}
}

func TestColumnsAndSums(t *testing.T) {
	cases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64) {
		r := rand.New(rand.NewPCG(9, 9))
		rows, cols := make([]int32, 101), make([]int32, 45)
		for _, idx := range [][]int32{rows, cols} {
			for k := range idx {
				idx[k] = int32(r.IntN(x.Rows))
			}
		}
		delta := make([]float64, len(cols))
		for k := range delta {
			delta[k] = r.NormFloat64()
		}
		gathered, err := p.NewRows(s, len(rows))
		if err != nil {
			t.Fatal(err)
		}
		against, err := p.NewCols(s, len(cols))
		if err != nil {
			t.Fatal(err)
		}
		gathered.Gather(rows)
		against.Gather(cols)
		const ld = 144
		k := make([]float32, len(cols)*ld)
		Columns(nil, gathered, against, k, ld)
		f := make([]float64, 128)
		f[2] = 5
		AddSums(nil, gathered, against, delta, f)
		f[2] -= 5
		both, again := make([]float64, 128), make([]float32, len(k))
		AddColumns(nil, gathered, against, delta, both, again, ld)
		sums := make([]float64, len(rows))
		if err := Sums(nil, rows, against, delta, sums); err != nil {
			t.Fatal(err)
		}
		exact := make([]float64, len(rows))
		if err := p.Exact(nil, rows, cols, delta, exact); err != nil {
			t.Fatal(err)
		}
		a, b := make([]float64, p.Cols), make([]float64, p.Cols)
		for i, row := range rows {
			want := 0.0
			for j, col := range cols {
				v := value(p.Params, x.Row(int(row), a), x.Row(int(col), b), p.Shift())
				want += delta[j] * v
				if k[j*ld+i] != again[j*ld+i] {
					t.Fatalf("K(%d, %d) differs between Columns and AddColumns", row, col)
				}
				if got := float64(k[j*ld+i]); !(math.Abs(got-v) <= tolerance) {
					t.Fatalf("K(%d, %d) = %g, want %g", row, col, got, v)
				}
			}
			for name, got := range map[string]float64{"AddSums": f[i], "AddColumns": both[i], "Sums": sums[i]} {
				if !(math.Abs(got-want) <= 10*tolerance) {
					t.Fatalf("%s of row %d: %g, want %g", name, row, got, want)
				}
			}
			if !(math.Abs(exact[i]-want) <= 0.1*tolerance) {
				t.Fatalf("Exact of row %d: %g, want %g", row, exact[i], want)
			}
		}
	})
}

func TestAgainst(t *testing.T) {
	cases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64) {
		q := random(77, 140, p.Cols, 1)
		weights := make([][]float64, 3)
		r := rand.New(rand.NewPCG(3, 3))
		for k := range weights {
			weights[k] = make([]float64, x.Rows)
			for j := range weights[k] {
				weights[k][j] = r.NormFloat64()
			}
		}
		segments := []Segment{
			{0, 100, [][]float64{weights[0][:100]}, []int{1}},
			{100, x.Rows, [][]float64{weights[1][100:], weights[2][100:]}, []int{0, 1}},
			{7, 7, nil, nil},
		}
		out := make([]float64, 2*q.Rows)
		if err := p.Against(nil, q, segments, 2, out); err != nil {
			t.Fatal(err)
		}
		a, b := make([]float64, p.Cols), make([]float64, p.Cols)
		for i := range q.Rows {
			want := [2]float64{}
			for j := range x.Rows {
				v := value(p.Params, q.Row(i, a), x.Row(j, b), make([]float64, p.Cols))
				if j < 100 {
					want[1] += weights[0][j] * v
				} else {
					want[0] += weights[1][j] * v
					want[1] += weights[2][j] * v
				}
			}
			for o, w := range want {
				if got := out[2*i+o]; !(math.Abs(got-w) <= 20*tolerance) {
					t.Fatalf("row %d, sum %d: %g, want %g", i, o, got, w)
				}
			}
		}
	})
}

func TestNotFiniteRowsAreRefused(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), 1e200} {
		s := arena.NewScope()
		x := random(1, 50, 4, 1)
		x.F64[33] = v
		if _, err := NewPack(nil, s, x, Params{Kind: RBF, Gamma: 1}); !errors.Is(err, ErrNotFinite) {
			t.Errorf("%g: got %v", v, err)
		}
		s.Release()
	}
}
