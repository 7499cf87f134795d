package search

import (
	"math"
	"testing"

	"gocluster/core/sparse"
)

// TestSparse compares a plan over sparse rows with the one over the same rows given
// with all their zeros.
func TestSparse(t *testing.T) {
	dense := clouds(200, 6, 3)
	m := &sparse.CSR{Rows: 200, Cols: 6, Indptr32: []int32{0}}
	for i := range 200 {
		for j := range 6 {
			if v := dense.X.F64[6*i+j]; (i+j)%3 > 0 {
				m.Indices32, m.F64 = append(m.Indices32, int32(j)), append(m.F64, v)
			} else {
				dense.X.F64[6*i+j] = 0
			}
		}
		m.Indptr32 = append(m.Indptr32, int32(len(m.F64)))
	}
	sparsely := dense
	sparsely.Sparse = m
	sparsely.X.F64 = nil
	want := run(t, &Plan{Problem: dense, Splits: folds(200, 2), Fits: grid(2)})
	plan := &Plan{Problem: sparsely, Splits: folds(200, 2), Fits: grid(2)}
	got := run(t, plan)
	for k, v := range got.Decision {
		if math.Abs(v-want.Decision[k]) > 0.05 {
			t.Fatalf("decision value %d is %g, and %g of dense rows", k, v, want.Decision[k])
		}
	}
	for f, r := range got.Report {
		if !r.Converged {
			t.Errorf("fit %d: %+v", f, r)
		}
	}
}
