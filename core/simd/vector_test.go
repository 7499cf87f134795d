//go:build unix

package simd

import (
	"math"
	"testing"
)

// near compares a sum with one in another order; size is the sum of magnitudes.
func near(got, want, size, eps float64) bool {
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return got == want || math.IsNaN(got) && math.IsNaN(want)
	}
	return math.Abs(got-want) <= eps*size
}

// fenceShort copies s to where it is fenced, if it fits there.
func fenceShort[T any](y *yard, s []T) []T {
	if len(s) > 1000 {
		return s
	}
	return fence(y, s)
}

// vectorLengths are all short ones, and some about the length of one call.
func vectorLengths() []int {
	lengths := []int{500, passChunk - 1, 2*passChunk + 77}
	for n := range 71 {
		lengths = append(lengths, n)
	}
	return lengths
}

func TestDot(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for _, n := range vectorLengths() {
			for rep := range 4 {
				a, b, s := normals[float64](r, n), normals[float64](r, n), normals[float32](r, n)
				if rep == 3 && n > 0 {
					a[r.IntN(n)] = math.NaN()
					s[r.IntN(n)] = float32(math.Inf(1))
				}
				var want, size, wantMixed, sizeMixed float64
				for i := range a {
					want, size = want+a[i]*b[i], size+math.Abs(a[i]*b[i])
					p := float64(s[i]) * b[i]
					wantMixed, sizeMixed = wantMixed+p, sizeMixed+math.Abs(p)
				}
				a, b, s = fenceShort(y, a), fenceShort(y, b), fenceShort(y, s)
				eps := float64(n) * 0x1p-52
				if got := Dot(a, b); !near(got, want, size, eps) {
					t.Fatalf("n=%d: Dot gives %g, want %g", n, got, want)
				}
				if got := DotMixed(s, b); !near(got, wantMixed, sizeMixed, eps) {
					t.Fatalf("n=%d: DotMixed gives %g, want %g", n, got, wantMixed)
				}
				y.check()
			}
		}
	})
}

func TestAxpy(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for _, n := range vectorLengths() {
			for rep := range 4 {
				x, s, before := normals[float64](r, n), normals[float32](r, n), normals[float64](r, n)
				if rep == 3 {
					nasty(r, x)
					nasty(r, s)
				}
				alpha := r.NormFloat64()
				x, s = fenceShort(y, x), fenceShort(y, s)
				w, v := fenceShort(y, append([]float64(nil), before...)), fenceShort(y, append([]float64(nil), before...))
				Axpy(alpha, x, w)
				AxpyMixed(alpha, s, v)
				for i, b := range before {
					for _, c := range []struct{ got, x float64 }{{w[i], x[i]}, {v[i], float64(s[i])}} {
						if !near(c.got, b+alpha*c.x, math.Abs(b)+math.Abs(alpha*c.x), 0x1p-52) {
							t.Fatalf("n=%d: %g + %g * %g gives %g", n, b, alpha, c.x, c.got)
						}
					}
				}
				y.check()
			}
		}
	})
}

func TestAddRows(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		r, y := newRand(), newYard(t)
		for _, n := range append(vectorLengths(), passChunk/addRowsMost+9) {
			for rows := range 21 {
				if n > 71 && rows%6 > 1 {
					continue
				}
				k, delta := normals[float32](r, 3*n), normals[float32](r, rows)
				if rows == 7 && n > 0 {
					k[r.IntN(n)] = float32(math.NaN())
				}
				k = fenceShort(y, k)
				f := normals[float64](r, n)
				want, size := append([]float64(nil), f...), make([]float64, n)
				off := make([]int, rows)
				for e := range off {
					off[e] = r.IntN(2*n + 1)
					if e == 0 {
						off[e] = 2 * n // to the end of k
					}
					for v := range want {
						p := float64(delta[e]) * float64(k[off[e]+v])
						want[v] += p
						size[v] += math.Abs(p)
					}
				}
				f = fenceShort(y, f)
				AddRows(f, k, fence(y, off), fence(y, delta))
				for v := range f {
					if !near(f[v], want[v], size[v], 8*0x1p-24) && math.Abs(f[v]-want[v]) > 1e-14 || math.IsNaN(f[v]) != math.IsNaN(want[v]) {
						t.Fatalf("n=%d, %d rows: f[%d] = %g, want %g", n, rows, v, f[v], want[v])
					}
				}
				y.check()
			}
		}
	})
}

// A row that stands in for one that is missing counts for nothing.
func TestAddRowsExact(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		const n = 40
		k, delta := make([]float32, 30*n), make([]float32, 30)
		var off []int
		for e := range 30 {
			off = append(off, e*n)
			delta[e] = float32(e%5 - 2)
			for v := range n {
				k[e*n+v] = float32(e*v%17 - 8)
			}
		}
		for rows := range 31 {
			f := make([]float64, n)
			AddRows(f, k, off[:rows], delta[:rows])
			for v := range f {
				want := 0.0
				for e := range rows {
					want += float64(delta[e] * k[e*n+v])
				}
				if f[v] != want {
					t.Fatalf("%d rows: f[%d] = %g, want %g", rows, v, f[v], want)
				}
			}
		}
	})
}

func TestVectorShort(t *testing.T) {
	d, s := make([]float64, 9), make([]float32, 9)
	panics(t, "Dot", func() { Dot(d, d[:8]) })
	panics(t, "DotMixed", func() { DotMixed(s, d[:8]) })
	panics(t, "Axpy", func() { Axpy(1, d, d[:8]) })
	panics(t, "AxpyMixed", func() { AxpyMixed(1, s, d[:8]) })
	panics(t, "off", func() { AddRows(d, s, nil, s[:1]) })
	panics(t, "too far", func() { AddRows(d, s, []int{1}, s[:1]) })
	panics(t, "negative", func() { AddRows(d[:1], s, []int{-1}, s[:1]) })
	panics(t, "overflow", func() { AddRows(d[:1], s, []int{math.MaxInt}, s[:1]) })
}

func TestPause(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 10, 1000} {
		Pause(n)
	}
}

func FuzzVectors(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), uint16(3), 0.5)
	f.Add(make([]byte, 700), uint16(70), -1e300)
	f.Fuzz(func(t *testing.T, data []byte, split uint16, alpha float64) {
		s := fuzzFloats(data)
		s = s[:min(len(s), 4096)]
		n := min(int(split), len(s))
		y := newYard(t)
		var want []float64
		for _, l := range Available() {
			restore := Use(l)
			k, w := fence(y, s), fenced[float64](y, n)
			clear(w)
			AxpyMixed(alpha, k[:n], w)
			AddRows(w, k, []int{len(s) - n, 0, (len(s) - n) / 2}, []float32{1, -1, 0})
			if want == nil {
				want = append(want, w...)
			}
			for i := range w {
				// What is finite in one order of summing may overflow in another.
				if !near(w[i], want[i], math.Abs(alpha*float64(s[i]))+math.MaxFloat32, 1e-6) && !math.IsNaN(w[i]) && !math.IsInf(w[i], 0) {
					t.Fatalf("%v: %g, want %g", l, w[i], want[i])
				}
			}
			y.check()
			restore()
		}
	})
}
