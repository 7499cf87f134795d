//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// checkListedDots draws panels and lists and checks the products at every level.
func checkListedDots(t *testing.T, y *yard, r *rand.Rand, d, panels, cols, most int) {
	t.Helper()
	first, last := fenced[int32](y, cols), fenced[int32](y, cols)
	var at []int32
	for j := range first {
		at = append(at, 0) // belongs to no column
		first[j] = int32(len(at))
		if d > 0 {
			for range r.IntN(most + 1) {
				at = append(at, int32(r.IntN(d)*PanelRows))
			}
		}
		last[j] = int32(len(at))
	}
	a := fence(y, normals[float32](r, panels*d*PanelRows))
	place, value := fence(y, at), fence(y, normals[float32](r, len(at)))
	out := fenced[float32](y, panels*cols*PanelRows)
	for _, l := range Available() {
		restore := Use(l)
		for i := range out {
			out[i] = float32(math.NaN())
		}
		ListedDots(d, panels, a, first, last, place, value, out)
		for k, got := range out {
			q, j, i := k/(cols*PanelRows), k/PanelRows%cols, k%PanelRows
			want, size := 0.0, 0.0
			for e := first[j]; e < last[j]; e++ {
				v := float64(a[q*d*PanelRows+int(place[e])+i]) * float64(value[e])
				want, size = want+v, size+math.Abs(v)
			}
			if !(math.Abs(float64(got)-want) <= size*float64(most+1)*epsilonOf[float32]()) {
				t.Fatalf("%v, d=%d, %d panels: panel %d, column %d, row %d is %v, want %v", l, d, panels, q, j, i, got, want)
			}
		}
		restore()
	}
	y.check()
}

func TestListedDots(t *testing.T) {
	y, r := newYard(t), rand.New(rand.NewPCG(1, 40))
	for range 2 { // before a forbidden page and behind one
		for d := range 71 {
			for _, panels := range []int{0, 1, 2, 5} {
				checkListedDots(t, y, r, d, panels, d%12, 1+d/2)
			}
		}
	}
}

// TestListedDotsCallsAreCut gives it more work than one call takes.
func TestListedDotsCallsAreCut(t *testing.T) {
	y, r := newYard(t), rand.New(rand.NewPCG(2, 40))
	checkListedDots(t, y, r, 9, 50, 8, 900)
}

func TestListedDotsLooksAtItsLists(t *testing.T) {
	a, out, value := make([]float32, 3*PanelRows), make([]float32, GroupCols*PanelRows), make([]float32, 2)
	for name, c := range map[string]struct {
		first, last int32
		place       int32
	}{
		"negative start":        {first: -1, last: 1},
		"end before start":      {first: 1, last: 0},
		"end behind the lists":  {first: 0, last: 3},
		"feature out of bounds": {last: 1, place: 3 * PanelRows},
		"negative feature":      {last: 1, place: -PanelRows},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			ListedDots(3, 1, a, []int32{c.first}, []int32{c.last}, []int32{c.place, 0}, value, out)
		})
	}
}

// TestGivenTiles compares with the tiles that form the products themselves.
func TestGivenTiles(t *testing.T) {
	y, r := newYard(t), rand.New(rand.NewPCG(5, 40))
	const d, ld = 3, 40
	for cols := range 71 {
		groups := (cols + GroupCols - 1) / GroupCols
		wide := groups * GroupCols
		a, c := normals[float32](r, d*PanelRows), normals[float32](r, d*wide)
		dots := fenced[float32](y, wide*PanelRows)
		DotBlock(d, wide, a, c, dots, PanelRows)
		cn, delta, nr := fence(y, normals[float32](r, wide)), fence(y, normals[float32](r, wide)), fence(y, normals[float32](r, PanelRows))
		size := max(0, (cols-1)*ld+PanelRows)
		f, fWant := fenced[float64](y, PanelRows), make([]float64, PanelRows)
		both, bothWant := fenced[float64](y, PanelRows), make([]float64, PanelRows)
		out, outWant := fenced[float32](y, size), make([]float32, size)
		again := fenced[float32](y, size)
		for _, l := range Available() {
			restore := Use(l)
			for _, s := range [][]float64{f, fWant, both, bothWant} {
				for i := range s {
					s[i] = float64(i)
				}
			}
			RBFApply(d, groups, a, c, cn, delta, nr, fWant)
			RBFGivenApply(groups, dots, cn, delta, nr, f)
			RBFBlockApply(d, cols, a, c, cn, delta, nr, outWant, ld, bothWant)
			RBFGivenBlockApply(cols, dots, cn, delta, nr, out, ld, both)
			RBFGivenBlock(cols, dots, cn, nr, again, ld)
			for i := range f {
				size := 1.0
				for j := range wide {
					size += math.Exp2(float64(dots[j*PanelRows+i]+nr[i]+cn[j])) * math.Abs(float64(delta[j]))
				}
				if math.Abs(f[i]-fWant[i]) > 1e-5*size || math.Abs(both[i]-bothWant[i]) > 1e-5*size {
					t.Fatalf("%v, %d columns, row %d: sums %v and %v, want %v and %v", l, cols, i, f[i], both[i], fWant[i], bothWant[i])
				}
			}
			for k, want := range outWant {
				if k%ld < PanelRows && (math.Abs(float64(out[k]-want)) > 1e-5*math.Abs(float64(want)) || again[k] != out[k]) {
					t.Fatalf("%v, %d columns, value %d: %v and %v, want %v", l, cols, k, out[k], again[k], want)
				}
			}
			restore()
		}
		y.check()
	}
}

func BenchmarkListedDots(b *testing.B) {
	const d, panels, cols, elements = 144, 8, 32, 19
	r := rand.New(rand.NewPCG(3, 40))
	a, out := normals[float32](r, panels*d*PanelRows), make([]float32, panels*cols*PanelRows)
	first, last := make([]int32, cols), make([]int32, cols)
	var place []int32
	for j := range first {
		first[j] = int32(len(place))
		for range elements {
			place = append(place, int32(r.IntN(d)*PanelRows))
		}
		last[j] = int32(len(place))
	}
	value := normals[float32](r, len(place))
	for _, l := range Available() {
		b.Run(l.String(), func(b *testing.B) {
			defer Use(l)()
			for b.Loop() {
				ListedDots(d, panels, a, first, last, place, value, out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(out)), "ns/element")
		})
	}
}
