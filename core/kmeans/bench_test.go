package kmeans

import (
	"math/rand/v2"
	"testing"
	"time"

	"gocluster/core/dense"
)

// BenchmarkFit runs overlapping blobs: seeding apart from iterations.
func BenchmarkFit(b *testing.B) {
	for _, s := range []struct {
		name    string
		n, d, k int
		double  bool
	}{
		{"a", 2_000_000, 20, 12, false},
		{"b", 200_000, 100, 100, false},
		{"c", 100_000, 784, 64, false},
		{"d", 200_000, 32, 1000, false},
		{"e", 10_000, 2, 8, false},
		{"a-f64", 2_000_000, 20, 12, true},
		{"b-f64", 200_000, 100, 100, true},
	} {
		b.Run(s.name, func(b *testing.B) {
			m := blobs(s.n, s.d, s.k, s.double)
			r := rand.New(rand.NewPCG(1, 1))
			trials := 6
			var seeding, iterating time.Duration
			iterations := 0
			for b.Loop() {
				start, rows := time.Now(), make([]int, s.k)
				if err := PlusPlus(nil, Problem{X: m}, draws(r, s.k, trials), rows); err != nil {
					b.Fatal(err)
				}
				seeding += time.Since(start)
				from := make([]float64, 0, s.k*s.d)
				for _, i := range rows {
					from = append(from, m.Row(i, make([]float64, s.d))...)
				}
				start = time.Now()
				res, err := Fit(nil, Problem{X: m}, Params{NInit: 1, MaxIter: 12}, Start{Centers: from}, make([]float64, s.k*s.d), make([]int32, s.n))
				if err != nil {
					b.Fatal(err)
				}
				iterating += time.Since(start)
				iterations += res.Iterations
			}
			b.ReportMetric(seeding.Seconds()*1e3/float64(b.N), "ms/seeding")
			b.ReportMetric(iterating.Seconds()*1e3/float64(iterations), "ms/iteration")
		})
	}
}

func blobs(n, d, k int, double bool) dense.Matrix {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]float32, 1<<20)
	for i := range noise {
		noise[i] = float32(r.NormFloat64())
	}
	centers := make([]float32, k*d)
	for i := range centers {
		centers[i] = float32(r.NormFloat64()) * 3
	}
	m := dense.Matrix{Rows: n, Cols: d, RowStride: d, ColStride: 1}
	if double {
		m.F64 = make([]float64, n*d)
	} else {
		m.F32 = make([]float32, n*d)
	}
	for i := range n {
		c, at := r.IntN(k)*d, r.IntN(len(noise)-d)
		for q := range d {
			v := centers[c+q] + noise[at+q]
			if double {
				m.F64[i*d+q] = float64(v)
			} else {
				m.F32[i*d+q] = v
			}
		}
	}
	return m
}
