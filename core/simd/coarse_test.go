//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

type coarsenFunc[T float] func(d, rows int, x []T, stride int, index []int32, mean []T, scale T, out []int16, norms []float32)

func checkCoarsen[T float](t testing.TB, y *yard, r *rand.Rand, d, rows, stride int, indexed, normed bool, round coarsenFunc[T]) {
	t.Helper()
	total := rows
	var index []int32
	if indexed {
		total = rows + 3
		index = fenced[int32](y, rows)
		for i := range index {
			index[i] = int32(r.IntN(total))
		}
	}
	x := fenced[T](y, max(total-1, 0)*stride+d*min(total, 1))
	for i := range x {
		x[i] = T(math.NaN())
		if stride == 0 || i%stride < d {
			x[i] = T(r.NormFloat64())
		}
	}
	mean := fenced[T](y, (d+15)/16*16)
	for k := range mean {
		mean[k] = 0
		if k < d {
			mean[k] = T(r.NormFloat64())
		}
	}
	pitch := CoarsePitch(d)
	want, wantNorms := make([]int16, rows*pitch+CoarseSlack), make([]float32, rows)
	const scale = 4000
	coarsenRef(d, rows, x, stride, index, mean, scale, want, wantNorms)
	out := fenced[int16](y, len(want))
	var norms []float32
	if normed {
		norms = fenced[float32](y, rows)
	}
	for _, l := range Available() {
		restore := Use(l)
		for i := range out {
			out[i] = -1
		}
		round(d, rows, x, stride, index, mean, scale, out, norms)
		if !slices.Equal(out[:rows*pitch], want[:rows*pitch]) {
			t.Fatalf("%v, d=%d rows=%d: %v, want %v", l, d, rows, out[:rows*pitch], want[:rows*pitch])
		}
		for i, v := range norms {
			if math.Abs(float64(v-wantNorms[i])) > 1e-6*float64(wantNorms[i])*(8+math.Sqrt(float64(d))) {
				t.Fatalf("%v, d=%d: norm %v, want %v", l, d, v, wantNorms[i])
			}
		}
		restore()
	}
	y.check()
}

func TestCoarsen(t *testing.T) {
	y, r := newYard(t), newRand()
	for d := 1; d < 40; d++ {
		for _, rows := range []int{0, 1, 2, 5, 17} {
			checkCoarsen(t, y, r, d, rows, d+rows%3, d%2 == 0, d%3 == 0, Coarsen)
			checkCoarsen(t, y, r, d, rows, d+rows%3, d%2 == 0, d%3 == 0, CoarsenF64)
		}
	}
	// More rows than one call into assembly takes.
	checkCoarsen(t, y, r, 1, 5000, 1, false, true, Coarsen)
	checkCoarsen(t, y, r, 1, 5000, 1, true, true, CoarsenF64)
}

// TestCoarseNearest: integers leave nothing to rounding, so levels agree bit by bit.
func TestCoarseNearest(t *testing.T) {
	y, r := newYard(t), newRand()
	for _, c := range []struct{ pitch, k, rows int }{
		{2, 1, 1}, {2, 16, 12}, {2, 17, 13}, {4, 33, 48}, {6, 40, 49}, {10, 64, 96}, {20, 12, 192}, {20, 100, 30}, {12, 700, 48}, {90, 100, 10},
		{1500, 70, 48}, {500, 160, 12}, // more than one call into assembly takes
	} {
		for range 3 {
			if c.pitch*c.k > 10_000 {
				y = nil
			}
			checkCoarseNearest(t, y, r, c.pitch, c.k, c.rows)
		}
		y = newYard(t)
	}
}

func checkCoarseNearest(t testing.TB, y *yard, r *rand.Rand, pitch, k, rows int) {
	t.Helper()
	wide, padded := (k+15)/16*16, (rows+CoarseRows-1)/CoarseRows*CoarseRows
	low := int32(1)<<11 - 1
	x, panel, norms := allot[int16](y, padded*pitch), allot[int16](y, wide*pitch), allot[int32](y, wide)
	for i := range x {
		x[i] = int16(r.IntN(4001) - 2000)
	}
	clear(panel)
	for j := range norms {
		norms[j] = CoarsePad
		if j < k {
			norms[j] = r.Int32N(1 << 20)
			for q := range pitch {
				panel[((j/16*pitch+q)/2*16+j%16)*2+q%2] = int16(r.IntN(4001) - 2000)
			}
		}
	}
	if k > 3 { // ties
		norms[3], norms[k-1] = norms[0], norms[0]
		for q := range pitch {
			for _, j := range []int{3, k - 1} {
				panel[((j/16*pitch+q)/2*16+j%16)*2+q%2] = panel[q/2*32+q%2]
			}
		}
	}
	top, old := allot[int32](y, padded*CoarseTop), allot[int32](y, padded)
	key, second, flags := allot[int32](y, padded), allot[int32](y, padded), allot[uint16](y, padded/16)
	margin, ahead := int32(1<<19), make([]float64, 1000)
	for i := range old {
		old[i] = r.Int32N(int32(k))
	}
	for i := range rows {
		keys := make([]int32, k)
		for j := range keys {
			sum := norms[j]
			for q := range pitch {
				sum += int32(x[i*pitch+q]) * int32(panel[((j/16*pitch+q)/2*16+j%16)*2+q%2])
			}
			keys[j] = sum&^low | int32(j)
		}
		slices.Sort(keys)
		if i%2 == 0 {
			old[i] = keys[0] & low
		}
	}
	for _, l := range Available() {
		restore := Use(l)
		for i := range top {
			top[i] = -7
		}
		CoarseNearest(pitch, k, rows, x, panel, norms, low, margin, top, old, key, second, flags, AheadOf(ahead[:r.IntN(len(ahead))]))
		for i := range rows {
			keys := make([]int32, k, k+1)
			for j := range keys {
				sum := norms[j]
				for q := range pitch {
					sum += int32(x[i*pitch+q]) * int32(panel[((j/16*pitch+q)/2*16+j%16)*2+q%2])
				}
				keys[j] = sum&^low | int32(j)
			}
			lanes := make([]int32, CoarseTop)
			for l := range lanes {
				lanes[l] = math.MaxInt32
			}
			for j, v := range keys {
				a, b := &lanes[j%16], &lanes[16+j%16]
				if v < *a {
					v, *a = *a, v
				}
				*b = min(*b, v)
			}
			for l, v := range lanes {
				if got := top[i*CoarseTop+l]; got != v && (v != math.MaxInt32 || got < CoarsePad&^low) {
					t.Fatalf("%v, %d×%d, k=%d: row %d, lane %d: %d, want %d", Current(), rows, pitch, k, i, l, got, v)
				}
			}
			slices.Sort(keys)
			if k > 1 && second[i] != keys[1] || k == 1 && second[i] < CoarsePad&^low || key[i] != keys[0] {
				t.Fatalf("%v, %d×%d, k=%d: row %d: %d, %d, want %v", Current(), rows, pitch, k, i, key[i], second[i], keys[:min(k, 2)])
			}
			want := key[i]&low != old[i] || int64(second[i])-int64(key[i]) <= int64(margin)
			if got := flags[i/16]>>(i%16)&1 == 1; got != want {
				t.Fatalf("%v, %d×%d, k=%d: row %d: flag %v", Current(), rows, pitch, k, i, got)
			}
		}
		restore()
	}
	if y != nil {
		y.check()
	}
}

// allot gives n elements, fenced if there is a yard.
func allot[T any](y *yard, n int) []T {
	if y == nil {
		return make([]T, n)
	}
	return fenced[T](y, n)
}
