package kernel

import (
	"math"
	"testing"

	"gocluster/core/arena"
)

// TestDistances compares tables of several gammas, and exact sums, with the definition.
func TestDistances(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 203} {
		s := arena.NewScope()
		x := random(2, n, 70, 3)
		for i := 1; i < n; i += 2 { // twins
			for k := range 70 {
				x.F64[i*70+k] = x.F64[(i-1)*70+k] * (1 + 1e-9)
			}
		}
		g, err := NewDistances(nil, s, x)
		if err != nil {
			t.Fatal(err)
		}
		for _, gamma := range []float64{0, 1e-4, .01, 30} {
			params := Params{Kind: RBF, Gamma: gamma}
			p, err := NewPack(nil, s, x, params)
			if err != nil {
				t.Fatal(err)
			}
			if !g.Serve(gamma) {
				t.Fatalf("gamma %g is not served", gamma)
			}
			if err := p.TabulateFrom(nil, s, g); err != nil {
				t.Fatal(err)
			}
			var all []int32
			for i := range int32(n) {
				all = append(all, int32(n)-1-i)
			}
			rows, _ := p.NewRows(s, n)
			cols, _ := p.NewCols(s, n)
			rows.Gather(all)
			cols.Gather(all)
			ld := roundUp(n, 32)
			out := make([]float32, n*ld)
			Columns(nil, rows, cols, out, ld)
			weight, sums := make([]float64, n), make([]float64, n)
			for k := range weight {
				weight[k] = math.Sin(float64(k))
			}
			if err := p.Exact(nil, all, all, weight, sums); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				sum := 0.0
				for j := range n {
					want := value(params, x.F64[70*int(all[i]):][:70], x.F64[70*int(all[j]):][:70], nil)
					sum += weight[j] * want
					if got := float64(out[j*ld+i]); math.Abs(got-want) > 1e-7 {
						t.Fatalf("n %d, gamma %g: K(%d, %d) is %g, want %g", n, gamma, all[i], all[j], got, want)
					}
				}
				if math.Abs(sums[i]-sum) > 1e-9 {
					t.Fatalf("n %d, gamma %g: sum %d is %g, want %g", n, gamma, i, sums[i], sum)
				}
			}
		}
		if n > 1 && g.Serve(1e30) {
			t.Error("distances serve any gamma")
		}
		s.Release()
	}
}
