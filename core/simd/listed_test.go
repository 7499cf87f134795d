//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// checkListedDots draws panels and lists and checks the products at every level.
func checkListedDots(t *testing.T, y *yard, r *rand.Rand, d, panels, most int) {
	t.Helper()
	var first, last [GroupCols]int32
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
	out := fenced[float32](y, panels*GroupCols*PanelRows)
	for _, l := range Available() {
		restore := Use(l)
		for i := range out {
			out[i] = float32(math.NaN())
		}
		ListedDots(d, panels, a, &first, &last, place, value, out)
		for k, got := range out {
			q, j, i := k/(GroupCols*PanelRows), k/PanelRows%GroupCols, k%PanelRows
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
				checkListedDots(t, y, r, d, panels, 1+d/2)
			}
		}
	}
}

// TestListedDotsCallsAreCut gives it more work than one call takes.
func TestListedDotsCallsAreCut(t *testing.T) {
	y, r := newYard(t), rand.New(rand.NewPCG(2, 40))
	checkListedDots(t, y, r, 9, 100, 900)
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
			first, last := [GroupCols]int32{c.first}, [GroupCols]int32{c.last}
			ListedDots(3, 1, a, &first, &last, []int32{c.place, 0}, value, out)
		})
	}
}

func BenchmarkListedDots(b *testing.B) {
	const d, panels, elements = 144, 16, 19
	r := rand.New(rand.NewPCG(3, 40))
	a, out := normals[float32](r, panels*d*PanelRows), make([]float32, panels*GroupCols*PanelRows)
	var first, last [GroupCols]int32
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
				ListedDots(d, panels, a, &first, &last, place, value, out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*panels*GroupCols*PanelRows), "ns/element")
		})
	}
}
