//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

type nearestFunc[T float] func(d, k, rows int, x []T, stride int, panel, cn []T, margin T, values, best []T, label, near []int32)

// checkNearest compares with differences in float64, where no rounding decides.
func checkNearest[T float](t testing.TB, y *yard, r *rand.Rand, d, k, rows, stride int, find nearestFunc[T]) {
	t.Helper()
	lanes := rowsOf[T]()
	wide := (k + lanes - 1) / lanes * lanes
	x := fenced[T](y, max(rows-1, 0)*stride+d*min(rows, 1))
	for i := range x {
		x[i] = T(math.NaN())
		if stride == 0 || i%stride < d {
			x[i] = T(r.NormFloat64())
		}
	}
	panel, cn, values := fenced[T](y, d*wide), fenced[T](y, wide), fenced[T](y, wide*TileRows)
	clear(panel)
	for j := range cn {
		cn[j] = T(math.Inf(1))
		if j < k {
			square := 0.0
			for q := range d {
				c := T(r.NormFloat64())
				panel[(j/lanes*d+q)*lanes+j%lanes] = c
				square += float64(c) * float64(c)
			}
			cn[j] = T(square / 2)
		}
	}
	best, label, near := fenced[T](y, rows), fenced[int32](y, rows), fenced[int32](y, rows)
	const margin = 0.05
	for _, l := range Available() {
		restore := Use(l)
		for i := range rows {
			best[i], label[i], near[i] = T(math.NaN()), -1, -1
		}
		find(d, k, rows, x, stride, panel, cn, margin, values, best, label, near)
		for i := range rows {
			exact := make([]float64, k)
			least := math.Inf(1)
			for j := range k {
				exact[j] = float64(cn[j])
				for q := range d {
					exact[j] -= float64(x[i*stride+q]) * float64(panel[(j/lanes*d+q)*lanes+j%lanes])
				}
				least = min(least, exact[j])
			}
			slack := float64(d+4) * float64(d+4) * epsilonOf[T]()
			low, high, first := int32(0), int32(0), -1
			for j, v := range exact {
				if v <= least+margin+slack {
					high++
					if first < 0 {
						first = j
					}
				}
				if v <= least+margin-slack {
					low++
				}
			}
			wrong := low > 1 && near[i] == 1 || high == 1 && (near[i] != 1 || label[i] != int32(first))
			if math.Abs(float64(best[i])-least) > slack || wrong {
				t.Fatalf("%v, d=%d k=%d rows=%d: row %d has best %v, label %d, near %d; want %v, %d, %d to %d",
					l, d, k, rows, i, best[i], label[i], near[i], least, first, low, high)
			}
		}
		restore()
	}
	y.check()
}

func TestNearest(t *testing.T) {
	y, r := newYard(t), newRand()
	for _, k := range []int{1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100} {
		for _, d := range []int{1, 2, 3, 8, 17, 33} {
			for _, rows := range []int{0, 1, 11, 12, 15, 16, 17, 32, 49} {
				checkNearest(t, y, r, d, k, rows, d+rows%3, Nearest)
				checkNearest(t, y, r, d, k, rows, d+rows%3, NearestF64)
			}
		}
	}
	// More rows than one call into assembly takes: one row many times.
	checkNearest(t, y, r, 150, 16, 900, 0, Nearest)
}

// TestNearestTies: equal centres are near. One of five is the nearest.
func TestNearestTies(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, k := range []int{5, 16, 40} {
			x, panel, cn := make([]float32, 17), make([]float32, 64), make([]float32, 64)
			for j := range cn {
				cn[j] = float32(math.Inf(1))
				if j < k {
					cn[j] = float32(min(j%7, 2))
				}
			}
			best, label, near := make([]float32, 17), make([]int32, 17), make([]int32, 17)
			Nearest(1, k, 17, x, 1, panel, cn, 0, make([]float32, 64*TileRows), best, label, near)
			for i := range label {
				if (near[i] == 1) != (k == 5) || best[i] != 0 || k == 5 && label[i] != 0 {
					t.Errorf("k=%d: row %d has label %d, near %d, best %v", k, i, label[i], near[i], best[i])
				}
			}
		}
	})
}

// TestNearestOfWhatOverflowed: never exactly one.
func TestNearestOfWhatOverflowed(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, k := range []int{3, 40} {
			x, panel, cn := make([]float32, 16), make([]float32, 64), make([]float32, 64)
			for j := range cn {
				cn[j] = float32(math.Inf(1))
			}
			label, near := make([]int32, 16), make([]int32, 16)
			Nearest(1, k, 16, x, 1, panel, cn, 1, make([]float32, 64*TileRows), make([]float32, 16), label, near)
			for i, n := range near {
				if n == 1 {
					t.Errorf("k=%d: row %d", k, i)
				}
			}
		}
	})
}

