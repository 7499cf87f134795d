package kernel

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/dense"
	"gocluster/core/sparse"
)

// randomSparse is a matrix with rare and with common features, empty rows and
// columns, explicit zeros, twins, and now and then a column twice in a row; and the
// same as a dense one.
func randomSparse(seed uint64, n, d int, scale float64, narrow bool) (sparse.CSR, dense.Matrix) {
	r := rand.New(rand.NewPCG(seed, 7))
	m := sparse.CSR{Rows: n, Cols: d, Indptr64: []int64{0}, F64: []float64{}}
	full := dense.Matrix{F64: make([]float64, n*d), Rows: n, Cols: d, RowStride: d, ColStride: 1}
	add := func(i, j int, v float64) {
		round := func(v float64) float64 {
			if narrow {
				return float64(float32(v))
			}
			return v
		}
		m.Indices64, m.F64 = append(m.Indices64, int64(j)), append(m.F64, round(v))
		full.F64[i*d+j] = round(full.F64[i*d+j] + round(v))
	}
	for i := range n {
		from := m.Indptr64[max(0, i-1)]
		switch {
		case i%11 == 3: // empty
		case i%2 == 1:
			for e := from; e < m.Indptr64[i]; e++ {
				add(i, int(m.Indices64[e]), m.F64[e]*(1+1e-9))
			}
		default:
			for k := 0; k < 3+r.IntN(20); k++ {
				j := int(float64(d-1) * math.Pow(r.Float64(), 3)) // the first are common, the last is empty
				if j%5 == 4 {
					add(i, j, 0)
				}
				add(i, j, scale*r.NormFloat64())
			}
		}
		m.Indptr64 = append(m.Indptr64, int64(len(m.F64)))
	}
	if narrow {
		m.F32 = make([]float32, len(m.F64))
		for e, v := range m.F64 {
			m.F32[e] = float32(v)
		}
		m.F64 = nil
	}
	return m, full
}

// sparseCases are kernels and sparse data such that both stores, and exponents from
// differences, are exercised.
func sparseCases(t *testing.T, body func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64)) {
	for k, c := range []struct {
		params      Params
		scale       float64
		wide, apart bool
	}{
		{Params{Kind: RBF, Gamma: .05}, 1, false, false},
		{Params{Kind: RBF, Gamma: 20}, 10, true, false},
		{Params{Kind: RBF, Gamma: 1}, 1e8, true, true},
		{Params{Kind: Linear}, 1, false, false},
		{Params{Kind: Poly, Gamma: .02, Degree: 3}, 1, false, false},
		{Params{Kind: Poly, Gamma: .01, Degree: 2, Coef0: -1}, 1, false, false},
		{Params{Kind: Poly, Gamma: 3, Degree: 0, Coef0: 5}, 1, false, false},
		{Params{Kind: Sigmoid, Gamma: .02, Coef0: -1}, 1, false, false},
	} {
		for _, d := range []int{1, 3, 40, 700} {
			t.Run(fmt.Sprintf("%+v, scale %g, d %d", c.params, c.scale, d), func(t *testing.T) {
				s := arena.NewScope()
				defer s.Release()
				m, x := randomSparse(uint64(d), 603, d, c.scale, k%2 == 0)
				packed, err := sparse.Pack(nil, s, m)
				if err != nil {
					t.Fatal(err)
				}
				p, err := NewSparsePack(nil, s, packed, c.params)
				if err != nil {
					t.Fatal(err)
				}
				if p.Wide() != c.wide || c.wide && p.sparse.apart != c.apart {
					t.Fatalf("wide is %v", p.Wide())
				}
				if !c.wide && d > 3 && (p.sparse.common == 0 || p.sparse.common == p.Cols) {
					t.Fatalf("%d features of %d are common", p.sparse.common, p.Cols)
				}
				tolerance := 2e-6
				largest := 0.0
				for i := range x.Rows {
					square := 0.0
					for _, v := range x.Row(i, make([]float64, d)) {
						square += v * v
					}
					largest = max(largest, square)
				}
				switch c.params.Kind {
				case Linear:
					tolerance *= largest
				case Poly:
					tolerance *= math.Pow(c.params.Gamma*largest+math.Abs(c.params.Coef0), float64(c.params.Degree))
				}
				body(t, s, p, x, tolerance)
			})
		}
	}
}

func TestSparseColumnsAndSums(t *testing.T) {
	sparseCases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64) {
		r := rand.New(rand.NewPCG(9, 9))
		gathered, err := p.NewRows(s, 600)
		if err != nil {
			t.Fatal(err)
		}
		against, err := p.NewCols(s, 100)
		if err != nil {
			t.Fatal(err)
		}
		// Sets of several sizes in the same rooms: nothing of one is left for the next.
		for _, size := range [][2]int{{600, 45}, {101, 100}, {1, 1}, {31, 8}, {300, 7}} {
			rows, cols := make([]int32, size[0]), make([]int32, size[1])
			for _, idx := range [][]int32{rows, cols} {
				for k, i := range r.Perm(x.Rows)[:len(idx)] {
					idx[k] = int32(i)
				}
			}
			delta := make([]float64, len(cols))
			for k := range delta {
				delta[k] = r.NormFloat64()
			}
			gathered.Gather(rows)
			against.Gather(cols)
			const ld = 624
			k := make([]float32, len(cols)*ld)
			Columns(nil, gathered, against, k, ld)
			f := make([]float64, 608)
			f[0] = 5
			AddSums(nil, gathered, against, delta, f)
			f[0] -= 5
			both, again := make([]float64, 608), make([]float32, len(k))
			AddColumns(nil, gathered, against, delta, both, again, ld)
			sums, exact := make([]float64, len(rows)), make([]float64, len(rows))
			if err := Sums(nil, rows, against, delta, sums); err != nil {
				t.Fatal(err)
			}
			if err := p.Exact(nil, rows, cols, delta, exact); err != nil {
				t.Fatal(err)
			}
			a, b := make([]float64, x.Cols), make([]float64, x.Cols)
			for i, row := range rows {
				if i%(1+x.Cols/200) != 0 {
					continue // the definition is slow
				}
				want := 0.0
				for j, col := range cols {
					v := value(p.Params, x.Row(int(row), a), x.Row(int(col), b), a[:0:0])
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
				if !(math.Abs(exact[i]-want) <= 1e-4*tolerance) {
					t.Fatalf("Exact of row %d: %g, want %g", row, exact[i], want)
				}
			}
		}
		for i := range 20 {
			row := x.Row(i, make([]float64, x.Cols))
			want := value(p.Params, row, row, nil)
			if !(math.Abs(p.DiagExact(i)-want) <= 1e-4*tolerance) || !(math.Abs(float64(p.Diag[i])-want) <= tolerance) {
				t.Fatalf("K(%d, %d) = %g or %g, want %g", i, i, p.DiagExact(i), p.Diag[i], want)
			}
		}
	})
}

