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
			a, b := x[k], z[k]
			if len(shift) > 0 {
				a, b = a-shift[k], b-shift[k]
			}
			sum += a * b
		}
	}
	switch p.Kind {
	case RBF:
		return math.Exp(sum)
	case Poly:
		return math.Pow(p.Gamma*sum+p.Coef0, float64(p.Degree))
	case Sigmoid:
		return math.Tanh(p.Gamma*sum + p.Coef0)
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
		{Params{Kind: Poly, Gamma: .02, Degree: 3}, 1, false},
		{Params{Kind: Poly, Gamma: .02, Degree: 2, Coef0: -1}, 1, false},
		{Params{Kind: Poly, Gamma: .01, Degree: 5, Coef0: .5}, 1, false},
		{Params{Kind: Poly, Gamma: 3, Degree: 0, Coef0: 5}, 1, false},
		{Params{Kind: Poly, Gamma: 0, Degree: 2, Coef0: .5}, 1, false},
		{Params{Kind: Sigmoid, Gamma: .02, Coef0: -1}, 1, false},
	} {
		for _, d := range []int{1, 3, 16, 37} {
			t.Run(fmt.Sprintf("%+v, scale %g, d %d", c.params, c.scale, d), func(t *testing.T) {
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
				switch c.params.Kind {
				case Linear:
					tolerance *= float64(d) * c.scale * c.scale * 10
				case Poly: // rows are within three deviations of their mean (3, …, 3)
					product := c.params.Gamma*36*float64(d) + math.Abs(c.params.Coef0)
					tolerance *= math.Pow(product, float64(c.params.Degree))
				}
				body(t, s, p, x, tolerance)
			})
		}
	}
	t.Run("two rows far away", func(t *testing.T) {
		s := arena.NewScope()
		defer s.Release()
		x := random(5, 203, 4, 1)
		for k := range 4 {
			x.F64[4*40+k] += 1e4
			x.F64[4*41+k] = x.F64[4*40+k] + .2
		}
		p, err := NewPack(nil, s, x, Params{Kind: RBF, Gamma: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !p.Wide() {
			t.Fatal("not in float64")
		}
		body(t, s, p, x, 2e-6)
	})
	t.Run("most elements alike", func(t *testing.T) {
		s := arena.NewScope()
		defer s.Release()
		x := categories(4, 203, []int{3, 20, 5, 11})
		p, err := NewPack(nil, s, x, Params{Kind: RBF, Gamma: .05})
		if err != nil {
			t.Fatal(err)
		}
		if p.narrow.listed == nil {
			t.Fatal("not listed")
		}
		body(t, s, p, x, 2e-6)
	})
}

// categories are one-hot columns of so many levels each, some of them shifted far
// away from zero.
func categories(seed uint64, n int, levels []int) dense.Matrix {
	r := rand.New(rand.NewPCG(seed, 3))
	d := 0
	for _, l := range levels {
		d += l
	}
	x := make([]float64, n*d)
	for i := range n {
		row := x[i*d:][:d]
		first := 0
		for _, l := range levels {
			row[first+min(r.IntN(l), r.IntN(l))] = 1
			first += l
		}
		for k := range row {
			if k%3 == 0 {
				row[k] += 100
			}
		}
	}
	return dense.Matrix{F64: x, Rows: n, Cols: d, RowStride: d, ColStride: 1}
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

// TestWidened compares the sums of a pack in float64, which float32 rounds nowhere.
func TestWidened(t *testing.T) {
	for _, params := range []Params{{Kind: Poly, Gamma: 2, Degree: 3, Coef0: 1}, {Kind: Sigmoid, Gamma: .1}, {Kind: RBF, Gamma: .1}} {
		s := arena.NewScope()
		x, q := random(4, 77, 5, 1), random(5, 41, 5, 1)
		p, err := NewPack(nil, s, x, params)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Widen(nil, s); err != nil {
			t.Fatal(err)
		}
		weights := make([]float64, x.Rows)
		for k := range weights {
			weights[k] = float64(k%7-3) * 1e5
		}
		segments := []Segment{{0, 50, [][]float64{weights[:50]}, []int{1}}, {50, 77, [][]float64{weights[50:]}, []int{0}}}
		if params.Kind != RBF { // whose values for several sums pass through float32
			segments[0] = Segment{0, 50, [][]float64{weights[:50], weights[1:51]}, []int{1, 0}}
		}
		out := make([]float64, 2*q.Rows)
		if err := p.Against(nil, q, segments, 2, out); err != nil {
			t.Fatal(err)
		}
		zero := make([]float64, 5)
		for i := range q.Rows {
			want, size := [2]float64{}, 0.0
			for _, seg := range segments {
				for k, w := range seg.Weights {
					for j := seg.First; j < seg.Last; j++ {
						v := w[j-seg.First] * value(params, q.Row(i, make([]float64, 5)), x.Row(j, make([]float64, 5)), zero)
						want[seg.Out[k]] += v
						size += math.Abs(v)
					}
				}
			}
			for o, w := range want {
				if got := out[2*i+o]; !(math.Abs(got-w) <= 1e-13*size) {
					t.Fatalf("%+v: row %d, sum %d: %g, want %g of terms of %g", params, i, o, got, w, size)
				}
			}
		}
		s.Release()
	}
}

// TestLargeQueries asks for rows whose kernel values float32 does not hold.
func TestLargeQueries(t *testing.T) {
	for _, params := range []Params{{Kind: Poly, Gamma: .5, Degree: 3}, {Kind: Sigmoid, Gamma: .5}} {
		s := arena.NewScope()
		x, q := random(6, 33, 3, 1), random(7, 9, 3, 1)
		for k := range 3 {
			q.F64[3*4+k] *= 1e25
			q.F64[3*7+k] *= 1e40
		}
		p, err := NewPack(nil, s, x, params)
		if err != nil {
			t.Fatal(err)
		}
		weights := make([]float64, x.Rows)
		for k := range weights {
			weights[k] = 1 + float64(k%3)
		}
		out := make([]float64, q.Rows)
		if err := p.Against(nil, q, []Segment{{0, x.Rows, [][]float64{weights}, []int{0}}}, 1, out); err != nil {
			t.Fatal(err)
		}
		for i, got := range out {
			want := 0.0
			for j, w := range weights {
				want += w * value(params, q.Row(i, make([]float64, 3)), x.Row(j, make([]float64, 3)), make([]float64, 3))
			}
			if !(math.Abs(got-want) <= 1e-5*math.Abs(want)) {
				t.Errorf("%+v: row %d: %g, want %g", params, i, got, want)
			}
		}
		s.Release()
	}
}

func TestOverflowIsRefused(t *testing.T) {
	for _, params := range []Params{{Kind: Poly, Gamma: 1, Degree: 20, Coef0: 1}, {Kind: Poly, Gamma: 1, Degree: 1, Coef0: 1e38},
		{Kind: Poly, Gamma: 1e37, Degree: 1}, {Kind: Sigmoid, Gamma: 1e38}, {Kind: Sigmoid, Gamma: 1, Coef0: -3e38}, {Kind: Linear}} {
		s := arena.NewScope()
		x := random(1, 50, 4, 1)
		if params.Kind == Linear {
			x.F64[7] = 1e20
		} else {
			x.F64[7] = 1e2
		}
		if _, err := NewPack(nil, s, x, params); !errors.Is(err, ErrNotFinite) {
			t.Errorf("%+v: got %v", params, err)
		}
		s.Release()
	}
}

func TestRank(t *testing.T) {
	for _, c := range []struct {
		params  Params
		d, want int
	}{
		{Params{Kind: Linear}, 7, 7},
		{Params{Kind: Poly, Degree: 3}, 4, 20},
		{Params{Kind: Poly, Degree: 3, Coef0: 1}, 4, 35},
		{Params{Kind: Poly, Degree: 0, Coef0: 1}, 4, 1},
		{Params{Kind: Poly, Degree: 1, Coef0: 1}, 4, 5},
		{Params{Kind: Poly, Degree: 9}, 1, 1},
		{Params{Kind: Poly, Degree: 9, Coef0: 1}, 1, 10},
		{Params{Kind: Poly, Degree: 2}, 50, 1275},
		{Params{Kind: Poly, Degree: 1 << 30}, 50, math.MaxInt32},
		{Params{Kind: RBF}, 2, math.MaxInt32},
	} {
		if got := c.params.Rank(c.d); got != c.want {
			t.Errorf("%+v of %d features: %d, want %d", c.params, c.d, got, c.want)
		}
	}
}
