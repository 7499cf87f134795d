//go:build unix

package simd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// holed gives rows that are fenced, with NaN between them.
func holed[T float](y *yard, r *rand.Rand, d, rows, stride int) []T {
	x := fenced[T](y, max(rows-1, 0)*stride+d*min(rows, 1))
	for i := range x {
		x[i] = T(math.NaN())
		if stride == 0 || i%stride < d {
			x[i] = T(r.NormFloat64())
		}
	}
	return x
}

type moveFunc[T float] func(d int, x []T, stride int, index, to, from []int32, weight, sums []float64)

func checkMoveRows[T float](t *testing.T, y *yard, r *rand.Rand, d, rows, moved, stride int, weighted bool, move moveFunc[T]) {
	t.Helper()
	const k = 3
	x := holed[T](y, r, d, rows, stride)
	index, to, from := fenced[int32](y, moved), fenced[int32](y, moved), fenced[int32](y, moved)
	var weight []float64
	if weighted {
		weight = fence(y, normals[float64](r, moved))
	}
	sums := fenced[float64](y, k*d)
	want, size := make([]float64, k*d), make([]float64, k*d)
	for m := range moved {
		index[m], to[m], from[m] = r.Int32N(int32(rows)), r.Int32N(k), r.Int32N(k+1)-1
		w := 1.0
		if weighted {
			w = weight[m]
		}
		for q := range d {
			v := w * float64(x[int(index[m])*stride+q])
			want[int(to[m])*d+q] += v
			size[int(to[m])*d+q] += math.Abs(v)
			if from[m] >= 0 {
				want[int(from[m])*d+q] -= v
				size[int(from[m])*d+q] += math.Abs(v)
			}
		}
	}
	for _, l := range Available() {
		restore := Use(l)
		for i := range sums {
			sums[i] = float64(i)
		}
		move(d, x, stride, index, to, from, weight, sums)
		for i, v := range sums {
			if math.Abs(v-float64(i)-want[i]) > 1e-14*(size[i]+float64(i)) {
				t.Fatalf("%v, d=%d, %d moves: sum %d is %v, want %v", l, d, moved, i, v-float64(i), want[i])
			}
		}
		restore()
	}
	y.check()
}

func TestMoveRows(t *testing.T) {
	y, r := newYard(t), newRand()
	for d := 1; d < 40; d++ {
		for _, moved := range []int{0, 1, 2, 9} {
			checkMoveRows(t, y, r, d, 6, moved, d+moved%3, d%2 == 0, MoveRows)
			checkMoveRows(t, y, r, d, 6, moved, d+moved%3, d%2 == 0, MoveRowsF64)
		}
	}
	// More rows than one call into assembly takes, and rows that are too long for it.
	checkMoveRows(t, y, r, 200, 5, 1500, 200, true, MoveRows)
	checkMoveRows(t, y, r, 200, 5, 1500, 200, false, MoveRowsF64)
	checkMoveRows(t, y, r, 300, 5, 10, 301, true, MoveRowsF64)
}

// TestMoveRowsBackAndForth: what went in and out again leaves nothing behind, at any place of a vector.
func TestMoveRowsBackAndForth(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		x, sums := normals[float32](newRand(), 21), make([]float64, 42)
		MoveRows(21, x, 21, []int32{0, 0}, []int32{0, 1}, []int32{-1, 0}, nil, sums)
		for q, v := range x {
			if sums[q] != 0 || sums[21+q] != float64(v) {
				t.Errorf("element %d: %v, %v", q, sums[q], sums[21+q])
			}
		}
	})
}

func fill(s []float64, v float64) {
	for i := range s {
		s[i] = v
	}
}

func checkSumRows[T float](t *testing.T, y *yard, r *rand.Rand, d, rows, stride int, sum func(rows int, x []T, stride int, sums []float64)) {
	t.Helper()
	x, sums := holed[T](y, r, d, rows, stride), fenced[float64](y, d)
	for _, l := range Available() {
		restore := Use(l)
		fill(sums, 3)
		sum(rows, x, stride, sums)
		for q, v := range sums {
			want, size := 3.0, 3.0
			for i := range rows {
				want += float64(x[i*stride+q])
				size += math.Abs(float64(x[i*stride+q]))
			}
			if !(math.Abs(v-want) <= 1e-14*size) {
				t.Fatalf("%v, d=%d, %d rows: sum %d is %v, want %v", l, d, rows, q, v, want)
			}
		}
		restore()
	}
	y.check()
}

func TestSumRows(t *testing.T) {
	y, r := newYard(t), newRand()
	for d := 1; d < 80; d++ {
		for _, rows := range []int{0, 1, 2, 7} {
			checkSumRows(t, y, r, d, rows, d+rows%3, SumRows)
			checkSumRows(t, y, r, d, rows, d+rows%3, SumRowsF64)
		}
	}
	// More rows than one call into assembly takes.
	checkSumRows(t, y, r, 100, 1500, 0, SumRows)
	checkSumRows(t, y, r, 100, 1500, 0, SumRowsF64)
}

func TestFailing(t *testing.T) {
	y, r := newYard(t), newRand()
	check := func(n, k int) {
		upper, lower, label, index := allot[float32](y, n), allot[float32](y, n), allot[int32](y, n), allot[int32](y, n)
		for i := range n {
			upper[i], lower[i], label[i] = float32(r.NormFloat64()), float32(r.NormFloat64()), r.Int32N(int32(k))
		}
		own, others, half := normals[float32](r, k), normals[float32](r, k), normals[float32](r, k)
		if n > 3 {
			upper[3] = float32(math.NaN())
			upper[2] = lower[2] - others[label[2]] - own[label[2]]
		}
		var want []int32
		for i, j := range label {
			if !(upper[i]+own[j] < max(lower[i]-others[j], half[j])) {
				want = append(want, int32(i))
			}
		}
		for _, l := range Available() {
			restore := Use(l)
			if found := Failing(label, upper, lower, own, others, half, index); !slices.Equal(index[:found], want) {
				t.Fatalf("%v, %d rows: %v, want %v", l, n, index[:found], want)
			}
			restore()
		}
		if y != nil {
			y.check()
		}
	}
	for n := range 70 {
		check(n, 1+n%20)
	}
	y = nil
	check(100_003, 40) // more than one call into assembly takes
}

// TestLabelsOutOfRange: the assembly does not look.
func TestLabelsOutOfRange(t *testing.T) {
	x, sums := make([]float64, 4), make([]float64, 4)
	for _, j := range []int32{-2, 2, math.MaxInt32, math.MinInt32} {
		for name, call := range map[string]func(){
			"to":    func() { MoveRowsF64(2, x, 2, []int32{0}, []int32{j}, []int32{-1}, nil, sums) },
			"from":  func() { MoveRowsF64(2, x, 2, []int32{0}, []int32{0}, []int32{j}, nil, sums) },
			"index": func() { MoveRowsF64(2, x, 2, []int32{j}, []int32{0}, []int32{-1}, nil, sums) },
			"failing": func() {
				Failing([]int32{j}, make([]float32, 1), make([]float32, 1), make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]int32, 1))
			},
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s %d: no panic", name, j)
					}
				}()
				call()
			}()
		}
	}
}
