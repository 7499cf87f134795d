package kmeans

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gocluster/core/dense"
)

func BenchmarkIteration(b *testing.B) {
	for _, s := range []struct {
		name    string
		n, d, k int
	}{{"n=200k d=20 k=12", 200_000, 20, 12}, {"n=50k d=100 k=100", 50_000, 100, 100}, {"n=25k d=784 k=64", 25_000, 784, 64}} {
		b.Run(s.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			in := random(r, s.n, s.d, s.k, 1, 0)
			x := make([]float32, 0, s.n*s.d)
			for _, row := range in.rows {
				for _, v := range row {
					x = append(x, float32(v))
				}
			}
			p := Problem{X: dense.Matrix{F32: x, Rows: s.n, Cols: s.d, RowStride: s.d, ColStride: 1}}
			labels := make([]int32, s.n)
			for b.Loop() {
				centers := slices.Clone(in.centers)
				if _, err := fitFrom(nil, p, Params{NInit: 1, MaxIter: 10}, centers, labels); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/10, "ms/iteration")
		})
	}
}
