package kernel

import (
	"testing"

	"gocluster/core/arena"
	"gocluster/core/dense"
)

// TestSquare: a matrix of which half is copied is that of Columns, bit by bit.
func TestSquare(t *testing.T) {
	cases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, _ float64) {
		for _, n := range []int{1, 100, squareRows + 1, x.Rows} {
			idx := make([]int32, n)
			for k := range idx {
				idx[k] = int32((k * 5) % x.Rows)
			}
			rows, err := p.NewRows(s, n)
			if err != nil {
				t.Fatal(err)
			}
			cols, err := p.NewCols(s, n)
			if err != nil {
				t.Fatal(err)
			}
			rows.Gather(idx)
			cols.Gather(idx)
			ld := roundUp(n, 32) + 16
			want, got := make([]float32, n*ld), make([]float32, n*ld)
			Columns(nil, rows, cols, want, ld)
			Square(nil, rows, cols, got, ld)
			for j := range n {
				for i := range n {
					if got[j*ld+i] != want[j*ld+i] {
						t.Fatalf("of %d: K(%d, %d) is %g, not %g", n, i, j, got[j*ld+i], want[j*ld+i])
					}
				}
			}
		}
	})
}
