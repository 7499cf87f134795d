//go:build unix

package simd

import (
	"math"
	"slices"
	"testing"
)

func TestGap(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for n := range 71 {
			for rep := range 20 {
				f := normals[float64](r, n)
				if rep%2 == 1 {
					nasty(r, f)
				}
				f, state := fence(y, f), fence(y, states(r, n))
				minUp, maxLow := Gap(f, state)
				wantUp, wantLow := gapRef(f, state)
				if minUp != wantUp || maxLow != wantLow {
					t.Fatalf("n=%d: Gap gives %g, %g, want %g, %g", n, minUp, maxLow, wantUp, wantLow)
				}
				y.check()
			}
		}
	})
}

// Every point alone can be either end, also past what one call takes.
func TestGapEachPoint(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const n = passChunk + 50
		f, state := make([]float64, n), make([]uint8, n)
		for i := range state {
			state[i] = Up | Low
		}
		for i := 0; i < n; i++ {
			if i == 100 {
				i = passChunk - 50
			}
			f[i] = -1
			if minUp, maxLow := Gap(f, state); minUp != -1 || maxLow != 0 {
				t.Fatalf("point %d: %g, %g", i, minUp, maxLow)
			}
			f[i] = 1
			if minUp, maxLow := Gap(f, state); minUp != 0 || maxLow != 1 {
				t.Fatalf("point %d: %g, %g", i, minUp, maxLow)
			}
			state[i] = 0
			if minUp, maxLow := Gap(f, state); minUp != 0 || maxLow != 0 {
				t.Fatalf("point %d without a state: %g, %g", i, minUp, maxLow)
			}
			f[i], state[i] = 0, Up|Low
		}
	})
}

// checkViolators runs Violators on fenced memory and compares all it gives.
func checkViolators(t *testing.T, y *yard, f []float64, state, skip []uint8, minUp, maxLow float64) {
	t.Helper()
	n := len(f)
	idx, val := fenced[int32](y, n), fenced[float32](y, n)
	got := Violators(fence(y, f), fence(y, state), fence(y, skip), minUp, maxLow, idx, val)
	y.check()
	wantIdx, wantVal := make([]int32, n), make([]float32, n)
	want := violatorsRef(f, state, skip, minUp, maxLow, 0, wantIdx, wantVal)
	if got != want || !slices.Equal(idx[:got], wantIdx[:got]) || !slices.Equal(val[:got], wantVal[:got]) {
		t.Fatalf("n=%d, %g, %g: Violators gives\n%d: %v %v, want\n%d: %v %v", n, minUp, maxLow,
			got, idx[:got], val[:got], want, wantIdx[:want], wantVal[:want])
	}
}

func TestViolators(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for n := range 71 {
			for rep := range 30 {
				f, state, skip := normals[float64](r, n), states(r, n), make([]uint8, n)
				if rep%2 == 1 {
					nasty(r, f)
				}
				for i := range skip {
					if rep%3 > 0 && r.IntN(3) == 0 {
						skip[i] = uint8(1 << r.IntN(8))
					}
				}
				minUp, maxLow := r.NormFloat64(), r.NormFloat64()
				switch rep % 5 {
				case 0:
					minUp, maxLow = math.Inf(-1), math.Inf(1) // all violate
				case 1:
					minUp, maxLow = 10, -10 // hardly any
				case 2:
					minUp, maxLow = -1, 1 // ties
				}
				checkViolators(t, y, f, state, skip, minUp, maxLow)
				checkViolators(t, y, f, state, skip, math.NaN(), maxLow)
				checkViolators(t, y, f, state, skip, minUp, math.NaN())
			}
		}
	})
}

// Indices go on from one call into assembly to the next.
func TestViolatorsLong(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const n = 2*passChunk + 37
		r := newRand()
		f, state, skip := normals[float64](r, n), states(r, n), make([]uint8, n)
		idx, val := make([]int32, n), make([]float32, n)
		wantIdx, wantVal := make([]int32, n), make([]float32, n)
		got := Violators(f, state, skip, 0, 0, idx, val)
		want := violatorsRef(f, state, skip, 0, 0, 0, wantIdx, wantVal)
		if want < n/4 || got != want || !slices.Equal(idx[:got], wantIdx[:want]) || !slices.Equal(val[:got], wantVal[:want]) {
			t.Errorf("%d violators, want the same %d", got, want)
		}
	})
}

func TestSelectShort(t *testing.T) {
	f, s, i, v := make([]float64, 9), make([]uint8, 9), make([]int32, 9), make([]float32, 9)
	panics(t, "state", func() { Gap(f, s[:8]) })
	panics(t, "state", func() { Violators(f, s[:8], s, 0, 0, i, v) })
	panics(t, "skip", func() { Violators(f, s, s[:8], 0, 0, i, v) })
	panics(t, "idx", func() { Violators(f, s, s, 0, 0, i[:8], v) })
	panics(t, "val", func() { Violators(f, s, s, 0, 0, i, v[:8]) })
}

func FuzzSelect(f *testing.F) {
	r := newRand()
	for _, n := range []int{0, 5, 33, 70} {
		data := make([]byte, 10*n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data, -0.5, 0.5)
	}
	f.Fuzz(func(t *testing.T, data []byte, minUp, maxLow float64) {
		n := min(len(data)/10, 4096)
		v, state, skip := fuzzFloat64s(data[:8*n]), data[8*n:9*n], slices.Clone(data[9*n:10*n])
		for i := range skip {
			skip[i] &= 0x11 // so that many are kept
		}
		y := newYard(t)
		for _, l := range Available() {
			restore := Use(l)
			gotUp, gotLow := Gap(fence(y, v), fence(y, state))
			if wantUp, wantLow := gapRef(v, state); gotUp != wantUp || gotLow != wantLow {
				t.Fatalf("Gap gives %g, %g, want %g, %g", gotUp, gotLow, wantUp, wantLow)
			}
			checkViolators(t, y, v, state, skip, minUp, maxLow)
			restore()
		}
	})
}
