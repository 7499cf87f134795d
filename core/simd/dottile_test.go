//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// checkDotTile draws rows and a panel and checks DotTile's products at every
// level. What lies between the rows of x is NaN.
func checkDotTile[T float](t testing.TB, y *yard, r *rand.Rand, d, rows, stride int,
	tile func(d, rows int, x []T, stride int, panel, out []T)) {
	t.Helper()
	lanes := rowsOf[T]()
	var x []T
	if rows > 0 {
		x = fenced[T](y, (rows-1)*stride+d)
	}
	for i := range x {
		x[i] = T(math.NaN())
		if stride == 0 || i%stride < d {
			x[i] = T(r.NormFloat64())
		}
	}
	panel, out := fence(y, normals[T](r, d*lanes)), fenced[T](y, rows*lanes)
	for _, l := range Available() {
		restore := Use(l)
		for i := range out {
			out[i] = T(math.NaN())
		}
		tile(d, rows, x, stride, panel, out)
		for i := range rows {
			for lane := range lanes {
				want, size := 0.0, 0.0
				for k := range d {
					v := float64(x[i*stride+k]) * float64(panel[k*lanes+lane])
					want, size = want+v, size+math.Abs(v)
				}
				slack := float64(d+1) * epsilonOf[T]() * size
				if got := float64(out[i*lanes+lane]); !(math.Abs(got-want) <= slack) {
					t.Fatalf("%v, d=%d rows=%d stride=%d: row %d, lane %d = %v, want %v ± %v",
						l, d, rows, stride, i, lane, got, want, slack)
				}
			}
		}
		restore()
	}
	y.check()
}

func TestDotTile(t *testing.T) {
	y, r := newYard(t), newRand()
	for d := range 71 {
		for rows := range TileRows + 1 {
			checkDotTile(t, y, r, d, rows, d+rows%4, DotTile)
			checkDotTile(t, y, r, d, rows, d+rows%4, DotTileF64)
		}
	}
	// One row read twelve times, and rows that overlap.
	checkDotTile(t, y, r, 9, TileRows, 0, DotTile)
	checkDotTile(t, y, r, 9, TileRows, 4, DotTileF64)
	// More features than one call into assembly takes.
	for _, d := range []int{wideDim - 1, wideDim, wideDim + 1, 2*wideDim + 5} {
		checkWideDotTile(t, d, DotTile)
		checkWideDotTile(t, d, DotTileF64)
	}
}

// checkWideDotTile multiplies ones by twos and threes: exact sums.
func checkWideDotTile[T float](t *testing.T, d int, tile func(d, rows int, x []T, stride int, panel, out []T)) {
	t.Helper()
	lanes := rowsOf[T]()
	x, panel, out := make([]T, 2*d), make([]T, d*lanes), make([]T, 2*lanes)
	for k := range d {
		x[k], x[d+k] = 1, 2
		for lane := range lanes {
			panel[k*lanes+lane] = T(lane % 3)
		}
	}
	eachLevel(t, func(t *testing.T) {
		tile(d, 2, x, d, panel, out)
		for i := range 2 {
			for lane := range lanes {
				if got, want := out[i*lanes+lane], T((i+1)*(lane%3)*d); got != want {
					t.Fatalf("d=%d: row %d, lane %d = %v, want %v", d, i, lane, got, want)
				}
			}
		}
	})
}

func FuzzDotTile(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(0), uint8(0))
	f.Add(uint64(2), uint8(100), uint8(12), uint8(3))
	f.Add(uint64(3), uint8(33), uint8(7), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, d, rows, extra uint8) {
		y, r := newYard(t), rand.New(rand.NewPCG(seed, 0))
		n, stride := int(rows)%(TileRows+1), int(d)+int(extra)
		checkDotTile(t, y, r, int(d), n, stride, DotTile)
		checkDotTile(t, y, r, int(d), n, stride, DotTileF64)
	})
}
