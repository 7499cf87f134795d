package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSmoke(t *testing.T) {
	for _, l := range Available() {
		restore := Use(l)
		rng := rand.New(rand.NewPCG(1, 2))
		for d := 0; d < 40; d++ {
			for groups := 0; groups < 10; groups++ {
				r := func(n int) []float32 {
					v := make([]float32, n)
					for i := range v {
						v[i] = float32(rng.NormFloat64()) / 4
					}
					return v
				}
				a, c, cn, dl, nr := r(d*32), r(d*8*groups), r(8*groups), r(8*groups), r(32)
				f, g := make([]float64, 32), make([]float64, 32)
				RBFApply(d, groups, a, c, cn, dl, nr, f)
				rbfApplyRef(d, groups, a, c, cn, dl, nr, g)
				for i := range f {
					if math.Abs(f[i]-g[i]) > 1e-3*(1+math.Abs(g[i])) {
						t.Fatal(l, d, groups, i, f[i], g[i])
					}
				}
			}
		}
		restore()
	}
}