type seedFunc[T float] func(d, rows int, x []T, stride int, c, closest, weight []T, sums []float64)

func checkSeedPass[T float](t testing.TB, y *yard, r *rand.Rand, d, rows, stride int, weighted bool, pass seedFunc[T]) {
	t.Helper()
	lanes := rowsOf[T]() / 2
	x := fenced[T](y, max(rows-1, 0)*stride+d*min(rows, 1))
	for i := range x {
		x[i] = T(math.NaN())
		if stride == 0 || i%stride < d {
			x[i] = T(r.NormFloat64())
		}
	}
	c, before := fence(y, normals[T](r, d*lanes)), make([]T, rows)
	for i := range before {
		before[i] = T(r.ExpFloat64() * float64(d) * 2)
	}
	closest, sums := fenced[T](y, rows), fenced[float64](y, lanes)
	var weight []T
	if weighted {
		weight = fenced[T](y, rows)
		for i := range weight {
			weight[i] = T(r.Float64())
		}
	}
	for _, l := range Available() {
		restore := Use(l)
		copy(closest, before)
		want := make([]float64, lanes)
		for j := range sums {
			sums[j] = float64(j)
			want[j] = sums[j]
		}
		pass(d, rows, x, stride, c, closest, weight, sums)
		slack := float64(d+rows+20) * epsilonOf[T]()
		for i := range rows {
			dist := make([]float64, lanes)
			for j := range dist {
				for q := range d {
					v := float64(x[i*stride+q]) - float64(c[q*lanes+j])
					dist[j] += v * v
				}
			}
			nearest := min(float64(before[i]), dist[0])
			if math.Abs(float64(closest[i])-nearest) > slack*nearest {
				t.Fatalf("%v, d=%d rows=%d: closest[%d] = %v, want %v", l, d, rows, i, closest[i], nearest)
			}
			w := 1.0
			if weighted {
				w = float64(weight[i])
			}
			for j := range want {
				want[j] += w * min(nearest, dist[j])
			}
		}
		for j := range want {
			if math.Abs(sums[j]-want[j]) > slack*want[j] {
				t.Fatalf("%v, d=%d rows=%d: sum %d is %v, want %v", l, d, rows, j, sums[j], want[j])
			}
		}
		restore()
	}
	y.check()
}

func TestSeedPass(t *testing.T) {
	y, r := newYard(t), newRand()
	for _, d := range []int{1, 2, 3, 7, 16, 40} {
		for rows := range 40 {
			checkSeedPass(t, y, r, d, rows, d+rows%3, rows%2 == 0, SeedPass)
			checkSeedPass(t, y, r, d, rows, d+rows%3, rows%2 == 0, SeedPassF64)
		}
	}
	// More rows than one call into assembly takes.
	for _, weighted := range []bool{false, true} {
		checkSeedPass(t, y, r, 100, 1400, 0, weighted, SeedPass)
		checkSeedPass(t, y, r, 100, 1400, 0, weighted, SeedPassF64)
	}
}

func checkSquaredDistance[T float](t testing.TB, y *yard, r *rand.Rand, n int, distance func(x []T, c []float64) float64) {
	t.Helper()
	x, c := fence(y, normals[T](r, n)), fence(y, normals[float64](r, n))
	want := 0.0
	for i, v := range x {
		want += (float64(v) - c[i]) * (float64(v) - c[i])
	}
	for _, l := range Available() {
		restore := Use(l)
		if got := distance(x, c); math.Abs(got-want) > 1e-14*want {
			t.Fatalf("%v, n=%d: %v, want %v", l, n, got, want)
		}
		restore()
	}
	y.check()
}

func TestSquaredDistance(t *testing.T) {
	y, r := newYard(t), newRand()
	for n := range 150 {
		checkSquaredDistance(t, y, r, n, SquaredDistance)
		checkSquaredDistance(t, y, r, n, SquaredDistanceMixed)
	}
	// More elements than one call into assembly takes.
	long := make([]float64, 1<<18+5)
	for i := range long {
		long[i] = 1
	}
	eachLevel(t, func(t *testing.T) {
		if got := SquaredDistance(long, make([]float64, len(long))); got != float64(len(long)) {
			t.Error(got)
		}
	})
}
