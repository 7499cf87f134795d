//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// packer is one of the four gathers.
type packer[T float32 | float64] struct {
	name  string
	lanes int
	pack  func(d int, x []T, stride int, idx []int32, out []T)
}

var (
	packers32 = []packer[float32]{{"PackPanel", PanelRows, PackPanel}, {"PackGroup", GroupCols, PackGroup}}
	packers64 = []packer[float64]{{"PackPanelF64", PanelRowsF64, PackPanelF64}, {"PackGroupF64", GroupCols, PackGroupF64}}
)

// check packs some rows, the first and the last of x among them.
func (p packer[T]) check(t *testing.T, y *yard, r *rand.Rand, d, stride, rows int) {
	t.Helper()
	const n = 5
	x := make([]T, (n-1)*stride+d) // the last row ends x
	for i := range x {
		x[i] = T(i + 1)
	}
	idx := make([]int32, rows)
	for i := range idx {
		idx[i] = int32(r.IntN(n))
	}
	if rows > 0 {
		idx[0], idx[rows-1] = 0, n-1
	}
	x, idx = fenceShort(y, x), fence(y, idx)
	out := fenceShort(y, make([]T, d*p.lanes))
	for i := range out {
		out[i] = T(math.NaN())
	}
	p.pack(d, x, stride, idx, out)
	for k := range d {
		for r := range p.lanes {
			want := T(0)
			if r < rows {
				want = x[int(idx[r])*stride+k]
			}
			if got := out[k*p.lanes+r]; got != want {
				t.Fatalf("%s, d=%d, stride=%d, %d rows: element %d of row %d is %v, want %v", p.name, d, stride, rows, k, r, got, want)
			}
		}
	}
	y.check()
}

func TestPack(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		testPackers(t, y, r, packers32)
		testPackers(t, y, r, packers64)
	})
}

func testPackers[T float32 | float64](t *testing.T, y *yard, r *rand.Rand, packers []packer[T]) {
	for _, p := range packers {
		for d := range 71 {
			for _, stride := range []int{d, d + 1, d + 13} {
				for _, rows := range []int{0, 1, p.lanes / 2, p.lanes - 1, p.lanes} {
					p.check(t, y, r, d, stride, rows)
				}
			}
		}
		for _, d := range []int{packTile - 1, packTile, packTile + 1, 2*packTile + 5} {
			p.check(t, y, r, d, d, p.lanes)
		}
	}
}

// What is packed is copied bit for bit.
func TestPackNaN(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		x := nasty(newRand(), make([]float32, 8*20))
		for i := range x {
			if x[i] != x[i] {
				x[i] = math.Float32frombits(0x7fa00000 + uint32(i)) // signalling
			}
		}
		out := make([]float32, 8*20)
		PackGroup(20, x, 20, []int32{0, 1, 2, 3, 4, 5, 6, 7}, out)
		for j := range 8 {
			for k := range 20 {
				if got, want := math.Float32bits(out[k*8+j]), math.Float32bits(x[j*20+k]); got != want {
					t.Fatalf("row %d, element %d: %#x, want %#x", j, k, got, want)
				}
			}
		}
	})
}

func TestPackShort(t *testing.T) {
	x, out := make([]float32, 30), make([]float32, 10*8)
	rows := func(i ...int32) []int32 { return i }
	panics(t, "negative d", func() { PackGroup(-1, x, 10, nil, out) })
	panics(t, "short stride", func() { PackGroup(10, x, 9, rows(0), out) })
	panics(t, "negative stride", func() { PackGroup(10, x, -10, rows(0), out) })
	panics(t, "many rows", func() { PackGroup(10, x, 10, make([]int32, 9), out) })
	panics(t, "short out", func() { PackGroup(10, x, 10, rows(0), out[:79]) })
	panics(t, "huge d", func() { PackGroup(math.MaxInt/4, x, math.MaxInt/2, rows(0), out) })
	panics(t, "row 3 of 3", func() { PackGroup(10, x, 10, rows(0, 1, 2, 3), out) })
	panics(t, "cut row", func() { PackGroup(10, x[:29], 10, rows(2), out) })
	panics(t, "row -1", func() { PackGroup(10, x, 10, rows(-1), out) })
	panics(t, "no rows", func() { PackGroup(10, nil, 10, rows(0), out) })
	panics(t, "wrapping", func() { PackGroup(10, x, math.MaxInt/2, rows(4), out) })
}

func FuzzPack(f *testing.F) {
	f.Add(uint8(17), uint8(3), uint8(8))
	f.Add(uint8(0), uint8(0), uint8(0))
	f.Add(uint8(255), uint8(1), uint8(31))
	f.Fuzz(func(t *testing.T, d, gap, rows uint8) {
		r, y := newRand(), newYard(t)
		for _, l := range Available() {
			restore := Use(l)
			for _, p := range packers32 {
				p.check(t, y, r, int(d), int(d)+int(gap), int(rows)%(p.lanes+1))
			}
			for _, p := range packers64 {
				p.check(t, y, r, int(d), int(d)+int(gap), int(rows)%(p.lanes+1))
			}
			restore()
		}
	})
}
