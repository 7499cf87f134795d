//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// checkSquaredDistances compares with one distance at a time, bit for bit.
func checkSquaredDistances[T float](t testing.TB, y *yard, r *rand.Rand, d, rows, stride int, listed bool,
	distances func(d int, x []T, stride int, index []int32, c []float64, label []int32, out []float64), distance func(x []T, c []float64) float64) {
	t.Helper()
	const centers = 7
	x, c := fence(y, normals[T](r, max(rows-1, 0)*stride+d*min(rows, 1))), fence(y, normals[float64](r, centers*d))
	label, out := fenced[int32](y, rows), fenced[float64](y, rows)
	var index []int32
	if listed {
		index = fenced[int32](y, rows)
	}
	for i := range label {
		label[i] = r.Int32N(centers)
		if listed {
			index[i] = r.Int32N(int32(rows))
		}
	}
	for _, l := range Available() {
		restore := Use(l)
		for i := range out {
			out[i] = math.NaN()
		}
		distances(d, x, stride, index, c, label, out)
		for i, got := range out {
			at := i
			if listed {
				at = int(index[i])
			}
			if want := distance(x[at*stride:][:d], c[int(label[i])*d:][:d]); got != want {
				t.Fatalf("%v, d=%d rows=%d: row %d: %v, want %v", l, d, rows, i, got, want)
			}
		}
		restore()
	}
	y.check()
}

func TestSquaredDistances(t *testing.T) {
	y, r := newYard(t), newRand()
	for _, d := range []int{0, 1, 2, 3, 4, 7, 8, 9, 20, 31, 32, 33, 64, 100} {
		for _, rows := range []int{0, 1, 2, 17, 40} {
			for _, listed := range []bool{false, true} {
				checkSquaredDistances(t, y, r, d, rows, d+rows%3, listed, SquaredDistances, SquaredDistance)
				checkSquaredDistances(t, y, r, d, rows, d+rows%3, listed, SquaredDistancesMixed, SquaredDistanceMixed)
			}
		}
	}
	// More rows than one call into assembly takes.
	checkSquaredDistances(t, y, r, 3, 2500, 3, false, SquaredDistances, SquaredDistance)
	checkSquaredDistances(t, y, r, 3, 2500, 3, true, SquaredDistancesMixed, SquaredDistanceMixed)
}

func TestSquaredDistancesPanics(t *testing.T) {
	x, c, out := make([]float64, 12), make([]float64, 12), make([]float64, 4)
	for name, call := range map[string]func(){
		"row":            func() { SquaredDistances(3, x, 3, []int32{4}, c, []int32{0}, out) },
		"negative row":   func() { SquaredDistances(3, x, 3, []int32{-1}, c, []int32{0}, out) },
		"centre":         func() { SquaredDistances(3, x, 3, nil, c, []int32{4}, out) },
		"negative label": func() { SquaredDistances(3, x, 3, nil, c, []int32{-1}, out) },
		"index":          func() { SquaredDistances(3, x, 3, []int32{0}, c, []int32{0, 0}, out) },
		"rows":           func() { SquaredDistances(3, x, 3, nil, c, make([]int32, 5), make([]float64, 5)) },
		"out":            func() { SquaredDistances(3, x, 3, nil, c, make([]int32, 4), out[:3]) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
