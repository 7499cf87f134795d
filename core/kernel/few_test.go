package kernel

import (
	"math"
	"testing"

	"gocluster/core/arena"
	"gocluster/core/dense"
)

// TestFewIsExact compares a row at a time with sums of one column.
func TestFewIsExact(t *testing.T) {
	cases(t, func(t *testing.T, s *arena.Scope, p *Pack, x dense.Matrix, tolerance float64) {
		rows := []int32{7, 3, 3, 100, 2, 99, 0, 202, 54, 55, 19}
		few, err := p.NewFew(s, rows)
		if err != nil {
			t.Fatal(err)
		}
		compareFew(t, p, few, rows, 1e-2*tolerance)
	})
}

func TestFewOfAMatrix(t *testing.T) {
	s := arena.NewScope()
	defer s.Release()
	x := random(8, 40, 40, 1) // not symmetric
	p, err := NewPack(nil, s, x, Params{Kind: Precomputed})
	if err != nil {
		t.Fatal(err)
	}
	rows := []int32{7, 3, 3, 39, 2, 0, 21}
	few, err := p.NewFew(s, rows)
	if err != nil {
		t.Fatal(err)
	}
	compareFew(t, p, few, rows, 0)
}

func compareFew(t *testing.T, p *Pack, few *Few, rows []int32, tolerance float64) {
	t.Helper()
	got, want := make([]float64, len(rows)), make([]float64, len(rows))
	other := make([]float64, len(rows))
	for i, row := range rows {
		few.Row(i, got)
		if err := p.Exact(nil, rows, []int32{row}, []float64{1}, want); err != nil {
			t.Fatal(err)
		}
		for k, v := range got {
			if !(math.Abs(v-want[k]) <= tolerance+1e-12*math.Abs(want[k])) {
				t.Fatalf("K(%d, %d) is %g, want %g", row, rows[k], v, want[k])
			}
			if few.Row(k, other); p.gram == nil && other[i] != v {
				t.Fatalf("K(%d, %d) is %g, and %g the other way round", row, rows[k], v, other[i])
			}
		}
		if diag := few.Diag(i); !(math.Abs(diag-want[i]) <= tolerance+1e-12*math.Abs(diag)) {
			t.Fatalf("K(%d, %d) is %g, want %g", row, row, diag, want[i])
		}
	}
}
