package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/dense"
)

// TestGram compares with the elements themselves, of a matrix that is not symmetric.
func TestGram(t *testing.T) {
	const n = 2500 // more than a chunk of rows
	r := rand.New(rand.NewPCG(1, 2))
	wide := dense.Matrix{F64: make([]float64, n*(n+3)), Rows: n, Cols: n, Start: 2, RowStride: n + 3, ColStride: 1}
	narrow := dense.Matrix{F32: make([]float32, n*n), Rows: n, Cols: n, RowStride: 1, ColStride: n}
	for i := range wide.F64 {
		wide.F64[i] = r.NormFloat64()
	}
	for i := range narrow.F32 {
		narrow.F32[i] = float32(r.NormFloat64())
	}
	rows, cols := make([]int32, 2101), make([]int32, 45)
	for _, idx := range [][]int32{rows, cols} {
		for k := range idx {
			idx[k] = int32(r.IntN(n))
		}
	}
	delta := make([]float64, len(cols))
	for k := range delta {
		delta[k] = r.NormFloat64()
	}
	for _, x := range []dense.Matrix{wide, narrow} {
		s := arena.NewScope()
		p, err := NewPack(nil, s, x, Params{Kind: Precomputed})
		if err != nil {
			t.Fatal(err)
		}
		gathered, _ := p.NewRows(s, len(rows))
		against, _ := p.NewCols(s, len(cols))
		gathered.Gather(rows)
		against.Gather(cols)
		const ld = 2112 + 16
		k, again := make([]float32, len(cols)*ld), make([]float32, len(cols)*ld)
		Columns(nil, gathered, against, k, ld)
		f, both := make([]float64, 2112), make([]float64, 2112)
		AddSums(nil, gathered, against, delta, f)
		AddColumns(nil, gathered, against, delta, both, again, ld)
		sums, exact := make([]float64, len(rows)), make([]float64, len(rows))
		if err := Sums(nil, rows, against, delta, sums); err != nil {
			t.Fatal(err)
		}
		if err := p.Exact(nil, rows, cols, delta, exact); err != nil {
			t.Fatal(err)
		}
		row := make([]float64, n)
		want := make([]float64, len(rows))
		for j, col := range cols {
			x.Row(int(col), row)
			for i, of := range rows {
				want[i] += delta[j] * row[of]
				if v := float32(row[of]); k[j*ld+i] != v || again[j*ld+i] != v {
					t.Fatalf("K(%d, %d) is %g and %g, want %g", of, col, k[j*ld+i], again[j*ld+i], v)
				}
			}
		}
		for i, of := range rows {
			for _, got := range []float64{f[i], both[i], sums[i], exact[i]} {
				if math.Abs(got-want[i]) > 1e-12 {
					t.Fatalf("sum of row %d is %g, want %g", of, got, want[i])
				}
			}
			x.Row(int(of), row)
			largest := 0.0
			for _, v := range row {
				largest = max(largest, math.Abs(v))
			}
			if p.Magnitude(int(of)) != largest || p.DiagExact(int(of)) != row[of] || p.Diag[of] != float32(row[of]) {
				t.Fatalf("row %d: magnitude %g, diagonal %g and %g", of, p.Magnitude(int(of)), p.DiagExact(int(of)), p.Diag[of])
			}
		}
		s.Release()
	}
}