// TestSparseIsSymmetric: the two roles of a row give the same products, bit by bit.
func TestSparseIsSymmetric(t *testing.T) {
	sparseCases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64) {
		idx := make([]int32, 200)
		for k := range idx {
			idx[k] = int32(3 * k)
		}
		rows, err := p.NewRows(s, 200)
		if err != nil {
			t.Fatal(err)
		}
		cols, err := p.NewCols(s, 200)
		if err != nil {
			t.Fatal(err)
		}
		rows.Gather(idx)
		cols.Gather(idx)
		const ld = 224
		k := make([]float32, 200*ld)
		Columns(nil, rows, cols, k, ld)
		for i := range idx {
			for j := range i {
				if k[i*ld+j] != k[j*ld+i] {
					t.Fatalf("(%d, %d): %g and %g", i, j, k[i*ld+j], k[j*ld+i])
				}
			}
		}
	})
}

func TestAgainstSparse(t *testing.T) {
	sparseCases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64) {
		m, q := randomSparse(1234, 1400, x.Cols+30, 1, true) // with features that X does not have
		m.Cols = x.Cols
		for e, j := range m.Indices64 {
			m.Indices64[e] = j % int64(x.Cols)
		}
		q = dense.Matrix{F64: make([]float64, m.Rows*x.Cols), Rows: m.Rows, Cols: x.Cols, RowStride: x.Cols, ColStride: 1}
		for i := range m.Rows {
			m.Densify(i, q.F64[i*x.Cols:])
		}
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
		packed, err := sparse.Pack(nil, s, m)
		if err != nil {
			t.Fatal(err)
		}
		p.Renumber(packed)
		out := make([]float64, 2*m.Rows)
		if err := p.AgainstSparse(nil, packed, segments, 2, out); err != nil {
			t.Fatal(err)
		}
		a, b := make([]float64, x.Cols), make([]float64, x.Cols)
		for i := 0; i < m.Rows; i += 41 {
			want := [2]float64{}
			for j := range x.Rows {
				v := value(p.Params, q.Row(i, a), x.Row(j, b), nil)
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

// TestSparseLargeQueries asks for rows whose kernel values float32 does not hold, and
// for rows far away.
func TestSparseLargeQueries(t *testing.T) {
	for _, params := range []Params{{Kind: Poly, Gamma: .5, Degree: 3}, {Kind: Sigmoid, Gamma: .5}, {Kind: RBF, Gamma: .5}} {
		s := arena.NewScope()
		m, x := randomSparse(6, 33, 3, 1, false)
		packed, err := sparse.Pack(nil, s, m)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewSparsePack(nil, s, packed, params)
		if err != nil {
			t.Fatal(err)
		}
		q := sparse.CSR{Rows: 4, Cols: 3, Indptr32: []int32{0, 1, 2, 3, 3}, Indices32: []int32{0, 0, 1}, F64: []float64{1, 1e25, -1e40}}
		weights := make([]float64, x.Rows)
		for k := range weights {
			weights[k] = 1 + float64(k%3)
		}
		queries, err := sparse.Pack(nil, s, q)
		if err != nil {
			t.Fatal(err)
		}
		p.Renumber(queries)
		out := make([]float64, q.Rows)
		if err := p.AgainstSparse(nil, queries, []Segment{{0, x.Rows, [][]float64{weights}, []int{0}}}, 1, out); err != nil {
			t.Fatal(err)
		}
		for i, got := range out {
			want := 0.0
			for j, w := range weights {
				want += w * value(params, q.Densify(i, make([]float64, 3)), x.Row(j, make([]float64, 3)), nil)
			}
			if !(math.Abs(got-want) <= 1e-5*math.Abs(want)+1e-35) {
				t.Errorf("%+v: row %d: %g, want %g", params, i, got, want)
			}
		}
		s.Release()
	}
}

func TestSparseOverflowIsRefused(t *testing.T) {
	for _, params := range []Params{{Kind: RBF, Gamma: 1}, {Kind: Linear}, {Kind: Poly, Gamma: 1, Degree: 20, Coef0: 1}, {Kind: Sigmoid, Gamma: 1e38}} {
		for _, v := range []float64{math.NaN(), math.Inf(1), 1e200} {
			s := arena.NewScope()
			m, _ := randomSparse(1, 50, 4, 1, false)
			m.F64[7] = v
			packed, err := sparse.Pack(nil, s, m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := NewSparsePack(nil, s, packed, params); !errors.Is(err, ErrNotFinite) {
				t.Errorf("%+v, %g: got %v", params, v, err)
			}
			s.Release()
		}
	}
}
