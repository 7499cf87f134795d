package kernel

import (
	"fmt"
	"math"
	"testing"

	"gocluster/core/arena"
)

// TestAmong compares sums over segments, computed and read from a table, with Exact.
func TestAmong(t *testing.T) {
	x := random(1, 150, 70, 1)
	for _, params := range []Params{{Kind: RBF, Gamma: .01}, {Kind: Poly, Degree: 2, Gamma: .01, Coef0: 1}, {Kind: Sigmoid, Gamma: .01}, {Kind: Linear}} {
		for _, table := range []bool{false, true} {
			if table && params.Kind == Linear {
				continue
			}
			t.Run(fmt.Sprint(params.Kind, table), func(t *testing.T) {
				s := arena.NewScope()
				defer s.Release()
				p, err := NewPack(nil, s, x, params)
				if err == nil && table {
					err = p.Tabulate(nil, s)
				}
				if err != nil {
					t.Fatal(err)
				}
				var rows, cols []int32
				for i := range int32(150) {
					if i%5 < 3 {
						rows = append(rows, 149-i)
					} else {
						cols = append(cols, i)
					}
				}
				one, two := make([]float64, 20), make([]float64, 40)
				for k := range two {
					two[k] = math.Sin(float64(k))
					one[k%20] = math.Cos(float64(k))
				}
				segments := []Segment{
					{First: 0, Last: 20, Weights: [][]float64{one}, Out: []int{1}},
					{First: 20, Last: 60, Weights: [][]float64{two, two}, Out: []int{0, 2}},
				}
				got := make([]float64, 3*len(rows))
				if err := p.Among(nil, rows, cols, segments, 3, got); err != nil {
					t.Fatal(err)
				}
				for _, seg := range segments {
					for w, weights := range seg.Weights {
						want := make([]float64, len(rows))
						if err := p.Exact(nil, rows, cols[seg.First:seg.Last], weights, want); err != nil {
							t.Fatal(err)
						}
						for r := range rows {
							if d := math.Abs(got[3*r+seg.Out[w]] - want[r]); d > 1e-3 {
								t.Fatalf("row %d, sum %d: %v, want %v", r, seg.Out[w], got[3*r+seg.Out[w]], want[r])
							}
						}
					}
				}
			})
		}
	}
}
